import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Clock } from "../../src/kernel/clock.js";
import { KeyedRateLimiter } from "../../src/rate-limiter/keyed-rate-limiter.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { ExactBucket, nextDown } from "./exact-model.js";
import { numRuns } from "./admissions.js";

/** A clock that shows what a test says. */
class Dial implements Clock {
  reading: number;

  constructor(reading: number) {
    this.reading = reading;
  }

  now(): number {
    return this.reading;
  }

  wallNow(): number {
    return 0;
  }

  setTimer(): { cancel(): void } {
    return { cancel: () => {} };
  }

  sleepSync(delay: number): void {
    this.reading += Math.max(0, delay);
  }
}

/** Up to what `Date.now()` will be in three centuries, and on the other side of 0. */
const origins = fc.oneof(
  fc.constantFrom(0, 1, 0.1, 123.456_789, 5e6, 1.7e12, 1e13, -1e13, -1.7e12, -3),
  fc.double({ min: 0, max: 1e13, noNaN: true }),
);

const wholeLimits = fc.record({
  rate: fc.integer({ min: 1, max: 2000 }),
  per: fc.constantFrom(1, 7, 1000, 60_000, 3_600_000),
  burst: fc.integer({ min: 1, max: 5000 }),
});

/** What a clock shows has a grid: a step is so many of its smallest ones from that origin. */
const steps = fc.array(
  fc.record({
    cost: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 100 })),
    idle: fc.oneof(
      { weight: 4, arbitrary: fc.constant(0) },
      { weight: 4, arbitrary: fc.integer({ min: 1, max: 5000 }) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 1e9 }) },
    ),
  }),
  { minLength: 1, maxLength: 200, size: "max" },
);

/** The smallest step of a clock around here that a sum of a few million of them never rounds. */
function grid(origin: number): number {
  return 2 ** Math.max(-12, Math.ceil(Math.log2(Math.abs(origin) + 1)) - 50);
}

describe("of whole numbers every decision is that of exact arithmetic", () => {
  test("from any origin of the clock, at any rate and burst, single and keyed", () => {
    fc.assert(
      fc.property(wholeLimits, origins, steps, (limits, origin, requests) => {
        const unit = grid(origin);
        const clock = new Dial(Math.round(origin / unit) * unit);
        const options = { ...limits, per: `${limits.per}ms` as const, clock };
        const single = new RateLimiter(options);
        const keyed = new KeyedRateLimiter(options);
        const exact = new ExactBucket(limits.rate, limits.per, limits.burst);
        const decisions: unknown[] = [];
        const expected: unknown[] = [];
        for (const { cost: wanted, idle } of requests) {
          clock.reading += idle * unit;
          const cost = Math.min(wanted, limits.burst);
          const { lacks } = exact.lack(cost, clock.reading);
          if (!lacks) exact.take(cost, clock.reading);
          expected.push([lacks, lacks]);
          decisions.push([!single.tryAcquire(cost), !keyed.tryAcquire("key", cost)]);
        }
        expect(decisions).toEqual(expected);
      }),
      { numRuns },
    );
  });

  test("while the clock stands still, the whole burst and nothing more is taken, by every method", async () => {
    for (const origin of [0, 0.1, 1e6 + 1 / 3, 1.7e12, 1e13, -1e13]) {
      for (const per of [1, 60, 3600]) {
        for (let rate = 1; rate <= 1000; rate += 13) {
          const clock = new Dial(origin);
          const limiter = new RateLimiter({ rate, per, clock });
          const keyed = new KeyedRateLimiter({ rate, per, clock });
          let refused = 0;
          for (let taken = 0; taken < rate - 1; taken++) {
            if (!limiter.tryAcquire() || !keyed.tryAcquire("key")) refused++;
          }
          expect(refused).toBe(0);
          expect([limiter.timeUntilToken(), keyed.timeUntilToken("key")]).toEqual([0, 0]);
          expect([limiter.reserve().delay, keyed.tryAcquire("key")]).toEqual([0, true]);
          expect([limiter.tryAcquire(), keyed.tryAcquire("key")]).toEqual([false, false]);
          expect([limiter.tokens, keyed.tokens("key")]).toEqual([0, 0]);
        }
      }
    }
    const clock = new ManualClock();
    const waited = new RateLimiter({ rate: 79, clock });
    for (let turn = 0; turn < 79; turn++) await waited.acquire({ timeout: 0 });
    await expect(waited.acquire({ timeout: 0 })).rejects.toThrow("retry after 0.01266 s");
    expect(clock.pendingTimers).toBe(0);
  });

  test("all tokens of a period are available after it, however many requests were made meanwhile", () => {
    for (const origin of [0, 1e6 + 1 / 3, 1.7e12]) {
      for (const rate of [3, 7, 79, 997]) {
        const clock = new Dial(origin);
        const limiter = new RateLimiter({ rate, clock });
        for (let second = 0; second < 3000; second++) {
          let taken = 0;
          while (limiter.tryAcquire()) taken++;
          expect(taken).toBe(rate);
          for (let part = 1; part < 8; part++) {
            clock.reading = origin + second * 1000 + part * 125;
            expect(limiter.tokens).toBeLessThan(rate);
          }
          clock.reading = origin + (second + 1) * 1000;
        }
      }
    }
  });
});

