// The same with this package.
import { EventEmitter, once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Bulkhead, BulkheadFullError, pipeline, RateLimiter } from "@kstlib/resilience";

const limiter = pipeline(
  new Bulkhead({ maxConcurrent: 2, maxQueue: 4 }),
  new RateLimiter({ rate: 1, per: "50ms", burst: 1 }),
);
let running = 0;
let most = 0;
const began = [];
const gate = new EventEmitter();
const opened = once(gate, "open");
const job = limiter.wrap(async (id) => {
  began.push({ id, at: performance.now() });
  most = Math.max(most, ++running);
  await opened;
  running--;
  return id;
});

const submitted = performance.now();
const jobs = [1, 2, 3, 4, 5, 6, 7, 8].map((id) =>
  job(id).catch((error) => `${id} refused: ${error instanceof BulkheadFullError}`),
);
console.log(await jobs[6], await jobs[7]);
while (began.length < 2) await sleep(10);
gate.emit("open");
console.log(...(await Promise.all(jobs.slice(0, 6))), "at most", most, "at once");
const isSpaced = began.every(({ at }, index) => at - submitted > index * 50 - 5);
console.log("in order:", ...began.map(({ id }) => id), "none before its time:", isSpaced);
