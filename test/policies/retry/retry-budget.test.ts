import fc from "fast-check";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { RetryBudget, type RetryBudgetOptions } from "../../../src/policies/retry/retry-budget.js";
import { ManualClock } from "../../../src/testing/index.js";

let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock();
});

const make = (options: RetryBudgetOptions = {}): RetryBudget => new RetryBudget({ clock, ...options });

/** Takes as many extra attempts as there are. */
function takeAll(budget: RetryBudget): number {
  let taken = 0;
  while (budget.tryExtra()) {
    taken++;
    budget.leaveExtra();
  }
  return taken;
}

function enter(budget: RetryBudget, calls: number): void {
  for (let call = 0; call < calls; call++) budget.enter();
}

describe("extra attempts", () => {
  test.each([
    // ratio, minPerSecond, window, calls: extra attempts
    [undefined, undefined, undefined, 0, 100],
    [undefined, undefined, undefined, 1000, 300],
    [0.2, 0, 10, 0, 0],
    [0.2, 0, 10, 4, 0],
    [0.2, 0, 10, 5, 1],
    [0.1, 0, 10, 10, 1],
    [0.1, 0, 10, 30, 3],
    [0, 1, 1, 1000, 1],
    [0, 0, 10, 1000, 0],
    [10, 0, 10, 1, 10],
  ])(
    "with ratio %d, %d a second and a window of %d s there are for %d calls: %d",
    (ratio, minPerSecond, window, calls, extra) => {
      const budget = make({ ratio, minPerSecond, window });
      enter(budget, calls);
      expect(budget.snapshot().available).toBe(extra);
      expect(takeAll(budget)).toBe(extra);
      expect(budget.snapshot()).toMatchObject({ kind: "retry-budget", available: 0, extraRunning: 0 });
      expect(budget.stats).toEqual({ totalCalls: calls, extraAttempts: extra, suppressed: 1 });
    },
  );

  test("are available again when the window has passed", () => {
    const budget = make();
    const told = vi.fn<(event: object) => void>();
    budget.on("suppressed", told);
    expect(takeAll(budget)).toBe(100);
    expect(told).toHaveBeenCalledExactlyOnceWith({ reason: "window" });
    clock.sleepSync(9000);
    expect(takeAll(budget)).toBe(0);
    clock.sleepSync(1000);
    expect(takeAll(budget)).toBe(100);
    clock.sleepSync(1e9);
    expect(takeAll(budget)).toBe(100);
  });

  test("may be limited to a share of the calls under way, except three", () => {
    const budget = make({ maxInFlightRatio: 0.5 });
    const told = vi.fn<(event: object) => void>();
    budget.on("suppressed", told);
    expect([1, 2, 3, 4].map(() => budget.tryExtra())).toEqual([true, true, true, false]);
    expect(told).toHaveBeenCalledExactlyOnceWith({ reason: "in-flight" });
    enter(budget, 8);
    expect([4, 5].map(() => budget.tryExtra())).toEqual([true, false]);
    budget.leaveExtra();
    expect(budget.tryExtra()).toBe(true);
    expect(budget.stats).toMatchObject({ extraAttempts: 5, suppressed: 2 });
  });
});

const step = fc.oneof(
  fc.record({ do: fc.constant("call" as const), count: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ do: fc.constant("extra" as const), count: fc.integer({ min: 1, max: 10 }) }),
  fc.record({ do: fc.constant("advance" as const), count: fc.integer({ min: 1, max: 15_000 }) }),
);

test("in no window are there more of them than the calls in it allow: a naive list says which", () => {
  const settings = fc.record({
    ratio: fc.constantFrom(0, 0.1, 0.2, 1),
    minPerSecond: fc.constantFrom(0, 0.1, 1),
    window: fc.constantFrom(1, 10, 60),
  });
  fc.assert(
    fc.property(settings, fc.array(step, { maxLength: 60 }), (options, steps) => {
      const time = new ManualClock();
      const budget = new RetryBudget({ ...options, clock: time });
      const slot = (): number => Math.floor(time.now() / (options.window * 100));
      const calls: number[] = [];
      const extras: number[] = [];
      const inWindow = (slots: readonly number[]): number =>
        slots.filter((each) => each > slot() - 10).length;
      const told: boolean[] = [];
      const expected: boolean[] = [];
      const run = {
        call(): void {
          budget.enter();
          calls.push(slot());
        },
        extra(): void {
          const most = options.ratio * inWindow(calls) + options.minPerSecond * options.window;
          const isAllowed = inWindow(extras) + 1 <= most + 1e-6;
          expected.push(isAllowed);
          told.push(budget.tryExtra());
          if (isAllowed) extras.push(slot());
        },
        advance: () => time.sleepSync(1),
      };
      for (const { do: what, count } of steps) for (let each = 0; each < count; each++) run[what]();
      expect(told).toEqual(expected);
    }),
  );
});
