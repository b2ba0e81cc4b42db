// npm test: everything that must hold, on a fresh clone too. Every stage runs, also after a failed one.
// The last line is `N passed, N failed, N skipped`: the tests, and one more failure for each other failed stage.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import fs from "node:fs";
import path from "node:path";
import { COUNTS_FILE } from "./closing-line.mjs";
import { ensureSystem } from "./ensure-system.mjs";
import { root, setUp } from "./setup.mjs";

const UNIT_TESTS = "unit tests";
const counts = { passed: 0, failed: 0, skipped: 0 };

// Also when the preparation fails, and when this script itself does.
process.once("exit", (code) => {
  if (code !== 0) counts.failed ||= 1;
  console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
});

process.chdir(root);
setUp();
ensureSystem();
fs.rmSync(COUNTS_FILE, { force: true });

const require = createRequire(path.join(root, "package.json"));

/** The script behind a command of a package: run by Node directly, it needs no shell on any platform. */
function command(name, args, from = name) {
  const folder = path.join(root, "node_modules", from);
  const { bin } = require(path.join(folder, "package.json"));
  return { name, args: [path.join(folder, typeof bin === "string" ? bin : bin[name]), ...args] };
}
const script = (name, args = []) => ({ name, args: [path.join(root, "scripts", name), ...args] });

const STAGES = [
  { title: "build", commands: [script("build.mjs")] },
  {
    title: "types",
    commands: [
      command("tsc", ["-p", "tsconfig.json"], "@typescript/native"),
      command("tsc", ["-p", "tsconfig.test.json"], "@typescript/native"),
    ],
  },
  { title: "lint", commands: [command("oxlint", []), command("oxfmt", ["--check"])] },
  { title: UNIT_TESTS, commands: [command("vitest", ["run"])], live: true },
  {
    title: "package checks",
    commands: [
      command("publint", ["--strict"]),
      command("attw", ["--pack", "."], "@arethetypeswrong/cli"),
      command("size-limit", []),
      command("depcruise", ["src"], "dependency-cruiser"),
      command("knip", []),
    ],
  },
  { title: "examples in the documentation", commands: [script("check-examples.mjs")], live: true },
];

/** Runs one command; what it prints is shown as it comes (`live`), or only when it fails. */
function run({ name, args }, live) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      stdio: ["ignore", live ? "inherit" : "pipe", live ? "inherit" : "pipe"],
      // Otherwise `npm pack` inside a tool would take itself for a part of this lifecycle.
      env: { ...process.env, npm_config_loglevel: "error" },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (output += chunk));
    child.on("close", (code, signal) => {
      if (code !== 0) console.log(`${output}${name} failed: ${signal ?? `exit code ${code}`}`);
      resolve(code === 0);
    });
  });
}

/** What the reporter counted; nothing when the tests did not finish. */
function countedTests() {
  if (!fs.existsSync(COUNTS_FILE)) return { passed: 0, failed: 0, skipped: 0 };
  return JSON.parse(fs.readFileSync(COUNTS_FILE, "utf8"));
}

/** Runs the commands of a stage, two at a time. */
async function runStage({ commands, live = false }) {
  const waiting = [...commands];
  const results = [];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      results.push(await run(next, live));
    }
  };
  await Promise.all([worker(), worker()]);
  return results.every(Boolean);
}

for (const stage of STAGES) {
  console.log(`\n== ${stage.title}`);
  const start = performance.now();
  const passed = await runStage(stage);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${passed ? "ok" : "FAILED"}: ${stage.title}, ${seconds} s`);
  const tests = stage.title === UNIT_TESTS ? countedTests() : { passed: 0, failed: 0, skipped: 0 };
  counts.passed += tests.passed;
  counts.skipped += tests.skipped;
  counts.failed += passed ? 0 : Math.max(1, tests.failed);
}
process.exitCode = counts.failed === 0 ? 0 : 1;
