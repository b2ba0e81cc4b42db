import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { CircuitBreaker } from "../../../src/circuit-breaker/circuit-breaker.js";
import type { Outcome } from "../../../src/kernel/outcome.js";
import { hedge } from "../../../src/policies/hedge/decorators.js";
import { HedgeLostError } from "../../../src/policies/hedge/errors.js";
import { Hedge } from "../../../src/policies/hedge/hedge.js";
import type { HedgeOptions } from "../../../src/policies/hedge/options.js";
import { pipeline } from "../../../src/policies/pipeline/pipeline.js";
import { RetryBudget } from "../../../src/policies/retry/retry-budget.js";
import { RateLimiter } from "../../../src/rate-limiter/rate-limiter.js";
import { ManualClock } from "../../../src/testing/index.js";
import { byHand, listeners, never, reasonOf } from "../by-hand.js";

const down = new Error("down");

let clock: ManualClock;
let warnings: MockInstance<typeof process.emitWarning>;
beforeEach(() => {
  clock = new ManualClock();
  warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
});
afterEach(() => {
  warnings.mockRestore();
});

const make = (options: HedgeOptions = {}): Hedge => new Hedge({ delay: 1, clock, ...options });

function nothingIsLeft(policy: Hedge, budget: RetryBudget = new RetryBudget()): void {
  expect(policy.running).toBe(0);
  expect(clock.pendingTimers).toBe(0);
  expect(budget.snapshot()).toMatchObject({ running: 0, extraRunning: 0 });
}

describe("a call that is slow", () => {
  test("tells which attempt has won, if it is not the first", async () => {
    const policy = make();
    const won: number[] = [];
    policy.on("won", ({ attempt }) => won.push(attempt));
    expect(await policy.execute(() => 1)).toBe(1);
    const call = policy.execute(({ attempt }) => (attempt === 1 ? never() : attempt));
    await clock.advance(1);
    expect([await call, won]).toEqual([2, [2]]);
    nothingIsLeft(policy);
  });

  test("gets another attempt beside it after the delay, with its number and its own signal", async () => {
    const work = byHand<string>();
    const policy = make();
    const told = vi.fn<(event: object) => void>();
    policy.on("hedge", told);
    const call = policy.execute(work.fn);
    await clock.advance(0.999);
    expect(work.calls).toHaveLength(1);
    await clock.advance(0.001);
    expect(work.calls.map(({ context }) => context.attempt)).toEqual([1, 2]);
    expect(told).toHaveBeenCalledExactlyOnceWith({ attempt: 2, outcome: undefined });
    work.at(1).finish("second");
    expect(await call).toBe("second");
    expect(work.at(0).context.signal.reason).toBeInstanceOf(HedgeLostError);
    expect(work.at(1).context.signal.aborted).toBe(false);
    expect(policy.stats).toEqual({ totalCalls: 1, hedges: 1, wonByHedge: 1, suppressed: 0 });
    nothingIsLeft(policy);
  });

  test("wins nevertheless when it is the first to succeed; the loser is not waited for", async () => {
    const work = byHand<string>();
    const policy = make();
    const call = policy.execute(work.fn);
    await clock.advance(1);
    work.at(0).finish("first");
    expect(await call).toBe("first");
    expect(work.at(1).context.signal.reason).toMatchObject({ code: "ERR_HEDGE_LOST" });
    // A loser that fails later is not unhandled.
    work.at(1).fail(down);
    await clock.advance(0);
    expect(policy.stats).toMatchObject({ hedges: 1, wonByHedge: 0 });
    nothingIsLeft(policy);
  });

  test("gets no more than maxHedges, and leaves no timer when there may be none", async () => {
    const work = byHand<string>();
    const policy = make({ maxHedges: 2 });
    const call = policy.execute(work.fn);
    await clock.advance(10);
    expect(work.calls).toHaveLength(3);
    expect(clock.pendingTimers).toBe(0);
    work.at(2).finish("third");
    expect(await call).toBe("third");
    nothingIsLeft(policy);
  });
});

