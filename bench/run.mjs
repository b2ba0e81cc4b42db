// npm run bench [-- suite ...] [--runs N] [--quick] [--json] [--node 24]
// Runs every suite in several fresh processes, in turns, and prints the medians: mostly ratios, which compare
// better than times between machines.
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { ensureBuilt } from "../scripts/setup.mjs";
import { elsewhere } from "./elsewhere.mjs";
import { median } from "./measure.mjs";

/** `flags` are for Node; `once`: the suite has its own processes or is exact. */
const SUITES = {
  breaker: { flags: [] },
  limiter: { flags: [] },
  policies: { flags: ["--expose-gc"] },
  bulkhead: { flags: [] },
  adaptive: { flags: [], once: true },
  allocation: { flags: ["--expose-gc", "--min-semi-space-size=512", "--max-semi-space-size=512"] },
  redis: { flags: [] },
  "http-client": { flags: [] },
  "http-server": { flags: [] },
  "http-fastify": { flags: [] },
  "http-clients": { flags: ["--expose-gc", "--max-old-space-size=4096"], once: true },
  telemetry: { flags: [] },
  schedule: { flags: [] },
  keyed: { flags: ["--expose-gc", "--max-old-space-size=4096"] },
  watchdog: { flags: [] },
  drain: { flags: [] },
  monitor: { flags: [], once: true },
  startup: { flags: [], once: true },
  size: { flags: [], once: true },
  fleet: { flags: [], once: true },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "5" },
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    node: { type: "string" },
  },
});
const runs = Number(values.runs);
if (!Number.isSafeInteger(runs) || runs < 1) {
  throw new RangeError(`--runs must be a whole number of at least 1; got ${values.runs}`);
}
const unknown = positionals.filter((name) => !Object.hasOwn(SUITES, name));
if (unknown.length > 0) {
  throw new RangeError(`unknown: ${unknown.join(", ")}; the suites are ${Object.keys(SUITES).join(", ")}`);
}
const chosen = positionals.length > 0 ? positionals : Object.keys(SUITES);

function runSuite(name) {
  const file = path.join(program.suites, `${name}.mjs`);
  const args = [...SUITES[name].flags, file, ...(values.quick ? ["--quick"] : [])];
  return new Promise((resolve) => {
    const child = spawn(program.binary, args, { stdio: ["ignore", "pipe", "pipe"] });
    const output = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"]) child[stream].on("data", (chunk) => (output[stream] += chunk));
    child.on("close", (code) => {
      if (code === 0) return resolve({ rows: JSON.parse(output.stdout) });
      resolve({
        error:
          output.stderr
            .trim()
            .split("\n")
            .find((text) => text.includes("Error")) ?? `exit ${code}`,
      });
    });
  });
}

/** One row of all the runs of a suite: the median of the values and how far they lie apart. */
function combine(rows) {
  const [{ value: _value, ...first }] = rows;
  if (first.missing !== undefined) return first;
  const all = rows.map(({ value }) => value);
  const value = median(all);
  const met = value <= (first.max ?? Infinity) && value >= (first.min ?? -Infinity);
  const judged = first.max !== undefined || first.min !== undefined;
  return { ...first, value, low: Math.min(...all), high: Math.max(...all), ...(judged ? { met } : {}) };
}

ensureBuilt();
const here = {
  binary: process.execPath,
  suites: path.join(import.meta.dirname, "suites"),
  version: process.version,
};
const program = values.node === undefined ? here : elsewhere(values.node);
const results = Object.fromEntries(chosen.map((name) => [name, []]));
for (let round = 0; round < runs; round++) {
  for (const name of chosen) {
    if (round > 0 && (SUITES[name].once || results[name][0].error !== undefined)) continue;
    if (!values.json) process.stderr.write(`run ${round + 1} of ${runs}: ${name}   \r`);
    results[name].push(await runSuite(name));
  }
}

const combined = Object.fromEntries(
  Object.entries(results).map(([name, outcomes]) => {
    const failed = outcomes.find(({ error }) => error !== undefined);
    if (failed !== undefined) return [name, failed];
    return [
      name,
      { rows: outcomes[0].rows.map((_, index) => combine(outcomes.map(({ rows }) => rows[index]))) },
    ];
  }),
);

const number = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3))));
const withUnit = (value, unit) => `${number(value)}${unit === "" ? "" : unit === "x" ? " ×" : ` ${unit}`}`;

function line(row) {
  const label = `  ${row.label.padEnd(54)}`;
  if (row.missing !== undefined) return `${label}${row.missing}`;
  const value = withUnit(row.value, row.unit).padStart(10);
  const bound = row.max ?? row.min;
  const target =
    bound === undefined ? "" : `${row.max === undefined ? "≥" : "≤"} ${withUnit(bound, row.unit)}`;
  const mark = row.met === undefined ? " " : row.met ? "✓" : "✗";
  const spread = row.low === row.high ? "" : `(${number(row.low)} … ${number(row.high)})`;
  return `${label}${value}   ${target.padEnd(10)} ${mark}  ${spread}`.trimEnd();
}

if (values.json) {
  const machine = { node: program.version, platform: process.platform, arch: process.arch };
  console.log(JSON.stringify({ machine, runs, quick: values.quick, suites: combined }, null, 2));
} else {
  const cpu = fs.existsSync("/proc/cpuinfo")
    ? /^model name\s*: (.*)$/m.exec(fs.readFileSync("/proc/cpuinfo", "utf8"))?.[1]
    : undefined;
  console.log(
    `Node ${program.version}, ${process.platform} ${process.arch}${cpu === undefined ? "" : `, ${cpu}`}; medians of ${runs} processes${values.quick ? ", quick" : ""}`,
  );
  for (const [name, { rows, error }] of Object.entries(combined)) {
    console.log(`\n${name}`);
    console.log(error === undefined ? rows.map(line).join("\n") : `  did not run: ${error}`);
  }
}
process.exitCode = Object.values(combined).some(({ error }) => error !== undefined) ? 1 : 0;
