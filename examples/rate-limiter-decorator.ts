// The rate limiter as a decorator: blocking waits for a token, non-blocking rejects and says when to retry.
import assert from "node:assert/strict";
import { rateLimiter, RateLimitExceededError } from "@kstlib/resilience";

class Api {
  // Twenty calls a second, five of them at once.
  @rateLimiter({ rate: 20, per: 1, burst: 5 })
  async call(endpoint: string): Promise<string> {
    return `answer of ${endpoint}`;
  }

  @rateLimiter({ rate: 10, per: 1, blocking: false })
  async fast(data: number): Promise<number> {
    return data * 2;
  }
}

const api = new Api();

const start = performance.now();
await Promise.all(Array.from({ length: 10 }, (_, index) => api.call(`/${index}`)));
const seconds = (performance.now() - start) / 1000;
console.log(`blocking: 10 calls took ${seconds.toFixed(2)} s, 5 at once and one every 50 ms`);
assert.ok(seconds >= 0.25);

let done = 0;
try {
  for (;;) done = await api.fast(done).then(() => done + 1);
} catch (error) {
  if (!(error instanceof RateLimitExceededError)) throw error;
  console.log(`non-blocking: ${done} calls, then: retry after ${error.retryAfter.toFixed(2)} s`);
  assert.ok(done >= 10);
  assert.ok(error.retryAfter > 0 && error.retryAfter <= 0.1);
}