describe("a response that the caller does not get", () => {
  const isCancelled = (response: Response): Promise<boolean> =>
    response.text().then(
      (text) => text === "",
      () => true,
    );

  test("is cancelled when it comes too late", async () => {
    const work = byHand<Response>();
    const call = make().execute(work.fn);
    await clock.advance(1);
    const [late, winner] = [new Response("late"), new Response("winner")];
    work.at(1).finish(winner);
    expect(await call).toBe(winner);
    work.at(0).finish(late);
    await clock.advance(0);
    expect(await isCancelled(late)).toBe(true);
    expect(await winner.text()).toBe("winner");
  });

  test("is cancelled when it has failed", async () => {
    const work = byHand<Response>();
    const call = make({ maxHedges: 2, hedgeIf: ({ value }) => (value as Response).status === 503 }).execute(
      work.fn,
    );
    const failures = ["first", "second", "third"].map((text) => new Response(text, { status: 503 }));
    for (const [index, failure] of failures.entries()) {
      work.at(index).finish(failure);
      await clock.advance(0);
    }
    expect(await call).toBe(failures[0]);
    expect(await Promise.all(failures.slice(1).map(isCancelled))).toEqual([true, true]);
    expect(await failures[0]?.text()).toBe("first");
  });

  test("is left alone when it is the one that the caller gets", async () => {
    const work = byHand<Response>();
    const call = make().execute(work.fn);
    await clock.advance(1);
    const shared = new Response("shared");
    work.at(1).finish(shared);
    work.at(0).finish(shared);
    await clock.advance(0);
    expect(await (await call).text()).toBe("shared");
  });
});

describe("an attempt that fails", () => {
  test("starts the next one at once", async () => {
    const work = byHand<string>();
    const policy = make();
    const call = policy.execute(work.fn);
    work.at(0).fail(down);
    await clock.advance(0);
    work.at(1).finish("second");
    expect(await call).toBe("second");
    nothingIsLeft(policy);
  });

  test("does not end the call while another is under way", async () => {
    const work = byHand<string>();
    const call = make().execute(work.fn);
    await clock.advance(1);
    work.at(1).fail(down);
    await clock.advance(5);
    work.at(0).finish("first");
    expect(await call).toBe("first");
  });

  test("by a refusal does not end the call, whatever hedgeIf says", async () => {
    const work = byHand<string>();
    const limiter = new RateLimiter({ rate: 1, per: 60, burst: 1, maxQueue: 0, clock });
    const hedgeIf = ({ reason }: Outcome): boolean => reason === down;
    const policy = make({ hedgeIf });
    const call = pipeline(policy, limiter).execute(work.fn);
    await clock.advance(5);
    expect([policy.stats.hedges, work.calls.length]).toEqual([1, 1]);
    work.at(0).finish("first");
    expect(await call).toBe("first");
  });

  test("gives its error when all have failed: the first one's, with the others as its cause", async () => {
    const [first, second, third] = [new Error("1"), new Error("2"), new Error("3")];
    const work = byHand<string>();
    const policy = make({ maxHedges: 2 });
    const ended = reasonOf(policy.execute(work.fn));
    await clock.advance(2);
    work.at(2).fail(third);
    work.at(0).fail(first);
    work.at(1).fail(second);
    expect(await ended).toBe(first);
    expect(first.cause).toBeInstanceOf(AggregateError);
    expect((first.cause as AggregateError).errors).toEqual([second, third]);
    nothingIsLeft(policy);
  });

  test("keeps its own cause", async () => {
    const first = new Error("1", { cause: "its own" });
    const errors = [first, new Error("2")];
    await reasonOf(make().call(() => Promise.reject(errors.shift() ?? down)));
    expect(first.cause).toBe("its own");
  });

  test("ends the call when it is a programming mistake, and aborts the others", async () => {
    const work = byHand<string>();
    const policy = make();
    const mistake = new RangeError("mine");
    const ended = reasonOf(policy.execute(work.fn));
    await clock.advance(1);
    work.at(1).fail(mistake);
    expect(await ended).toBe(mistake);
    expect(work.at(0).context.signal.reason).toBe(mistake);
    nothingIsLeft(policy);
  });

  test("delays the next one for as long as it asks", async () => {
    const work = byHand<string>();
    const call = make().execute(work.fn);
    work.at(0).fail(Object.assign(new Error("busy"), { retryAfter: 5 }));
    await clock.advance(4.9);
    expect(work.calls).toHaveLength(1);
    await clock.advance(0.1);
    work.at(1).finish("well");
    expect(await call).toBe("well");
  });

  test.each([
    ["there is no other attempt", 5, undefined],
    ["the next one would have no time", 60, 60],
    ["it never comes", Infinity, undefined],
  ])("is not waited for when %s", async (_what, retryAfter, remaining) => {
    const busy = Object.assign(new Error("busy"), { retryAfter });
    const policy = make();
    const reasons = retryAfter === 5 ? [down, busy] : [busy];
    const first = reasons[0];
    const fn = (): Promise<never> => Promise.reject(reasons.shift() ?? new Error("called too often"));
    expect(await reasonOf(policy.execute(fn, { remaining }))).toBe(first);
    nothingIsLeft(policy);
  });
});

