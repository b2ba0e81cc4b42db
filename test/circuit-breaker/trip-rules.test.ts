import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { failureRate, type FailureRateOptions } from "../../src/circuit-breaker/rates.js";
import { CallWindow, TimeWindow } from "../../src/circuit-breaker/window.js";
import { ManualClock } from "../../src/testing/index.js";

const numRuns = Number(process.env["PROPERTY_RUNS"] ?? 1000);

test("a window of calls holds the last ones", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.array(fc.boolean(), { maxLength: 40 }), (size, calls) => {
      const window = new CallWindow(size);
      calls.forEach((bad, index) => {
        window.add(bad);
        const last = calls.slice(0, index + 1).slice(-size);
        expect([window.total, window.bad]).toEqual([last.length, last.filter(Boolean).length]);
      });
    }),
    { numRuns },
  );
});

test("a window of time holds every call younger than 99 hundredths of it and none as old as it", () => {
  const step = fc.record({ after: fc.integer({ min: 0, max: 700 }), bad: fc.boolean() });
  fc.assert(
    fc.property(fc.integer({ min: -5000, max: 5000 }), fc.array(step, { maxLength: 40 }), (origin, steps) => {
      const window = new TimeWindow(1000);
      const calls: { at: number; bad: boolean }[] = [];
      let now = origin;
      for (const { after, bad } of steps) {
        now += after;
        window.add(bad, now);
        calls.push({ at: now, bad });
        for (const kind of [calls, calls.filter((call) => call.bad)]) {
          const counted = kind === calls ? window.total : window.bad;
          expect(counted).toBeGreaterThanOrEqual(kind.filter(({ at }) => now - at <= 990).length);
          expect(counted).toBeLessThanOrEqual(kind.filter(({ at }) => now - at < 1000).length);
        }
      }
      window.forget(now + 1000);
      expect([window.total, window.bad]).toEqual([0, 0]);
    }),
    { numRuns },
  );
});

test.each([1e-12, 5e-324, 1e-3])(
  "a window of time that is too short for its buckets to be told apart, %d ms, comes to an end",
  (length) => {
    const window = new TimeWindow(length);
    for (const now of [0, 1000, 1e15]) window.add(true, now);
    expect(window.total).toBeLessThanOrEqual(3);
  },
);

describe("failureRate", () => {
  /** Runs calls written as a line: `.` succeeds, `x` fails, `-` is one second; the state after each of them. */
  const line = (options: FailureRateOptions, calls: string): string => {
    const clock = new ManualClock();
    const breaker = new CircuitBreaker({ trip: failureRate(options), clock });
    let opened = "";
    for (const call of calls) {
      if (call === "-") clock.sleepSync(1000);
      else if (call === "x") breaker.tryPermit()?.failure(new Error("down"));
      else breaker.tryPermit()?.success();
      opened += breaker.state === "open" ? "o" : "c";
    }
    return opened;
  };

  const tenSeconds = { duration: 10 };

  test.each<[string, FailureRateOptions, string, string]>([
    ["opens at the threshold exactly", { threshold: 0.3, window: { calls: 10 } }, ".......xxx", "ccccccccco"],
    ["stays closed below it", { threshold: 0.31, window: { calls: 10 } }, ".......xxx", "cccccccccc"],
    [
      "does not judge before minCalls",
      { threshold: 0.5, window: { calls: 10 }, minCalls: 4 },
      "xxxx",
      "ccco",
    ],
    ["may open on a success", { threshold: 0.5, window: { calls: 4 }, minCalls: 4 }, "xx..", "ccco"],
    ["a threshold of 1 needs only failures", { threshold: 1, window: { calls: 3 } }, ".xxx", "ccco"],
    ["minCalls is 10 by default", { threshold: 0.1, window: { calls: 100 } }, "xxxxxxxxxx", "ccccccccco"],
    ["or the window when that is less", { threshold: 0.1, window: { calls: 3 } }, "xxx", "cco"],
    [
      "forgets with time",
      { threshold: 1, window: tenSeconds, minCalls: 3 },
      "xx----------x",
      "ccccccccccccc",
    ],
    ["but not before", { threshold: 1, window: tenSeconds, minCalls: 3 }, "xx---------x", "ccccccccccco"],
  ])("%s", (_what, options, calls, states) => {
    expect(line(options, calls)).toBe(states);
  });

  test("an idle window of time is empty", () => {
    const clock = new ManualClock();
    const trip = failureRate({ threshold: 1, window: tenSeconds, minCalls: 5 });
    const breaker = new CircuitBreaker({ trip, clock });
    breaker.tryPermit()?.failure(new Error("down"));
    expect(breaker.failureCount).toBe(1);
    clock.sleepSync(10_000);
    expect(breaker.failureCount).toBe(0);
  });

  test("rejected calls, ignored ones and those under way are not in the denominator", () => {
    const trip = failureRate({ threshold: 0.5, window: { calls: 10 }, minCalls: 2 });
    const breaker = new CircuitBreaker({ trip, clock: new ManualClock() });
    for (let n = 0; n < 5; n++) breaker.tryPermit();
    for (let n = 0; n < 5; n++) breaker.tryPermit()?.release();
    using hold = breaker.isolate();
    breaker.tryPermit();
    hold[Symbol.dispose]();
    breaker.tryPermit()?.failure(new Error("down"));
    expect(breaker.state).toBe("closed");
    breaker.tryPermit()?.failure(new Error("down"));
    expect(breaker.state).toBe("open");
  });

  test("one rule serves several breakers, each with its own window, empty again after a close", () => {
    const clock = new ManualClock();
    const trip = failureRate({ threshold: 1, window: { calls: 2 } });
    const [one, other] = [new CircuitBreaker({ trip, clock }), new CircuitBreaker({ trip, clock })];
    one.tryPermit()?.failure(new Error("down"));
    other.tryPermit()?.failure(new Error("down"));
    expect([one.state, other.state]).toEqual(["closed", "closed"]);
    one.tryPermit()?.failure(new Error("down"));
    expect([one.state, other.state]).toEqual(["open", "closed"]);
    one.reset();
    one.tryPermit()?.failure(new Error("down"));
    expect(one.state).toBe("closed");
  });
});
