import { createRequire } from "node:module";
import { describe, expect, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { slowCallRate } from "../../src/circuit-breaker/rates.js";
import { isRefusal } from "../../src/kernel/refusal.js";
import { RateLimitError, RateLimitExceededError } from "../../src/rate-limiter/errors.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { ManualClock } from "../../src/testing/index.js";

const caught = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe("a refusal", () => {
  test("of a circuit is recognised and gives the time to try again", async () => {
    const clock = new ManualClock();
    const breaker = new CircuitBreaker({ maxFailures: 1, resetTimeout: 10, clock });
    await caught(breaker.call(() => Promise.reject(new Error("down"))));
    clock.sleepSync(4000);
    const open = await caught(breaker.call(() => 1));
    expect(isRefusal(open)).toBe(true);
    expect(open).toMatchObject({ refused: true, retryAfter: 6, remainingSeconds: 6 });
    using _isolated = breaker.isolate();
    expect(await caught(breaker.call(() => 1))).toMatchObject({ refused: true, retryAfter: Infinity });
  });

  test("of a rate limiter is recognised and gives the time to try again if waiting helps", async () => {
    const limiter = new RateLimiter({ rate: 1, per: 10, clock: new ManualClock() });
    const dear = await caught(limiter.acquire({ cost: 2 }));
    expect(isRefusal(dear)).toBe(true);
    expect(dear).toMatchObject({ code: "ERR_RATE_LIMIT_COST", refused: true, retryAfter: undefined });
    await limiter.acquire();
    const early = await caught(limiter.acquire({ timeout: 1 }));
    expect(isRefusal(early)).toBe(true);
    expect(early).toMatchObject({ refused: true, retryAfter: 10 });
    const waiting = caught(limiter.acquire());
    limiter[Symbol.dispose]();
    expect(await waiting).toMatchObject({ code: "ERR_RATE_LIMIT_DISPOSED", refused: true });
  });

  test("is recognised when the other build of the package has thrown it", () => {
    const other = createRequire(import.meta.url)("../../dist/cjs/index.js") as {
      RateLimitExceededError: typeof RateLimitExceededError;
    };
    expect(isRefusal(new other.RateLimitExceededError("api", 2))).toBe(true);
  });

  test.each([
    [undefined],
    ["refused"],
    [new Error("down")],
    [{ refused: true, retryAfter: 1 }],
    [Object.assign(new Error("of another library"), { refused: true })],
    [new RateLimitError("ERR_RATE_LIMIT_SETTLED", "committed twice")],
  ])("is nothing else: %o", (value) => {
    expect(isRefusal(value)).toBe(false);
  });
});

describe("a circuit around a refusal", () => {
  const refusal = new RateLimitExceededError("api", 2);

  test.each([
    ["by default", {}],
    ["with a predicate of its own", { isFailure: () => true }],
    [
      "with a rule for slow calls",
      { trip: slowCallRate({ threshold: 0.1, window: { calls: 1 }, slowerThan: 1 }) },
    ],
  ])("ignores it, and the time that was waited for it, %s", async (_what, options) => {
    const clock = new ManualClock();
    const breaker = new CircuitBreaker({ maxFailures: 1, clock, ...options });
    const refuse = async (): Promise<never> => {
      clock.sleepSync(5000);
      throw refusal;
    };
    expect(await caught(breaker.call(refuse))).toBe(refusal);
    expect(await caught(breaker.execute(refuse))).toBe(refusal);
    expect(breaker.stats).toMatchObject({ ignoredCalls: 2, failedCalls: 0 });
    expect(breaker.state).toBe("closed");
  });

  test("passes it on through as many circuits as there are, a half-open one too", async () => {
    const clock = new ManualClock();
    const outer = new CircuitBreaker({ maxFailures: 1, resetTimeout: 10, clock });
    const inner = new CircuitBreaker({ maxFailures: 1, clock });
    await caught(outer.call(() => Promise.reject(new Error("down"))));
    clock.sleepSync(10_000);
    expect(await caught(outer.call(() => inner.call(() => Promise.reject(refusal))))).toBe(refusal);
    expect([outer.state, inner.state]).toEqual(["half-open", "closed"]);
    expect(await outer.call(() => inner.call(() => 5))).toBe(5);
    expect(outer.state).toBe("closed");
  });
});
