import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { elsewhere } from "./elsewhere.js";
import { FREEZES, HELD, outcomeOf } from "./frozen-program.js";
import { Project } from "./project.js";

const IMPORTS = `import { GracefulShutdown, Watchdog } from "@kstlib/resilience";`;
const REQUIRES = `const { GracefulShutdown, Watchdog } = require("@kstlib/resilience");`;

describe("one file of Rolldown, run from another folder, keeps the monitor and the deadline", () => {
  test.each(["esm", "cjs"])("as %s", async (format) => {
    const project = new Project().install("rolldown@1");
    const folder = elsewhere();
    const file = path.join(folder, format === "esm" ? "app.mjs" : "app.cjs");
    const entry = project.write("app.mjs", IMPORTS + FREEZES);
    const args = [entry, "--file", file, "--format", format, "--platform", "node", "--minify"];
    await project.run(process.execPath, [project.bin("rolldown"), ...args]);
    expect(fs.readdirSync(folder)).toEqual([path.basename(file)]);
    expect(await outcomeOf(project.startIn(folder, process.execPath, [file]))).toEqual(HELD);
  });
});

/** The registry that npm uses, which Yarn does not ask npm for. */
function registry(): string {
  const { stdout } = spawnSync("npm", ["config", "get", "registry"], {
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  return stdout.trim();
}

describe("Yarn, which leaves packages in archives, keeps the monitor and the deadline", () => {
  test.each([
    ["an ES module", "app.mjs", IMPORTS],
    ["a CommonJS module", "app.cjs", REQUIRES],
  ])("of %s", async (_kind, file, head) => {
    const tools = new Project().install("@yarnpkg/cli-dist@4");
    const yarn = tools.path("node_modules/@yarnpkg/cli-dist/bin/yarn.js");
    const env = {
      YARN_NPM_REGISTRY_SERVER: registry(),
      YARN_UNSAFE_HTTP_WHITELIST: "*",
      YARN_NODE_LINKER: "pnp",
      YARN_ENABLE_GLOBAL_CACHE: "false",
      YARN_ENABLE_IMMUTABLE_INSTALLS: "false",
      YARN_ENABLE_TELEMETRY: "false",
    };
    const project = new Project();
    // A folder that is no part of the project: Yarn packs it into an archive of its cache.
    fs.renameSync(project.path("node_modules/@kstlib/resilience"), tools.path("package"));
    fs.rmSync(project.path("node_modules"), { recursive: true });
    const dependencies = { "@kstlib/resilience": `file:${tools.path("package")}` };
    project.write("package.json", { name: "app", private: true, dependencies });
    project.write("yarn.lock", "");
    project.write(file, head + FREEZES);
    await project.run(process.execPath, [yarn, "install"], env);
    expect(fs.readdirSync(project.path(".yarn/cache")).join()).toContain("@kstlib-resilience");
    expect(fs.existsSync(project.path("node_modules"))).toBe(false);
    expect(await outcomeOf(project.start(process.execPath, [yarn, "node", file], env))).toEqual(HELD);
  });
});
