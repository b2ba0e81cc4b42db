import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  FULL,
  fullAfter,
  isLate,
  makeLimits,
  missing,
  rebase,
  waitFor,
} from "../../src/rate-limiter/bucket.js";
import { type Admission, numRuns, worstExcess } from "./support.js";

describe("the bucket", () => {
  // rate 10 per second, burst 5: a token each 100 ms, 500 ms to fill.
  const limits = makeLimits(10, 1000, 5);

  test.each([
    { what: "a full bucket", fullAt: FULL, cost: 5, now: 1000, wait: 0 },
    { what: "a full bucket, a fraction", fullAt: FULL, cost: 0.5, now: 0, wait: 0 },
    { what: "an empty bucket", fullAt: 1500, cost: 1, now: 1000, wait: 100 },
    { what: "an empty bucket, all of it", fullAt: 1500, cost: 5, now: 1000, wait: 500 },
    { what: "one token left", fullAt: 1400, cost: 1, now: 1000, wait: 0 },
    { what: "one token left, two asked", fullAt: 1400, cost: 2, now: 1000, wait: 100 },
    { what: "nearly a token", fullAt: 1401, cost: 1, now: 1000, wait: 1 },
    { what: "a bucket in debt", fullAt: 1700, cost: 1, now: 1000, wait: 300 },
  ])("$what: $cost at $now waits $wait ms", ({ fullAt, cost, now, wait }) => {
    expect(waitFor(fullAt, cost, now, limits)).toBe(wait);
  });

  test("taking moves the time of being full by the cost, never by idle time", () => {
    expect(fullAfter(FULL, 2, 1000, limits)).toBe(1200);
    expect(fullAfter(1200, 1, 1000, limits)).toBe(1300);
    expect(fullAfter(1200, 1, 5000, limits)).toBe(5100);
  });

  test("what is missing is counted in tokens and is nothing in a full bucket", () => {
    expect(missing(1200, 1000, limits)).toBe(2);
    expect(missing(900, 1000, limits)).toBe(0);
    expect(missing(FULL, 1000, limits)).toBe(0);
  });

  test("other limits keep the tokens up to the new burst", () => {
    const at = (tokens: number, to: typeof limits): number =>
      to.burst - missing(rebase(1000 + (5 - tokens) * 100, 1000, limits, to), 1000, to);
    expect(at(3, makeLimits(1, 1000, 10))).toBe(3);
    expect(at(3, makeLimits(100, 1000, 2))).toBe(2);
    expect(at(0, makeLimits(100, 1000, 2))).toBe(0);
    expect(at(5, makeLimits(100, 1000, 50))).toBe(5);
  });

  test("a turn is late only by more than rounding explains", () => {
    expect(isLate(0.1 + 0.2, 0.3, limits)).toBe(false);
    expect(isLate(1e12 + 1, 1e12, limits)).toBe(true);
    expect(isLate(1, Number.POSITIVE_INFINITY, limits)).toBe(false);
  });

  test("limits that no clock could keep are refused with the names of all three", () => {
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
          let fullAt = FULL;
          const admissions: Admission[] = [];
          for (const { share, idle } of requests) {
            now += idle * limits.capacity;
            const cost = share * limits.burst;
            if (waitFor(fullAt, cost, now, limits) > 0) continue;
            fullAt = fullAfter(fullAt, cost, now, limits);
            admissions.push({ at: now, cost });
          }
          // Each sum of doubles rounds by at most an ulp of the largest time.
          const rounding = (requests.length + 16) * (now + limits.capacity) * 2 ** -52;
          expect(worstExcess(admissions, limits) * limits.interval).toBeLessThanOrEqual(rounding);
        },
      ),
      { numRuns },
    );
  });

  test("a denied request is denied before its time and admitted at it, seconds to and fro", () => {
    fc.assert(
      fc.property(
        anyLimits,
        steps,
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        (limits, requests, origin) => {
          let now = origin;
          let fullAt = FULL;
          for (const { share, idle } of requests) {
            now += idle * limits.capacity;
            const cost = share * limits.burst;
            const wait = waitFor(fullAt, cost, now, limits);
            const rounding = fullAfter(fullAt, cost, now, limits) * 2 ** -47;
            const before = waitFor(fullAt, cost, now + wait - rounding, limits) > 0;
            now += (wait / 1000) * 1000;
            expect(before || wait <= rounding).toBe(true);
            expect(waitFor(fullAt, cost, now, limits)).toBe(0);
            fullAt = fullAfter(fullAt, cost, now, limits);
          }
        },
      ),
      { numRuns },
    );
  });
});
