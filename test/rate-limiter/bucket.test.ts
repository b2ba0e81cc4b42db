import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  newLevel,
  isLate,
  hasTokens,
  type Levels,
  makeLimits,
  missing,
  rebase,
  take,
  tryTake,
  availableAt,
} from "../../src/rate-limiter/bucket.js";
import { type Admission, numRuns, worstExcess } from "./admissions.js";

describe("the bucket", () => {
  // rate 10 per second, burst 5: a token each 100 ms, 500 ms to fill.
  const limits = makeLimits(10, 1000, 5);
  const level = (since: number, spent: number): Levels => Float64Array.of(since, spent);

  test.each([
    { what: "a full bucket", bucket: newLevel(), cost: 5, now: 1000, wait: 0 },
    { what: "a full bucket, a fraction", bucket: newLevel(), cost: 0.5, now: 0, wait: 0 },
    { what: "a bucket full again", bucket: level(0, 7), cost: 5, now: 1000, wait: 0 },
    { what: "an empty bucket", bucket: level(1000, 5), cost: 1, now: 1000, wait: 100 },
    { what: "an empty bucket, all of it", bucket: level(500, 10), cost: 5, now: 1000, wait: 500 },
    { what: "one token left", bucket: level(1000, 4), cost: 1, now: 1000, wait: 0 },
    { what: "one token left, two asked", bucket: level(1000, 4), cost: 2, now: 1000, wait: 100 },
    { what: "nearly a token", bucket: level(901, 5), cost: 1, now: 1000, wait: 1 },
    { what: "a bucket in debt", bucket: level(1000, 7), cost: 1, now: 1000, wait: 300 },
  ])("$what: $cost at $now waits $wait ms", ({ bucket, cost, now, wait }) => {
    expect(availableAt(bucket, 0, cost, now, limits) - now).toBe(wait);
    expect(hasTokens(bucket, 0, cost, now, limits)).toBe(wait === 0);
  });

  test("taking counts from the last time at which it was full, never from idle time", () => {
    const bucket = newLevel();
    take(bucket, 0, 2, 1000, limits);
    expect(missing(bucket, 0, 1000, limits)).toBe(2);
    take(bucket, 0, 1, 1000, limits);
    expect(missing(bucket, 0, 1100, limits)).toBe(2);
    take(bucket, 0, 1, 5000, limits);
    expect(missing(bucket, 0, 5000, limits)).toBe(1);
  });

  test("what is missing is counted in tokens, is nothing in a full bucket and more than the burst in debt", () => {
    expect(missing(level(1000, 2), 0, 1000, limits)).toBe(2);
    expect(missing(level(700, 2), 0, 1000, limits)).toBe(0);
    expect(missing(newLevel(), 0, 1000, limits)).toBe(0);
    expect(missing(level(1000, 12), 0, 1100, limits)).toBe(11);
  });

  test("a bucket that is never full is counted from later times, and its sums stay small", () => {
    const bucket = newLevel();
    take(bucket, 0, 5, 0, limits);
    for (let now = 100; now <= 20_000_000; now += 100) take(bucket, 0, 1, now, limits);
    expect(missing(bucket, 0, 20_000_000, limits)).toBe(5);
    expect(bucket[1]).toBeLessThan(11_000);
  });

  test("changed limits keep the tokens up to the new burst, and all of a debt", () => {
    const at = (tokens: number, to: typeof limits): number => {
      const bucket = level(1000, 5 - tokens);
      rebase(bucket, 0, 1000, limits, to);
      return to.burst - missing(bucket, 0, 1000, to);
    };
    expect(at(3, makeLimits(1, 1000, 10))).toBe(3);
    expect(at(3, makeLimits(100, 1000, 2))).toBe(2);
    expect(at(0, makeLimits(100, 1000, 2))).toBe(0);
    expect(at(5, makeLimits(100, 1000, 50))).toBe(5);
    expect(at(5, makeLimits(10, 1000, 50))).toBe(5);
    expect(at(-7, makeLimits(1, 1000, 5))).toBe(-7);
    expect(at(-7, makeLimits(10, 1000, 2))).toBe(-7);
    expect(at(-7, limits)).toBe(-7);
  });

  test("a turn is late only if by more than a rounding error", () => {
    expect(isLate(0.1 + 0.2, 0.3, limits)).toBe(false);
    expect(isLate(1e12 + 1, 1e12, limits)).toBe(true);
    expect(isLate(1, Number.POSITIVE_INFINITY, limits)).toBe(false);
  });

  test("limits that no clock could measure are refused with the names of all three", () => {
    expect(() => makeLimits(1e13, 1000, 1)).toThrow(
      /rate, per and burst .*got rate 10000000000000, per 1 s and burst 1/,
    );
    expect(() => makeLimits(5e-324, 1000, 1)).toThrow(/rate, per and burst/);
    expect(() => makeLimits(1, 1e300, 1)).toThrow(RangeError);
    expect(() => makeLimits(1, 1000, 1e300)).toThrow(RangeError);
  });
});

const anyLimits = fc
  .record({
    rate: fc.oneof(fc.double({ min: 1e-3, max: 1e9, noNaN: true }), fc.integer({ min: 1, max: 100_000 })),
    per: fc.constantFrom(10, 1000, 1000 / 3, 60_000, 86_400_000 * 30),
    burst: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.double({ min: 0.1, max: 1e6, noNaN: true })),
  })
  .filter(({ rate, per, burst }) => per / rate >= 1e-6 && (burst * per) / rate <= 1e15)
  .map(({ rate, per, burst }) => makeLimits(rate, per, burst));

