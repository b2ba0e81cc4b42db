// A worker thread with a watchdog: it must ping before each item. While it is frozen the report goes to stderr; the main
// thread keeps running, and can decide to end the worker.
import assert from "node:assert/strict";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { Watchdog } from "@kstlib/resilience";

/** Far more than the timeout, because time for which a busy machine gives the thread no CPU does not count. */
const FROZEN_MS = 15_000;

function processItem(item, watchdog) {
  const end = performance.now() + (item === 3 ? FROZEN_MS : 10);
  // The example need not stay frozen once it is detected.
  while (performance.now() < end && !watchdog.isTriggered);
}

async function worker() {
  const onTimeout = (info) => parentPort.postMessage({ name: info.name, kind: info.kind });
  const watchdog = new Watchdog({ name: "worker", timeout: 1, onTimeout });
  watchdog.start();
  for (let item = 1; item <= 4; item++) {
    watchdog.ping(); // before each long operation
    processItem(item, watchdog);
    await sleep(10);
  }
  watchdog.stop();
}

async function main() {
  const thread = new Worker(new URL(import.meta.url));
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 10);
  const [{ name, kind }] = await once(thread, "message");
  clearInterval(ticking);
  console.log(`${name}: frozen in item 3 (${kind})`);
  console.log(`the main thread kept running, ${ticks > 50 ? "undisturbed" : "disturbed"}`);
  await once(thread, "exit");
  assert.equal(name, "worker");
  assert.match(kind, /^blocked-/);
  assert.ok(ticks > 50);
}

await (isMainThread ? main() : worker());
