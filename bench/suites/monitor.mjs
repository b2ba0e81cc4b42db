// The CPU time of the idle monitor thread, and how soon it finds a freeze and its stack.
// This file runs itself: each figure comes from separate processes.
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { Watchdog } from "@kstlib/resilience";
import { build } from "esbuild";
import { median, quick, report } from "../measure.mjs";

/** The library's own way to a stack, which no entry of the package exports. */
async function internal(name) {
  const entryPoint = fileURLToPath(new URL(`../../src/${name}.ts`, import.meta.url));
  const options = { bundle: true, write: false, format: "esm", platform: "node" };
  const { outputFiles } = await build({ ...options, entryPoints: [entryPoint] });
  return import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
}
const HOOK = "@kstlib/resilience/bench";
/** A quarter of the shortest timeout: how late a freeze may be found. */
const POLL = 250;

const programs = {
  /** A service that pings four times a second, with or without a watchdog of so many seconds. */
  async idle(timeout) {
    const watchdog = new Watchdog({ timeout: Number(timeout) || 30 });
    if (timeout !== "none") watchdog.start();
    setInterval(() => watchdog.ping(), 250);
    await sleep(1500);
    const start = performance.now();
    const before = process.cpuUsage();
    await sleep(quick ? 2000 : 10_000);
    const { user, system } = process.cpuUsage(before);
    const percent = (user + system) / 1000 / (performance.now() - start) / 0.01;
    return { percent, megabytes: process.memoryUsage.rss() / 1e6 };
  },
  /** How long after the timeout a freeze is reported with its stack, in milliseconds. */
  async detect() {
    const watchdog = new Watchdog({ timeout: 1 });
    watchdog.start();
    await sleep(700 + Math.random() * POLL);
    watchdog.ping();
    const from = performance.now();
    while (!watchdog.isTriggered);
    const late = performance.now() - from - 1000;
    // Time that a busy machine took from this thread is not the monitor's delay.
    let starved = 0;
    watchdog.on("timeout", ({ details }) => (starved = (details.secondsNotCounted ?? 0) * 1000));
    watchdog.stop();
    return { late: late - starved };
  },
  /** The times that it takes to get stacks of a thread that runs, in milliseconds. */
  async stacks() {
    Object.defineProperty(globalThis, Symbol.for(HOOK), { value: { isInterrupting: () => false } });
    const worker = new Worker(new URL(import.meta.url));
    const done = new Int32Array(new SharedArrayBuffer(4));
    const deep = (depth) => {
      if (depth > 0) return deep(depth - 1) + 1;
      while (Atomics.load(done, 0) === 0);
      return 0;
    };
    // The worker is there before the thread blocks, as the monitor is.
    await once(worker, "message");
    worker.postMessage(done);
    const answered = once(worker, "message");
    deep(30);
    const [times] = await answered;
    return { times };
  },
};

async function takeStacks() {
  const { evaluateOnMain } = await internal("process/inspector");
  const { TAKE_STACK } = await internal("watchdog/monitor/freeze-hook");
  const asked = once(parentPort, "message");
  parentPort.postMessage("ready");
  const [done] = await asked;
  await sleep(100);
  const times = [];
  for (let turn = 0; turn < (quick ? 5 : 20); turn++) {
    const answer = await evaluateOnMain(`(${TAKE_STACK})(globalThis[Symbol.for("${HOOK}")], 1)`, 5000);
    if (!answer.value.includes("deep")) throw new Error(`no stack: ${answer.value}`);
    times.push(answer.took);
  }
  parentPort.postMessage(times);
  Atomics.store(done, 0, 1);
}

function run(...args) {
  const flags = quick ? ["--quick"] : [];
  const command = [fileURLToPath(import.meta.url), ...args, ...flags];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

/** Several processes of each kind, in turns. */
function figures() {
  const rounds = quick ? 1 : 3;
  const idle = { none: [], 30: [], 1: [] };
  const freezes = [];
  const stacks = [];
  for (let round = 0; round < rounds; round++) {
    for (const timeout of Object.keys(idle)) idle[timeout].push(run("idle", timeout));
    for (let turn = 0; turn < (quick ? 3 : 7); turn++) freezes.push(run("detect"));
    stacks.push(...run("stacks").times);
  }
  const middle = (timeout, of) => median(idle[timeout].map(of));
  const more = (timeout, of) => Math.max(0, middle(timeout, of) - middle("none", of));
  const cpu = ({ percent }) => percent;
  const memory = ({ megabytes }) => megabytes;
  return [
    { id: "idle-30", label: "idle monitor, timeout 30 s: CPU", value: more(30, cpu), unit: "%", max: 0.1 },
    { id: "idle-1", label: "idle monitor, timeout 1 s: CPU", value: more(1, cpu), unit: "%", max: 0.1 },
    { id: "memory", label: "idle monitor: memory (RSS)", value: more(30, memory), unit: "MB", max: 15 },
    {
      id: "detect",
      label: "a freeze is reported, in polls after the timeout",
      value: median(freezes.map(({ late }) => late / POLL)),
      unit: "x",
      max: 1,
    },
    { id: "stack", label: "a stack of the frozen thread", value: median(stacks), unit: "ms", max: 20 },
  ];
}

if (!isMainThread) await takeStacks();
else {
  const [program, ...args] = process.argv.slice(2).filter((word) => !word.startsWith("--"));
  if (program === undefined) report(figures());
  else {
    process.stdout.write(`${JSON.stringify(await programs[program](...args))}\n`);
    process.exit(0);
  }
}
