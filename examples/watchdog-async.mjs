// A watchdog for asynchronous work, which must ping: if the work hangs while the loop runs, that is a timeout, too.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { Watchdog } from "@kstlib/resilience";

const timeouts = [];
const watchdog = new Watchdog({ name: "import", timeout: 1, onTimeout: (info) => timeouts.push(info) });
watchdog.start();

for (let step = 1; step <= 3; step++) {
  watchdog.ping();
  await sleep(100);
}
console.log(`3 steps with a ping each: ${timeouts.length} timeouts`);
assert.equal(timeouts.length, 0);

await sleep(1500); // a step that hangs
const [{ kind, secondsInactive }] = timeouts;
console.log(`1.5 s without a ping: ${kind}, ${secondsInactive.toFixed(1)} s inactive`);
assert.equal(kind, "not-pinged");

watchdog.ping();
assert.equal(watchdog.isTriggered, false, "a ping after a timeout re-arms it");
watchdog.stop();
