import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { cruise, type IConfiguration, type ICruiseResult } from "dependency-cruiser";
import extractTSConfig from "dependency-cruiser/config-utl/extract-ts-config";
import { afterEach, describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const { forbidden, options }: IConfiguration = createRequire(import.meta.url)(
  path.join(root, ".dependency-cruiser.cjs"),
);

/** The rules that the sources under `folder`/src break, each with one import that breaks it. */
async function brokenRules(folder: string): Promise<readonly string[]> {
  const tsConfig = extractTSConfig(path.join(root, "tsconfig.json"));
  const { output } = await cruise(
    ["src"],
    { ...options, baseDir: folder, validate: true, ruleSet: { forbidden: forbidden ?? [] } },
    options?.enhancedResolveOptions ?? {},
    { tsConfig },
  );
  const { summary } = output as ICruiseResult;
  expect(summary.totalCruised).toBeGreaterThan(0);
  return summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`);
}

describe("the one-way rule", () => {
  const made: string[] = [];
  afterEach(() => {
    for (const folder of made.splice(0)) fs.rmSync(folder, { recursive: true, force: true });
  });

  /** A package of nothing but these files. */
  function packageOf(files: Readonly<Record<string, string>>): string {
    const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "one-way-")));
    made.push(folder);
    const all = {
      ...files,
      "package.json": '{"type":"module","dependencies":{"yaml":"*"}}',
      "tsconfig.json": "{}",
      "node_modules/yaml/package.json": '{"name":"yaml","version":"1.0.0","main":"index.js"}',
      "node_modules/yaml/index.js": "module.exports = {};",
    };
    for (const [file, text] of Object.entries(all)) {
      fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      fs.writeFileSync(path.join(folder, file), text);
    }
    return folder;
  }

  test("holds in the sources, types included", async () => {
    expect(await brokenRules(root)).toEqual([]);
  });

  test("allows what the architecture allows", async () => {
    const folder = packageOf({
      "src/kernel/clock.ts": "export interface Clock { now(): number }",
      "src/watchdog/watchdog.ts": 'import type { Clock } from "../kernel/clock.js"; export type C = Clock;',
      "src/registry.ts": 'export type { C } from "./watchdog/watchdog.js";',
      "src/config/index.ts": 'import "yaml"; export type { C } from "../registry.js";',
      "src/index.ts": 'export type { C } from "./registry.js";',
      "src/auto.ts": 'export type { C } from "./config/index.js";',
    });
    expect(await brokenRules(folder)).toEqual([]);
  });

  const value = "export const value = 1;";
  test.each([
    [
      "a pattern that imports another",
      "patterns-import-the-kernel-alone",
      {
        "src/heartbeat/a.ts": 'import { value } from "../watchdog/b.js"; export const own = value;',
        "src/watchdog/b.ts": value,
      },
    ],
    [
      "a pattern that imports only a type of another",
      "patterns-import-the-kernel-alone",
      {
        "src/heartbeat/a.ts": 'import type { B } from "../watchdog/b.js"; export type A = B;',
        "src/watchdog/b.ts": "export type B = 1;",
      },
    ],
    [
      "a kernel that imports a pattern",
      "kernel-stands-alone",
      { "src/kernel/a.ts": 'export { value } from "../shutdown/b.js";', "src/shutdown/b.ts": value },
    ],
    [
      "what is known of processes, importing a pattern",
      "process-imports-the-kernel-alone",
      { "src/process/a.ts": 'export { value } from "../watchdog/b.js";', "src/watchdog/b.ts": value },
    ],
    [
      "a rate limiter that wants to know of processes",
      "process-is-for-those-who-watch-or-end-one",
      { "src/rate-limiter/a.ts": 'export { value } from "../process/b.js";', "src/process/b.ts": value },
    ],
    [
      "a pattern that imports the registry",
      "patterns-import-the-kernel-alone",
      { "src/shutdown/a.ts": 'export { value } from "../registry.js";', "src/registry.ts": value },
    ],
    [
      "a reader of the configuration that knows a pattern",
      "configuration-knows-patterns-by-their-descriptors",
      { "src/config/a.ts": 'export { value } from "../shutdown/b.js";', "src/shutdown/b.ts": value },
    ],
    [
      "a pattern that imports its own descriptor",
      "descriptors-stand-in-the-list-alone",
      {
        "src/shutdown/a.ts": 'export { value } from "./descriptor.js";',
        "src/shutdown/descriptor.ts": value,
      },
    ],
    [
      "a manual clock that imports a pattern",
      "testing-imports-the-kernel-alone",
      { "src/testing/a.ts": 'export { value } from "../shutdown/b.js";', "src/shutdown/b.ts": value },
    ],
    [
      "a registry that imports the configuration file's reader",
      "the-middle-imports-downwards",
      { "src/registry.ts": 'export { value } from "./config/b.js";', "src/config/b.ts": value },
    ],
    [
      "an index that reaches the configuration file's reader on a detour",
      "core-reads-no-file",
      {
        "src/index.ts": 'export { value } from "./registry.js";',
        "src/registry.ts": 'export { value } from "./config/b.js";',
        "src/config/b.ts": value,
      },
    ],
    [
      "a pattern that imports a package",
      "packages-in-config-alone",
      { "src/heartbeat/a.ts": 'import "yaml"; export {};' },
    ],
    [
      "a cycle of types",
      "no-circular",
      {
        "src/kernel/a.ts": 'import type { B } from "./b.js"; export type A = B | 1;',
        "src/kernel/b.ts": 'import type { A } from "./a.js"; export type B = A | 2;',
      },
    ],
    [
      "an entry imported from inside",
      "nobody-imports-an-entry",
      { "src/config/a.ts": 'export { value } from "../index.js";', "src/index.ts": value },
    ],
  ] as const)("catches %s", async (_what, rule, files) => {
    expect((await brokenRules(packageOf(files))).join("\n")).toContain(rule);
  });
});