/** A request: a share of the burst, after a share of the filling time. */
const steps = fc.array(
  fc.record({
    share: fc.oneof(fc.constant(1), fc.double({ min: 1e-3, max: 1, noNaN: true })),
    idle: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 0.2, noNaN: true }), fc.constant(2)),
  }),
  { maxLength: 60 },
);

describe("properties of the bucket", () => {
  test("no window admits more than burst + rate * t / per, at any rate, burst, cost and time", () => {
    fc.assert(
      fc.property(
        anyLimits,
        steps,
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        (limits, requests, origin) => {
          let now = origin;
          const bucket = newLevel();
          const admissions: Admission[] = [];
          for (const { share, idle } of requests) {
            now += idle * limits.capacity;
            const cost = share * limits.burst;
            const twoSteps = bucket.slice();
            const isAdmitted = hasTokens(twoSteps, 0, cost, now, limits);
            if (isAdmitted) take(twoSteps, 0, cost, now, limits);
            expect(tryTake(bucket, 0, cost, now, limits)).toBe(isAdmitted);
            expect(bucket).toEqual(twoSteps);
            if (isAdmitted) admissions.push({ at: now, cost });
          }
          // Each sum of doubles rounds by at most an ulp of the largest time.
          const rounding = (requests.length + 16) * (now + limits.capacity) * 2 ** -52;
          expect(worstExcess(admissions, limits) * limits.interval).toBeLessThanOrEqual(rounding);
        },
      ),
      { numRuns },
    );
  });
});

describe("a bucket without a limit", () => {
  const unlimited = makeLimits(Infinity, 1000, 3);

  test("lacks nothing, whatever was taken, at the same moment and later", () => {
    const level = newLevel();
    take(level, 0, 1e300, 5, unlimited);
    for (const now of [5, 6]) {
      expect(missing(level, 0, now, unlimited)).toBe(0);
      expect(availableAt(level, 0, 1e300, now, unlimited)).toBe(now);
      expect(isLate(now, now, unlimited)).toBe(false);
      expect(tryTake(level, 0, 1e300, now, unlimited)).toBe(true);
    }
    expect(isLate(1e9 + 1, 1e9, unlimited)).toBe(true);
  });

  test("is full when it gets a limit, and has no debt after it loses one", () => {
    const limited = makeLimits(10, 1000, 3);
    const level: Levels = Float64Array.of(0, 100);
    rebase(level, 0, 0, limited, unlimited);
    expect(missing(level, 0, 0, unlimited)).toBe(0);
    rebase(level, 0, 0, unlimited, limited);
    expect([...level]).toEqual([0, 0]);
  });
});

describe("the two numbers of a bucket", () => {
  /** A bucket that was full at a time and has had tokens taken since. */
  const bucket = (since: number, spent: number): Levels => Float64Array.of(since, spent);

  test("are counted from a later time after 1024 periods, and not before", () => {
    const limits = makeLimits(1, 1000, 2000);
    const before = bucket(0, 2000);
    take(before, 0, 1, 1_023_999, limits);
    expect([...before]).toEqual([0, 2001]);
    const after = bucket(0, 2000);
    take(after, 0, 1, 1_024_500, limits);
    expect([...after]).toEqual([1_024_000, 977]);
    const exactly = bucket(0, 2000);
    take(exactly, 0, 1, 1_024_000, limits);
    expect([...exactly]).toEqual([1_024_000, 977]);
  });

  test("are kept under another burst, and computed again under another rate or period", () => {
    const from = makeLimits(3, 1000, 5);
    const rebased = (level: Levels, rate: number, per: number, burst: number): number[] => {
      rebase(level, 0, 100, from, makeLimits(rate, per, burst));
      return [...level];
    };
    expect(rebased(bucket(0, 2), 3, 1000, 7)).toEqual([0, 4]);
    expect(rebased(bucket(0, 2), 3, 1000, 4)).toEqual([0, 1]);
    expect(rebased(bucket(0, 2), 3, 1000, 2)).toEqual([0, 0]);
    expect(rebased(bucket(0, 2), 6, 1000, 5)).toEqual([100, 1.7]);
    expect(rebased(bucket(0, 2), 3, 2000, 5)).toEqual([100, 1.7]);
    // Full by now: nothing that was spent counts.
    expect(rebased(bucket(-1000, 2), 3, 1000, 7)).toEqual([100, 2]);
  });

  test("never yield a time at which the comparison still refuses", () => {
    const amount = fc.double({ min: 0.01, max: 1000, noNaN: true });
    fc.assert(
      fc.property(
        amount,
        amount,
        amount,
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        (rate, per, cost, since) => {
          const limits = makeLimits(rate, per, cost);
          const due = availableAt(bucket(since, cost), 0, cost, since, limits);
          expect(cost * per).toBeLessThanOrEqual((due - since) * rate);
          // No later than rounding asks for.
          const exact = since + (cost * per) / rate;
          expect(due - exact).toBeLessThanOrEqual(exact * 4 * Number.EPSILON);
        },
      ),
      { numRuns },
    );
  });
});
