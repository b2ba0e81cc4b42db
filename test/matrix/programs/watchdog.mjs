// Freezes of every kind, under a watchdog of one second.
import { execSync } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { Heartbeat, Watchdog, watchdogContext } from "@kstlib/resilience";
import { keepAlive, say, sayWarnings } from "./say.mjs";

sayWarnings();

/** A loop that returns eventually: if it cannot be interrupted, it must not run for ever. */
function frozenHere(seconds, isEnough = () => false) {
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end && !isEnough());
}

function started(options = {}) {
  const watchdog = new Watchdog({ name: "feed", timeout: 1, ...options });
  watchdog.on("timeout", (info) => say("timeout", info));
  watchdog.start();
  return watchdog;
}

/** Waits for the monitor thread: otherwise a short freeze could be over before it runs. */
const settle = () => sleep(500);

async function freeze() {
  const watchdog = started();
  await settle();
  watchdog.ping();
  say("freezing");
  frozenHere(15, () => watchdog.isTriggered);
  // Long enough for others to see what is reported meanwhile.
  frozenHere(1);
  say("back", { triggered: watchdog.isTriggered });
  await sleep(50);
  watchdog.stop();
}

const raising = watchdogContext({ name: "job", timeout: 1, raiseOnTimeout: true });

function guarded(seconds) {
  const began = performance.now();
  const took = () => (performance.now() - began) / 1000;
  try {
    raising.runSync(() => {
      say("guarded");
      frozenHere(seconds);
    });
    say("returned", { seconds: took() });
  } catch ({ code }) {
    say("caught", { code, seconds: took() });
  }
}

/** Runs this scenario once more, in a worker thread. */
function inWorker() {
  const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) });
  return worker.on("exit", (code) => say("worker over", { code }));
}

/** From here on, the system would show another such thread. */
async function joinMonitor() {
  await readFile(new URL(import.meta.url));
  say("up");
  parentPort.once("message", () => void freeze());
}

const scenarios = {
  async "not-pinged"() {
    const alive = keepAlive();
    const watchdog = started();
    watchdog.on("timeout", () => {
      watchdog.ping();
      watchdog.stop();
      clearInterval(alive);
    });
  },
  freeze,
  async "child-process"() {
    const watchdog = started();
    await settle();
    watchdog.ping();
    execSync("sleep 4");
    await sleep(50);
    watchdog.stop();
  },
  async raise() {
    await settle();
    guarded(6);
    await sleep(50);
    say("alive");
  },
  async "ctrl-c"() {
    process.on("SIGINT", () => say("SIGINT"));
    const patient = watchdogContext({ name: "job", timeout: 30, raiseOnTimeout: true });
    try {
      patient.runSync(() => {
        say("guarded");
        frozenHere(10);
      });
      say("returned");
    } catch ({ code }) {
      say("caught", { code });
    }
    await sleep(300);
    say("alive");
  },
  async "hot-loop"() {
    const watchdog = started();
    await settle();
    // Seconds without anything that would force an engine to write back what it may keep in a register.
    for (let ping = 0; ping < 5e8; ping++) watchdog.ping();
    await sleep(50);
    const { pingsTotal, timeoutsTriggered: timeouts } = watchdog.stats;
    watchdog.stop();
    say("done", { timeouts, pings: pingsTotal });
  },
  async exit() {
    process.on("exit", (code) => say("exit", { code }));
    const watchdog = started({ onFreeze: "exit" });
    await settle();
    watchdog.ping();
    frozenHere(20);
  },
  async kill() {
    const watchdog = started({ onFreeze: "kill" });
    await settle();
    watchdog.ping();
    frozenHere(20);
  },
  async suspend() {
    const watchdog = started();
    const pings = setInterval(() => watchdog.ping(), 50);
    await settle();
    say("ready");
    process.stdin.resume().once("end", () => {
      say("done", { timeouts: watchdog.stats.timeoutsTriggered });
      clearInterval(pings);
      watchdog.stop();
    });
  },
  async "worker-thread"() {
    if (isMainThread) inWorker();
    else await freeze();
  },
  async "monitor-joined"() {
    if (!isMainThread) return joinMonitor();
    const watchdog = started();
    const pings = setInterval(() => watchdog.ping(), 50);
    await settle();
    const worker = inWorker();
    process.stdin.once("data", () => worker.postMessage("watch"));
    worker.on("exit", () => {
      say("main", { timeouts: watchdog.stats.timeoutsTriggered });
      clearInterval(pings);
      watchdog.stop();
    });
  },
  async "raise-in-worker"() {
    if (isMainThread) inWorker();
    else await scenarios.raise();
  },
  async told() {
    const [, , , stateFile, reportDirectory] = process.argv;
    const heartbeat = new Heartbeat({ stateFile, interval: "100ms" });
    heartbeat.start();
    const watchdog = started({ heartbeat, reportDirectory });
    await settle();
    watchdog.ping();
    say("freezing");
    frozenHere(15, () => watchdog.isTriggered);
    // Others must see what is written meanwhile.
    frozenHere(3);
    say("back");
    await once(process.stdin.resume(), "end");
    watchdog.stop();
    await heartbeat.stop();
  },
  async breakpoint() {
    const watchdog = started();
    const pings = setInterval(() => watchdog.ping(), 50);
    process.stdin.once("data", () => {
      // eslint-disable-next-line no-debugger
      debugger;
      say("went on");
      setTimeout(() => {
        say("calm", { timeouts: watchdog.stats.timeoutsTriggered });
        frozenHere(15, () => watchdog.isTriggered);
        clearInterval(pings);
        watchdog.stop();
      }, 1500);
    });
    await settle();
    say("ready");
  },
};

await scenarios[process.argv[2]]();
