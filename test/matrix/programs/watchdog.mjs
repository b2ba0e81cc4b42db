// Freezes of every kind, under a watchdog of one second.
import { execSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { isMainThread, Worker } from "node:worker_threads";
import { Watchdog, watchdogContext } from "@kstlib/resilience";
import { keepAlive, say, sayWarnings } from "./say.mjs";

sayWarnings();

/** A loop that comes back in the end: what could not be interrupted must not run for ever. */
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

/** Until the monitor thread is up: a freeze of its own length would be over first. */
const settle = () => sleep(500);

async function freeze() {
  const watchdog = started();
  await settle();
  watchdog.ping();
  say("freezing");
  frozenHere(15, () => watchdog.isTriggered);
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
    // Seconds without anything that would make an engine write what it may still hold in a register.
    for (let ping = 0; ping < 1e9; ping++) watchdog.ping();
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
    if (!isMainThread) return freeze();
    const worker = new Worker(new URL(import.meta.url), { argv: ["worker-thread"] });
    worker.on("exit", (code) => say("worker over", { code }));
  },
};

await scenarios[process.argv[2]]();
