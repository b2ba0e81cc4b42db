import { describe, expect, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { allOf, anyOf } from "../../src/circuit-breaker/combined.js";
import { failureRate, failuresWithin, slowCallRate } from "../../src/circuit-breaker/rates.js";
import type { TripRule } from "../../src/circuit-breaker/trip-rule.js";
import { ManualClock } from "../../src/testing/index.js";

const down = new Error("down");

function breakerBy(trip: TripRule): {
  clock: ManualClock;
  breaker: CircuitBreaker;
  call: (ms: number, ok: boolean) => void;
} {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker({ clock, trip, resetTimeout: 10 });
  const call = (ms: number, ok: boolean): void => {
    const permit = breaker.tryPermit();
    clock.sleepSync(ms);
    if (ok) permit?.success();
    else permit?.failure(down);
  };
  return { clock, breaker, call };
}

describe("failuresWithin", () => {
  test("opens at so many failures within the time, whatever succeeds in between", () => {
    const { breaker, call } = breakerBy(failuresWithin({ failures: 3, duration: 10 }));
    for (const ok of [false, true, true, false, true, true]) call(100, ok);
    expect(breaker.state).toBe("closed");
    expect(breaker.failureCount).toBe(2);
    call(100, false);
    expect(breaker.state).toBe("open");
  });

  test("forgets failures that are older", async () => {
    const { breaker, call, clock } = breakerBy(failuresWithin({ failures: 2, duration: 10 }));
    call(0, false);
    await clock.advance(10);
    call(0, false);
    expect(breaker.state).toBe("closed");
    await clock.advance(9);
    call(0, false);
    expect(breaker.state).toBe("open");
  });

  test.each([
    [{ duration: 1 }, /failures is required/],
    [{ failures: 2 }, /duration is required/],
    [{ failures: 0, duration: 1 }, /failures must be a whole number/],
    [{ failures: 2.5, duration: 1 }, /failures must be a whole number/],
    [{ failures: 2, duration: 0 }, /duration must be a duration above 0/],
    [{ failures: 2, duration: 0.0005 }, /duration must be at least 1 ms/],
    [{ failures: 2, duration: 1, within: 1 }, /within is not an option/],
  ])("refuses %o", (options, message) => {
    expect(() => failuresWithin(options as Parameters<typeof failuresWithin>[0])).toThrow(message);
  });
});

const many = failureRate({ threshold: 0.5, window: { calls: 4 }, minCalls: 4 });
const slow = slowCallRate({ threshold: 0.5, window: { calls: 4 }, minCalls: 4, slowerThan: "1s" });

describe("rules that combine", () => {
  test("anyOf opens by the first rule that is met", () => {
    const failing = breakerBy(anyOf(many, slow));
    for (const ok of [false, false, true, true]) failing.call(10, ok);
    expect(failing.breaker.state).toBe("open");
    const slowly = breakerBy(anyOf(many, slow));
    for (const ms of [2000, 10, 2000, 10]) slowly.call(ms, true);
    expect(slowly.breaker.state).toBe("open");
  });

  test("allOf opens only when every rule is met", () => {
    const { breaker, call } = breakerBy(allOf(many, slow));
    for (const ok of [false, false, true, true]) call(10, ok);
    expect(breaker.state).toBe("closed");
    call(2000, false);
    call(2000, false);
    expect(breaker.state).toBe("open");
  });

  test("can be nested", () => {
    const { breaker, call } = breakerBy(
      anyOf(allOf(many, slow), failuresWithin({ failures: 1, duration: 1 })),
    );
    call(10, false);
    expect(breaker.state).toBe("open");
  });

  test("count a slow probe as failed when one of them is of slow calls", async () => {
    const { breaker, call, clock } = breakerBy(anyOf(many, slow));
    for (const ok of [false, false, false, false]) call(10, ok);
    await clock.advance(10);
    call(2000, true);
    expect(breaker.state).toBe("open");
  });

  test.each([[[]], [[many]], [[many, {}]], [[many, null]]])("refuse %o", (rules) => {
    expect(() => anyOf(...(rules as TripRule[]))).toThrow(TypeError);
    expect(() => allOf(...(rules as TripRule[]))).toThrow(TypeError);
  });
});

describe("the figures of a window", () => {
  test("are those of each rule at this moment", async () => {
    const { breaker, call, clock } = breakerBy(
      anyOf(
        failureRate({ threshold: 1, window: { calls: 10 } }),
        slowCallRate({ threshold: 1, window: { duration: 10 }, slowerThan: 1 }),
        failuresWithin({ failures: 9, duration: 100 }),
      ),
    );
    expect(breaker.stats.window).toEqual([
      { rule: "failureRate", calls: 0, counted: 0, rate: 0 },
      { rule: "slowCallRate", calls: 0, counted: 0, rate: 0 },
      { rule: "failuresWithin", calls: 0, counted: 0, rate: 0 },
    ]);
    call(2000, true);
    call(10, false);
    expect(breaker.stats.window).toEqual([
      { rule: "failureRate", calls: 2, counted: 1, rate: 0.5 },
      { rule: "slowCallRate", calls: 2, counted: 1, rate: 0.5 },
      { rule: "failuresWithin", calls: 2, counted: 1, rate: 0.5 },
    ]);
    await clock.advance(20);
    expect(breaker.snapshot().stats.window.map(({ calls }) => calls)).toEqual([2, 0, 2]);
  });

  test("are none while the circuit is open, or without a rule", () => {
    const { breaker, call } = breakerBy(failuresWithin({ failures: 1, duration: 1 }));
    call(0, false);
    expect(breaker.stats.window).toEqual([]);
    expect(new CircuitBreaker().stats.window).toEqual([]);
  });
});