const anyLimits = fc
  .record({
    rate: fc.oneof(fc.double({ min: 1e-3, max: 1e9, noNaN: true }), fc.integer({ min: 1, max: 100_000 })),
    per: fc.constantFrom(10, 1000, 1000 / 3, 60_000, 86_400_000 * 30),
    burst: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.double({ min: 0.1, max: 1e6, noNaN: true })),
  })
  .filter(({ rate, per, burst }) => per / rate >= 1e-6 && (burst * per) / rate <= 1e15);

const shares = fc.array(
  fc.record({
    share: fc.oneof(fc.constant(1), fc.double({ min: 1e-3, max: 1, noNaN: true })),
    idle: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 0.2, noNaN: true }), fc.constant(2)),
  }),
  { maxLength: 60 },
);

describe("of any numbers", () => {
  test("a decision differs from that of exact arithmetic only where the two are indistinguishable", () => {
    fc.assert(
      fc.property(anyLimits, origins, shares, (limits, origin, requests) => {
        const clock = new Dial(origin);
        const limiter = new RateLimiter({ ...limits, per: limits.per / 1000, clock });
        const exact = new ExactBucket(limiter.rate, limiter.per * 1000, limiter.burst);
        let worst = 0;
        for (const { share, idle } of requests) {
          clock.reading += (idle * limits.burst * limits.per) / limits.rate;
          const cost = share * limits.burst;
          const { lacks, margin } = exact.lack(cost, clock.reading);
          const admitted = limiter.tryAcquire(cost);
          if (admitted) exact.take(cost, clock.reading);
          if (admitted === lacks) worst = Math.max(worst, Math.abs(margin));
        }
        expect(worst).toBeLessThan(limits.burst * 2 ** -43);
      }),
      { numRuns },
    );
  });

  test("the time of a refusal is exact to the clock's resolution: refused before it, admitted at it", () => {
    fc.assert(
      fc.property(anyLimits, origins, shares, (limits, origin, requests) => {
        const clock = new Dial(origin);
        const options = { ...limits, per: limits.per / 1000, clock };
        const limiter = new RateLimiter(options);
        const keyed = new KeyedRateLimiter(options);
        const early: boolean[] = [];
        const atOnce: boolean[] = [];
        const take = (cost: number): boolean[] => [limiter.tryAcquire(cost), keyed.tryAcquire("key", cost)];
        for (const { share, idle } of requests) {
          clock.reading += (idle * limits.burst * limits.per) / limits.rate;
          const cost = share * limits.burst;
          const wait = limiter.timeUntilToken(cost);
          expect(keyed.timeUntilToken("key", cost)).toBe(wait);
          if (wait > 0) {
            const now = clock.reading;
            early.push(...take(cost));
            clock.reading = now + wait * 1000;
            // A few steps of the clock, or of the arithmetic, before: still refused.
            const span = Math.abs(now) + wait * 1000;
            const before = Math.min(nextDown(clock.reading), clock.reading - span * 2 ** -46);
            const due = clock.reading;
            clock.reading = Math.max(now, before);
            early.push(...take(cost));
            clock.reading = due;
          }
          atOnce.push(...take(cost));
        }
        expect([early.includes(true), atOnce.includes(false)]).toEqual([false, false]);
      }),
      { numRuns },
    );
  });
});
