import os from "node:os";
import { defineConfig } from "vitest/config";
import { threadPrograms } from "./scripts/thread-programs.mjs";

export default defineConfig({
  plugins: [threadPrograms],
  test: {
    globalSetup: "./scripts/vitest-setup.mjs",
    reporters: ["default", "./scripts/closing-line.mjs"],
    include: ["test/**/*.test.ts"],
    typecheck: {
      enabled: true,
      include: ["test/**/*.test-d.ts"],
      // Not from .bin, where each of the compilers that the tests use would be `tsc`.
      checker: "./node_modules/@typescript/native/bin/tsc",
      tsconfig: "./tsconfig.test.json",
    },
    coverage: { provider: "v8", include: ["src/**/*.ts"], reporter: ["text", "json-summary"] },
    // A machine may be busy with something else for long: only what hangs is ended.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    // Most of the time is spent waiting for programs, so no core is kept free for the runner.
    maxWorkers: Math.max(2, os.availableParallelism()),
    // Of the tests of one file that say so: most of them wait for programs that wait themselves.
    maxConcurrency: 8,
  },
});
