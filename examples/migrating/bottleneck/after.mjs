// The same with this package.
import { setTimeout as sleep } from "node:timers/promises";
import { Bulkhead, BulkheadFullError, pipeline, RateLimiter } from "@kstlib/resilience";

const limiter = pipeline(
  new Bulkhead({ maxConcurrent: 2, maxQueue: 4 }),
  new RateLimiter({ rate: 1, per: "50ms", burst: 1 }),
);
let running = 0;
let most = 0;
const began = [];
const job = limiter.wrap(async (id) => {
  began.push({ id, at: performance.now() });
  most = Math.max(most, ++running);
  await sleep(120);
  running--;
  return id;
});

const jobs = [];
for (let id = 1; id <= 8; id++) {
  jobs.push(job(id).catch((error) => `${id} refused: ${error instanceof BulkheadFullError}`));
  await sleep(0);
}
console.log(...(await Promise.all(jobs)));
console.log("began:", ...began.map(({ id }) => id), "at most", most, "at once");
const isSpaced = began.every(({ at }, index) => at - began[0].at > index * 50 - 5);
console.log("none before its time:", isSpaced);
