import { describe, expect, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import type { ExecutionContext, ExecuteOptions } from "../../src/kernel/context.js";
import { TimeoutExceededError } from "../../src/policies/timeout/errors.js";
import { pipeline } from "../../src/policies/pipeline/pipeline.js";
import { Timeout } from "../../src/policies/timeout/timeout.js";
import { RateLimitExceededError } from "../../src/rate-limiter/errors.js";
import { KeyedRateLimiter } from "../../src/rate-limiter/keyed-rate-limiter.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { watch } from "./admissions.js";

type Work<Result> = (context: ExecutionContext) => Result;

/** The same for both limiters: one token a second, and a bucket that is empty. */
const limiters = {
  RateLimiter(clock: ManualClock) {
    const limiter = new RateLimiter({ rate: 1, clock });
    limiter.tryAcquire();
    return {
      stats: () => limiter.stats,
      tokens: () => limiter.tokens,
      execute: <Result>(work: Work<Result>, options?: ExecuteOptions) => limiter.execute(work, options),
    };
  },
  KeyedRateLimiter(clock: ManualClock) {
    const limiter = new KeyedRateLimiter({ rate: 1, clock });
    limiter.tryAcquire("key");
    return {
      stats: () => limiter.stats,
      tokens: () => limiter.tokens("key"),
      execute: <Result>(work: Work<Result>, options?: ExecuteOptions) =>
        limiter.execute("key", work, options),
    };
  },
};

describe.each(["RateLimiter", "KeyedRateLimiter"] as const)("execute of a %s", (kind) => {
  test("gives the function what is left after the wait of the seconds its caller passed", async () => {
    const clock = new ManualClock();
    const { execute } = limiters[kind](clock);
    const left: number[] = [];
    const inner = new CircuitBreaker({ clock });
    const waiting = execute(
      async (context) => {
        left.push(context.remaining, { ...context }.remaining);
        await inner.execute(({ remaining }) => left.push(remaining), context);
      },
      { remaining: 5 },
    );
    await clock.advance(1);
    await waiting;
    expect(left).toEqual([4, 4, 4]);
  });

  test("refuses at once a call whose turn comes after the deadline of an outer policy", async () => {
    const clock = new ManualClock();
    const { stats, execute } = limiters[kind](clock);
    const timeout = new Timeout({ timeout: 0.5, clock });
    const call = watch(timeout.execute((context) => execute(() => "ran", context)));
    await clock.advance(0);
    expect(call.reason).toBeInstanceOf(RateLimitExceededError);
    expect([stats().queued, clock.pendingTimers]).toEqual([0, 0]);
  });

  test("ends the wait when an outer policy ends the call, and takes no token for it", async () => {
    // Two clocks, or the limiter would not have let it wait for a turn that comes too late.
    const outside = new ManualClock();
    const clock = new ManualClock();
    const { stats, tokens, execute } = limiters[kind](clock);
    const timeout = new Timeout({ timeout: 2, clock: outside });
    let calls = 0;
    const call = watch(timeout.execute((context) => execute(() => calls++, context)));
    expect([stats().queued, clock.pendingTimers]).toEqual([1, 1]);
    await outside.advance(2);
    expect(call.reason).toBeInstanceOf(TimeoutExceededError);
    expect([stats().queued, clock.pendingTimers]).toEqual([0, 0]);
    await clock.advance(1);
    expect([calls, tokens()]).toEqual([0, 1]);
  });
});

test("a pipeline passes its deadline to the limiter", async () => {
  const clock = new ManualClock();
  const limiter = new RateLimiter({ rate: 1, clock });
  const protectedBy = pipeline(new Timeout({ timeout: 1.5, clock }), limiter);
  const calls = [1, 2, 3].map((call) => watch(protectedBy.execute(() => call)));
  await clock.advance(0);
  expect(calls.map(({ state }) => state)).toEqual(["fulfilled", "pending", "rejected"]);
  expect(calls[2]?.reason).toBeInstanceOf(RateLimitExceededError);
  await clock.advance(1);
  expect(calls[1]?.state).toBe("fulfilled");
  expect([limiter.stats.queued, clock.pendingTimers]).toEqual([0, 0]);
});
