// Many tasks share one limiter: each waits for its turn, first come, first served, and no thread is blocked.
import assert from "node:assert/strict";
import { RateLimiter } from "@kstlib/resilience";

const limiter = new RateLimiter({ rate: 20, per: 1, burst: 4 });
const start = performance.now();
const finished = [];

async function fetchData(id) {
  await limiter.acquire();
  finished.push(id);
}
await Promise.all(Array.from({ length: 10 }, (_, id) => fetchData(id)));
const seconds = (performance.now() - start) / 1000;
console.log(`10 tasks in ${seconds.toFixed(2)} s, in the order ${finished.join(" ")}`);
assert.deepEqual(finished, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
assert.ok(seconds >= 0.3);

// `execute` takes a token before it calls the function.
const answer = await limiter.execute(async () => "data");
assert.equal(answer, "data");

// A wait can be aborted; the others move up.
const waiting = limiter.acquire({ signal: AbortSignal.timeout(10) });
await assert.rejects(waiting, { name: "TimeoutError" });
console.log(`one gave up; ${limiter.stats.queued} are waiting`);
assert.equal(limiter.stats.queued, 0);
