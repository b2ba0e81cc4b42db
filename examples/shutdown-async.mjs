// Asynchronous clean-up in order, started from code: SIGTERM would run the same callbacks.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { GracefulShutdown } from "@kstlib/resilience";

const done = [];
const shutdown = new GracefulShutdown({ timeout: 5 });

shutdown.register(
  "cache",
  async () => {
    await sleep(30);
    done.push("cache flushed");
  },
  { priority: 20 },
);
shutdown.register(
  "database",
  async () => {
    await sleep(60);
    done.push("database closed");
  },
  { priority: 10 },
);
shutdown.register(
  "metrics",
  () => {
    throw new Error("the collector does not answer");
  },
  { priority: 15 },
);
shutdown.register(
  "mail",
  ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)),
  {
    priority: 30,
    timeout: 0.2,
  },
);

const report = await shutdown.trigger("end of work");
for (const { name, status, seconds } of report.results)
  console.log(`${name}: ${status} in ${seconds.toFixed(2)} s`);

assert.deepEqual(done, ["database closed", "cache flushed"]);
assert.deepEqual(
  report.results.map(({ status }) => status),
  ["done", "failed", "done", "timed-out"],
);
assert.equal(await shutdown.trigger(), report, "a second trigger is the same shutdown");