describe("hedgeIf", () => {
  test("decides after which outcomes another attempt starts, values included", async () => {
    const values = [503, 200];
    const policy = make({ hedgeIf: (end) => end.status === "fulfilled" && end.value === 503 });
    expect(await policy.call(() => values.shift())).toBe(200);
    expect(policy.stats).toMatchObject({ hedges: 1, wonByHedge: 1 });
  });

  test.each([() => expect.fail("mine"), () => Promise.resolve(true)])(
    "that fails lets the outcome end the call, hides no error, and is told by a warning: %o",
    async (hedgeIf) => {
      const policy = make({ hedgeIf: hedgeIf as unknown as () => boolean });
      expect(await reasonOf(policy.call(() => Promise.reject(down)))).toBe(down);
      expect(warnings.mock.calls[0]?.[1]).toMatchObject({ code: "KSTLIB_PREDICATE_FAILED" });
      nothingIsLeft(policy);
    },
  );

  test("that aborts the call ends it once", async () => {
    const controller = new AbortController();
    const budget = new RetryBudget({ clock });
    const policy = make({
      budget,
      hedgeIf() {
        controller.abort("in hedgeIf");
        return true;
      },
    });
    const call = policy.execute(() => Promise.reject(down), { signal: controller.signal });
    expect(await reasonOf(call)).toBe("in hedgeIf");
    await clock.advance(5);
    nothingIsLeft(policy, budget);
    expect(listeners(controller.signal)).toBe(0);
  });
});

test("a listener of hedge that aborts the call starts no other attempt and loses nothing", async () => {
  const controller = new AbortController();
  const budget = new RetryBudget({ clock });
  const work = byHand<string>();
  const policy = make({ budget });
  policy.on("hedge", () => controller.abort("in the listener"));
  const ended = reasonOf(policy.execute(work.fn, { signal: controller.signal }));
  await clock.advance(5);
  expect(await ended).toBe("in the listener");
  expect(work.calls).toHaveLength(1);
  nothingIsLeft(policy, budget);
});

test("the caller's abort ends all attempts at once", async () => {
  const controller = new AbortController();
  const work = byHand<string>();
  const policy = make();
  const ended = reasonOf(policy.execute(work.fn, { signal: controller.signal }));
  await clock.advance(1);
  controller.abort("enough");
  expect(await ended).toBe("enough");
  expect(work.calls.map(({ context }) => context.signal.reason as unknown)).toEqual(["enough", "enough"]);
  expect(listeners(controller.signal)).toBe(0);
  nothingIsLeft(policy);
});

test("all attempts have one deadline", async () => {
  const work = byHand<string>();
  const call = make().execute(work.fn, { remaining: 5 });
  await clock.advance(1);
  expect(work.at(1).context.remaining).toBe(4);
  work.at(1).finish("well");
  await call;
});

