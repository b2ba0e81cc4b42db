// The order of nesting: what each of two policies makes of the other.
import { beforeEach, describe, expect, test, vi } from "vitest";
import { CircuitBreaker } from "../../../src/circuit-breaker/circuit-breaker.js";
import type { ExecutionContext } from "../../../src/kernel/context.js";
import { BulkheadFull } from "./refusals.js";
import { Fallback } from "../../../src/policies/fallback/fallback.js";
import { Hedge } from "../../../src/policies/hedge/hedge.js";
import type { AnyPolicy } from "../../../src/policies/pipeline/nest.js";
import { pipeline } from "../../../src/policies/pipeline/pipeline.js";
import { Retry } from "../../../src/policies/retry/retry.js";
import { SingleFlight } from "../../../src/policies/single-flight/single-flight.js";
import { Timeout } from "../../../src/policies/timeout/timeout.js";
import { RateLimiter } from "../../../src/rate-limiter/rate-limiter.js";
import { ManualClock } from "../../../src/testing/index.js";
import { byHand, listeners, never, reasonOf } from "../by-hand.js";

const down = new Error("down");

let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock();
});

type Run = (fn: (context: ExecutionContext) => unknown, signal?: AbortSignal) => Promise<unknown>;

/** The two ways to nest policies: in a pipeline, and by hand with the context passed on. */
const ways: readonly [string, (...policies: [AnyPolicy, ...AnyPolicy[]]) => Run][] = [
  [
    "in a pipeline",
    (...policies) => {
      const all = pipeline(...policies);
      return (fn, signal) => all.execute(fn, { signal });
    },
  ],
  [
    "by hand",
    (...policies) =>
      (fn, signal) => {
        const run = ([policy, ...rest]: readonly AnyPolicy[], context: object): Promise<unknown> =>
          policy === undefined
            ? Promise.resolve(fn(context as ExecutionContext))
            : policy.execute((inner) => run(rest, inner), context);
        return run(policies, { signal });
      },
  ],
  [
    "by hand, with copies of the context",
    (...policies) =>
      (fn, signal) => {
        const run = ([policy, ...rest]: readonly AnyPolicy[], context: object): Promise<unknown> =>
          policy === undefined
            ? Promise.resolve(fn(context as ExecutionContext))
            : policy.execute((inner) => run(rest, rest.length > 0 ? { ...inner } : inner), context);
        return run(policies, { signal });
      },
  ],
];

