// Waiting for a token with a time limit: a request that cannot be served in time is refused at once.
import assert from "node:assert/strict";
import { RateLimiter, RateLimitExceededError } from "@kstlib/resilience";

const limiter = new RateLimiter({ rate: 1, per: 1, burst: 5 });
for (let call = 1; call <= 5; call++) await limiter.acquire({ timeout: 0.2 });
console.log("5 calls at once: the burst");

const start = performance.now();
await assert.rejects(limiter.acquire({ timeout: 0.2 }), (error) => {
  assert.ok(error instanceof RateLimitExceededError);
  console.log(
    `the 6th is refused after ${(performance.now() - start).toFixed(0)} ms: retry after ${error.retryAfter.toFixed(2)} s`,
  );
  return error.retryAfter > 0.2 && error.retryAfter <= 1;
});

await limiter.acquire({ timeout: 2 });
console.log(`with a limit of 2 s it passes after ${((performance.now() - start) / 1000).toFixed(1)} s`);
assert.equal(limiter.stats.totalRejected, 1);