describe("a budget", () => {
  test("that is used up lets attempts under way go on", async () => {
    const budget = new RetryBudget({ ratio: 0, minPerSecond: 0, clock });
    const work = byHand<string>();
    const policy = make({ budget });
    const told = vi.fn<(event: object) => void>();
    policy.on("suppressed", told);
    const call = policy.execute(work.fn);
    await clock.advance(5);
    expect(work.calls).toHaveLength(1);
    expect(told).toHaveBeenCalledExactlyOnceWith({ attempts: 1 });
    work.at(0).finish("first");
    expect(await call).toBe("first");
    expect(policy.stats).toMatchObject({ hedges: 0, suppressed: 1 });
    nothingIsLeft(policy, budget);
  });

  test("yields the error of the first attempt when it allows no other", async () => {
    const budget = new RetryBudget({ ratio: 0, minPerSecond: 0, clock });
    const policy = make({ budget });
    expect(await reasonOf(policy.call(() => Promise.reject(down)))).toBe(down);
    nothingIsLeft(policy, budget);
  });

  test("is released by winners, losers and failures", async () => {
    const budget = new RetryBudget({ clock });
    const policy = make({ budget });
    for (const winner of [0, 1]) {
      const work = byHand<string>();
      const call = policy.execute(work.fn);
      await clock.advance(1);
      expect(budget.snapshot()).toMatchObject({ running: 1, extraRunning: 1 });
      work.at(winner).finish("won");
      await call;
      nothingIsLeft(policy, budget);
    }
    await reasonOf(policy.call(() => Promise.reject(down)));
    nothingIsLeft(policy, budget);
  });
});

describe("a policy inside", () => {
  test("with an open circuit answers at once: no other attempt, nothing to wait for", async () => {
    const breaker = new CircuitBreaker({ maxFailures: 1, resetTimeout: 30, clock });
    breaker.tryPermit()?.failure(down);
    const policy = make();
    const call = policy.execute((context) => breaker.execute(never, context));
    expect(await reasonOf(call)).toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
    expect(policy.stats.hedges).toBe(0);
    nothingIsLeft(policy);
  });

  test("that refuses the second attempt does not affect the first one", async () => {
    const limiter = new RateLimiter({ rate: 1, per: 60, burst: 1, maxQueue: 0, clock });
    const work = byHand<string>();
    const policy = make();
    const call = policy.execute((context) => limiter.execute(work.fn, context));
    await clock.advance(1);
    expect(limiter.stats.totalRejected).toBe(1);
    await clock.advance(5);
    work.at(0).finish("first");
    expect(await call).toBe("first");
    nothingIsLeft(policy);
  });

  test("that is a circuit breaker ignores losers", async () => {
    const breaker = new CircuitBreaker({ maxFailures: 1, clock });
    const work = byHand<string>();
    const policy = make();
    const call = policy.execute((context) => breaker.execute(work.fn, context));
    await clock.advance(1);
    work.at(1).finish("second");
    await call;
    work.at(0).fail(down);
    await clock.advance(0);
    expect(breaker.state).toBe("closed");
    expect(breaker.stats).toMatchObject({ successfulCalls: 1, failedCalls: 0, ignoredCalls: 1 });
  });
});

describe("the delay", () => {
  test("is the longest one until twenty calls are known, then the percentile", async () => {
    const policy = new Hedge({ clock });
    expect(policy.delay).toBe(2);
    for (let call = 1; call <= 20; call++) {
      const work = byHand<number>();
      const ended = policy.execute(work.fn);
      await clock.advance(call / 100);
      work.at(0).finish(call);
      await ended;
    }
    expect(policy.delay).toBeGreaterThanOrEqual(0.19);
    expect(policy.delay).toBeLessThanOrEqual(0.25);
  });

  test("is never outside its bounds", async () => {
    const policy = new Hedge({ clock, delay: { min: "50ms", max: "100ms" } });
    expect(policy.delay).toBe(0.1);
    for (let call = 1; call <= 40; call++) await policy.call(() => call);
    expect(policy.delay).toBe(0.05);
  });
});

test("there is no synchronous form: a synchronous function cannot run beside another", () => {
  expect("executeSync" in make() || "callSync" in make() || "wrapSync" in make()).toBe(false);
});

test("the wrapper protects a function, and a method with its this", async () => {
  class Api {
    greeting = "well";
    @hedge({ delay: 5 })
    async greet(name: string): Promise<string> {
      return `${this.greeting}, ${name}`;
    }
  }
  expect(await new Api().greet("ann")).toBe("well, ann");
  expect(await hedge(async (value: number) => value)(5)).toBe(5);
});