describe.each(ways)("%s", (_way, nest) => {
  test("retry(breaker): with an open circuit the function is not called", async () => {
    const breaker = new CircuitBreaker({ maxFailures: 1, clock });
    breaker.tryPermit()?.failure(down);
    const fn = vi.fn<() => void>();
    const error = await reasonOf(nest(new Retry({ delay: 0, clock }), breaker)(fn));
    expect(error).toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
    expect(fn).not.toHaveBeenCalled();
  });

  test("retry(breaker): each attempt counts, until the circuit opens", async () => {
    const breaker = new CircuitBreaker({ maxFailures: 2, clock });
    const fn = vi.fn<() => Promise<never>>(() => Promise.reject(down));
    const error = await reasonOf(nest(new Retry({ delay: 0, attempts: 9, clock }), breaker)(fn));
    expect(error).toMatchObject({ code: "ERR_CIRCUIT_OPEN", cause: down });
    expect(fn).toHaveBeenCalledTimes(2);
  });

  test("breaker(retry(3)): one failure", async () => {
    const breaker = new CircuitBreaker({ clock });
    const fn = vi.fn<() => Promise<never>>(() => Promise.reject(down));
    expect(await reasonOf(nest(breaker, new Retry({ delay: 0, clock }))(fn))).toBe(down);
    expect(fn).toHaveBeenCalledTimes(3);
    expect([breaker.failureCount, breaker.stats.failedCalls]).toEqual([1, 1]);
  });

  test("fallback(retry(breaker(fn))): the caller gets the value, whatever fails inside", async () => {
    const breaker = new CircuitBreaker({ maxFailures: 2, clock });
    const run = nest(new Fallback({ to: "instead" }), new Retry({ delay: 0, clock }), breaker);
    const fn = vi.fn<() => Promise<never>>(() => Promise.reject(down));
    expect(await run(fn)).toBe("instead");
    expect(await run(fn)).toBe("instead");
    expect(fn).toHaveBeenCalledTimes(2);
    expect(breaker.state).toBe("open");
  });

  test("timeout(retry): no attempt after the deadline", async () => {
    const at: number[] = [];
    const fn = (): Promise<never> => {
      at.push(clock.now() / 1000);
      return Promise.reject(down);
    };
    const run = nest(new Timeout({ timeout: 2.5, clock }), new Retry({ attempts: 99, delay: 1, clock }));
    const ended = reasonOf(run(fn));
    await clock.advance(100);
    expect(await ended).toBe(down);
    expect(at).toEqual([0, 1, 2]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("timeout(retry): an attempt under way at the deadline is aborted, and is the last", async () => {
    const work = byHand<string>();
    const retry = new Retry({ attempts: 99, delay: 0, clock });
    const ended = reasonOf(nest(new Timeout({ timeout: 2.5, clock }), retry)(work.fn));
    await clock.advance(2);
    work.at(0).fail(down);
    await clock.advance(1);
    expect(await ended).toMatchObject({ code: "ERR_TIMEOUT_EXCEEDED" });
    expect(work.at(1).context.signal.reason).toBe(await ended);
    work.at(1).fail(down);
    await clock.advance(10);
    expect(work.calls).toHaveLength(2);
    expect([retry.running, clock.pendingTimers]).toEqual([0, 0]);
  });

  test("retry(timeout): each attempt has its own time", async () => {
    const work = byHand<string>();
    const run = nest(new Retry({ delay: 0, clock }), new Timeout({ timeout: 1, clock }));
    const call = run(work.fn);
    await clock.advance(1.5);
    expect(work.calls.map(({ context }) => [context.attempt, context.remaining])).toEqual([
      [1, 0],
      [2, 0.5],
    ]);
    work.at(1).finish("well");
    expect(await call).toBe("well");
    expect(work.calls.map(({ context }) => context.signal.aborted)).toEqual([true, false]);
  });

  test("breaker(timeout(fn)): a failure", async () => {
    const breaker = new CircuitBreaker({ clock });
    const ended = reasonOf(nest(breaker, new Timeout({ timeout: 1, clock }))(never));
    await clock.advance(1);
    expect(await ended).toMatchObject({ code: "ERR_TIMEOUT_EXCEEDED" });
    expect(breaker.failureCount).toBe(1);
  });

  test("timeout(breaker(fn)): neutral, because the caller gave up", async () => {
    const breaker = new CircuitBreaker({ clock });
    const ended = reasonOf(nest(new Timeout({ timeout: 1, clock }), breaker)(never));
    await clock.advance(1);
    expect(await ended).toMatchObject({ code: "ERR_TIMEOUT_EXCEEDED" });
    expect(breaker.stats).toMatchObject({ failedCalls: 0, ignoredCalls: 1 });
  });

  test("breaker(a full policy): neutral", async () => {
    const breaker = new CircuitBreaker({ maxFailures: 1, clock });
    expect(await reasonOf(nest(breaker, new BulkheadFull())(never))).toMatchObject({ refused: true });
    const limiter = new RateLimiter({ rate: 1, per: 60, burst: 1, maxQueue: 0, clock });
    expect(limiter.tryAcquire()).toBe(true);
    const error = await reasonOf(nest(breaker, limiter)(never));
    expect(error).toMatchObject({ code: "ERR_RATE_LIMIT_EXCEEDED" });
    expect(breaker.stats).toMatchObject({ failedCalls: 0, ignoredCalls: 2 });
    expect(breaker.state).toBe("closed");
  });

  test("a limiter inside retry: one token an attempt", async () => {
    const limiter = new RateLimiter({ rate: 1, per: 60, burst: 5, clock });
    const run = nest(new Retry({ delay: 0, clock }), limiter);
    expect(await reasonOf(run(() => Promise.reject(down)))).toBe(down);
    expect(limiter.stats.totalAcquired).toBe(3);
  });

  test("a limiter inside a timeout waits no longer than that, and leaves its queue", async () => {
    const limiter = new RateLimiter({ rate: 1, per: 60, burst: 1, clock });
    limiter.tryAcquire();
    const run = nest(new Timeout({ timeout: 5, clock }), limiter);
    expect(await reasonOf(run(never))).toMatchObject({ code: "ERR_RATE_LIMIT_EXCEEDED" });
    expect([limiter.stats.queued, clock.pendingTimers]).toEqual([0, 0]);
  });

  test("hedge(breaker): aborted losers are neutral", async () => {
    const breaker = new CircuitBreaker({ maxFailures: 1, clock });
    const work = byHand<string>();
    const call = nest(new Hedge({ delay: 1, clock }), breaker)(work.fn);
    await clock.advance(1);
    expect(work.calls.map(({ context }) => context.attempt)).toEqual([1, 2]);
    work.at(1).finish("well");
    expect(await call).toBe("well");
    work.at(0).fail(down);
    await clock.advance(0);
    expect(breaker.stats).toMatchObject({ successfulCalls: 1, failedCalls: 0, ignoredCalls: 1 });
  });

  test("a thousand calls on one signal leave no listener", async () => {
    const { signal } = new AbortController();
    const run = nest(
      new Fallback({ to: "instead" }),
      new Timeout({ timeout: 60, clock }),
      new Retry({ delay: 0, clock }),
      new Hedge({ delay: 1, clock }),
      new SingleFlight(),
      new RateLimiter({ rate: 1e6, clock }),
      new CircuitBreaker({ maxFailures: 1e6, clock }),
      new Timeout({ timeout: 30, clock }),
    );
    const calls = Array.from({ length: 1000 }, (_, index) =>
      run(() => (index % 3 === 0 ? Promise.reject(down) : index), signal),
    );
    await Promise.all(calls);
    await clock.advance(0);
    expect(listeners(signal)).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });
});
