import fs from "node:fs";
import path from "node:path";
import { defineConfig } from "vitest/config";

/** The tests of the sources alone: those that start programs or read the built package see no mutation. */
function unitTests(): string[] {
  return fs
    .readdirSync("test", { recursive: true, encoding: "utf8" })
    .map((file) => path.join("test", file))
    .filter((file) => file.endsWith(".test.ts") && !file.startsWith(path.join("test", "package")))
    .filter((file) => !/child_process|worker_threads|fixtures|\bdist\//.test(fs.readFileSync(file, "utf8")));
}

export default defineConfig({
  test: {
    include: unitTests(),
    env: { PROPERTY_RUNS: "50" },
    testTimeout: 30_000,
  },
});
