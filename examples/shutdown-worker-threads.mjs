// Worker threads get no signals: the main thread tells them to end, and waits for them.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { GracefulShutdown } from "@kstlib/resilience";

if (isMainThread) {
  const shutdown = new GracefulShutdown({ timeout: 10 });
  for (const [name, timeout] of [
    ["indexer", 5],
    ["stuck", 1],
  ]) {
    const worker = new Worker(new URL(import.meta.url), { workerData: name });
    worker.on("message", (text) => console.log(`${name}: ${text}`));
    shutdown.registerWorker(name, worker, { priority: 10, timeout });
    await new Promise((resolve) => worker.once("message", resolve));
  }
  shutdown.register("database", () => console.log("main: database closed"), { priority: 20 });
  shutdown.install();

  // SIGTERM would do the same.
  const { results } = await shutdown.trigger("end of work");
  for (const { name, status, members = [] } of results) {
    console.log(`${name}: ${status}`);
    for (const { fate, exitCode, results: own } of members) {
      const answers = (own ?? []).map((one) => `${one.name} ${one.status}`).join(", ");
      console.log(`  the thread ${fate} (exit code ${exitCode}); its own: ${answers || "no answer"}`);
    }
  }
  assert.deepEqual(
    results.map(({ status }) => status),
    ["done", "timed-out", "done"],
  );
  assert.equal(results[0].members[0].results[0].name, "buffer");
  assert.equal(results[1].members[0].fate, "killed");
} else {
  const shutdown = new GracefulShutdown();
  shutdown.register("buffer", async ({ reason }) => {
    await sleep(50);
    parentPort.postMessage(`buffer written (${reason})`);
  });
  shutdown.install();
  parentPort.postMessage("at work");
  const work = setInterval(() => {}, 1000);
  shutdown.signal.addEventListener("abort", () => clearInterval(work));
  if (workerData === "stuck")
    setTimeout(() => {
      for (;;);
    }, 10);
}
