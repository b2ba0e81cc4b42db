// Threads or workers that end with the process: `members.mjs <thread|cluster>`. Each has its own buffer to write.
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { GracefulShutdown } from "@kstlib/resilience";
import { keepAlive, say, sayWarnings } from "./say.mjs";

sayWarnings();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function member(tell) {
  const shutdown = new GracefulShutdown();
  shutdown.register("buffer", async ({ reason }) => {
    await sleep(100);
    say("buffer", { reason });
  });
  shutdown.install();
  keepAlive();
  tell("up");
}

function lead(register) {
  const shutdown = new GracefulShutdown({ timeout: 20 });
  register(shutdown);
  shutdown.register("database", () => say("database"), { priority: 200 });
  shutdown.on("complete", ({ report: { results } }) => {
    const [{ status, members }] = results;
    say("complete", { status, fates: members.map(({ fate }) => fate) });
  });
  shutdown.install();
  keepAlive();
}

const isUp = (worker) =>
  new Promise((resolve) => {
    worker.on("message", (message) => {
      if (message === "up") resolve();
    });
  });

const scenarios = {
  async thread() {
    if (!isMainThread) return member((message) => parentPort.postMessage(message));
    const worker = new Worker(new URL(import.meta.url), { argv: ["thread"] });
    lead((shutdown) => shutdown.registerWorker("thread", worker));
    await isUp(worker);
    say("ready");
  },
  async cluster() {
    const { default: cluster } = await import("node:cluster");
    if (!cluster.isPrimary) return member((message) => process.send(message));
    lead((shutdown) => shutdown.registerCluster("workers", cluster));
    await Promise.all([cluster.fork(), cluster.fork()].map(isUp));
    say("ready");
  },
};

try {
  await scenarios[process.argv[2]]();
} catch ({ message }) {
  // A runtime without it reports that.
  say("unable", { message });
  process.exit(1);
}
