// npm run test:matrix [-- runtime ...] [--only capability,...] [--suite] [--json]
// Tests the library on the installed Node.js and on runtimes of the npm registry: each capability by a small program that
// is judged from outside, and compared with what is known of each runtime. A complete run without differences writes the
// table in docs/runtimes.md. With --suite the unit tests run as well, on each Node.js. A complete run ends with the
// packed package in frameworks, bundlers and wrappers of the registry (*.matrix.ts); --outside runs only those.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { CAPABILITIES } from "../test/matrix/capabilities.mjs";
import { expectationOf } from "../test/matrix/expectations.mjs";
import { judge } from "../test/matrix/outside.mjs";
import { prepare, RUNTIMES } from "../test/matrix/runtimes.mjs";
import { writeDocument } from "../test/matrix/document.mjs";
import { root, setUp } from "./setup.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string" },
    suite: { type: "boolean", default: false },
    outside: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    jobs: { type: "string", default: String(os.availableParallelism()) },
  },
});

function chosen(given, known, what) {
  const unknown = given.filter((name) => !known.includes(name));
  if (unknown.length === 0) return given.length > 0 ? given : known;
  throw new RangeError(`unknown ${what}: ${unknown.join(", ")}; the known ones are ${known.join(", ")}`);
}
const runtimeIds = chosen(positionals, Object.keys(RUNTIMES), "runtime");
const capabilityIds = chosen(
  values.only?.split(",") ?? [],
  CAPABILITIES.map(({ id }) => id),
  "capability",
);
const capabilities = CAPABILITIES.filter(({ id }) => capabilityIds.includes(id));
const print = values.json ? () => {} : (line) => console.log(line);

/** Runs the packed package in frameworks, bundlers and wrappers. */
function runOutside() {
  const vitest = path.join(root, "node_modules", "vitest", "vitest.mjs");
  const args = [vitest, "run", "--config", "vitest.matrix.config.ts"];
  return (
    spawnSync(process.execPath, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] }).status === 0
  );
}

setUp();
if (values.outside) process.exit(runOutside() ? 0 : 1);
const prepared = runtimeIds.map(prepare);
const runtimes = prepared.filter(({ missing }) => missing === undefined);
const skipped = prepared.filter(({ missing }) => missing !== undefined);
for (const { title, missing } of skipped) print(`SKIPPED ${title}: ${missing}`);

const told = ({ result, why }) => (why === undefined ? result : `${result} (${why})`);

const rows = [];
const tasks = runtimes.flatMap((runtime) => capabilities.map((capability) => ({ runtime, capability })));
async function work() {
  for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
    const { runtime, capability } = task;
    const found = await judge(capability, runtime);
    const expected = expectationOf(capability.id, runtime);
    const asExpected = found.result === expected.result && found.why === expected.why;
    rows.push({
      runtime: runtime.id,
      version: runtime.version,
      capability: capability.id,
      ...found,
      asExpected,
    });
    print(`${asExpected ? "ok    " : "FAILED"} ${runtime.title}: ${capability.id}: ${told(found)}`);
    if (!asExpected) print(`       expected: ${told(expected)}`);
  }
}
await Promise.all(Array.from({ length: Number(values.jobs) }, work));

/** Runs the unit tests on a Node.js from the registry; on the installed one that is `npm test`. */
function runSuite({ id, title, binary }) {
  const report = path.join(root, ".cache", `suite-${id}.json`);
  const vitest = path.join(root, "node_modules", "vitest", "vitest.mjs");
  const reporters = ["--reporter=json", `--outputFile=${report}`];
  fs.rmSync(report, { force: true });
  // Some tests start `node`, or a script that does.
  const env = { ...process.env, PATH: `${path.dirname(binary)}${path.delimiter}${process.env.PATH}` };
  const options = { cwd: root, env, stdio: ["ignore", "ignore", "inherit"] };
  const { status } = spawnSync(binary, [vitest, "run", "--typecheck.enabled=false", ...reporters], options);
  const found = fs.existsSync(report) ? JSON.parse(fs.readFileSync(report, "utf8")) : undefined;
  const tests = found?.testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ fullName, status: result }) => ({
      test: `${path.relative(root, name)}: ${fullName}`,
      result,
    })),
  );
  const failures = tests?.filter(({ result }) => result === "failed").map(({ test }) => test) ?? [];
  const passed = found?.numPassedTests ?? 0;
  const ok = status === 0 && passed > 0;
  print(`${ok ? "ok    " : "FAILED"} ${title}: the unit tests: ${passed} passed, ${failures.length} failed`);
  for (const test of failures) print(`       ${test}`);
  return { runtime: id, passed, failures, ok };
}
const suites = values.suite
  ? runtimes.filter(({ id, family }) => family === "node" && id !== "node").map(runSuite)
  : [];

const failed = rows.filter(({ asExpected }) => !asExpected);
const isComplete =
  runtimes.length === Object.keys(RUNTIMES).length && capabilities.length === CAPABILITIES.length;
if (isComplete && failed.length === 0) writeDocument(runtimes, CAPABILITIES, rows);
const outside = !isComplete || values.json || runOutside();
if (values.json) {
  const machine = { platform: process.platform, arch: process.arch };
  console.log(JSON.stringify({ machine, skipped, results: rows, suites }, null, 2));
} else {
  print(
    `\n${rows.length - failed.length} passed, ${failed.length} failed, ${skipped.length * capabilities.length} skipped`,
  );
}
process.exitCode = failed.length === 0 && outside && suites.every(({ ok }) => ok) ? 0 : 1;
