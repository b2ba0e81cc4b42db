import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/index.js";
import { realClock } from "../../src/kernel/clock.js";
import { RateLimitError } from "../../src/rate-limiter/errors.js";
import { KeyedRateLimiter } from "../../src/rate-limiter/keyed-rate-limiter.js";
import type { RateLimits } from "../../src/rate-limiter/options.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { Registry } from "../../src/registry.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { numRuns, watch } from "./admissions.js";

/** How many of these requests are admitted. */
function admitted(limiter: KeyedRateLimiter, key: string, requests = 20): number {
  return Array.from({ length: requests }, () => limiter.tryAcquire(key)).filter(Boolean).length;
}

describe("separate limits for some keys", () => {
  const table = { big: { rate: 5 }, slow: { per: "1m" }, deep: { burst: 7 }, off: { rate: 0 } } as const;

  test.each([
    ["a table", table],
    [
      "a function",
      (key: string): RateLimits | undefined =>
        Object.hasOwn(table, key) ? Reflect.get(table, key) : undefined,
    ],
  ])("come from %s, and missing ones from the limiter", async (_kind, limits) => {
    const clock = new ManualClock();
    const limiter = new KeyedRateLimiter({ rate: 2, burst: 3, limits, clock });
    const keys = ["big", "slow", "deep", "off", "other"];
    expect(keys.map((key) => limiter.tokens(key))).toEqual([5, 3, 7, 1, 3]);
    expect(keys.map((key) => admitted(limiter, key))).toEqual([5, 3, 7, 1, 3]);
    expect(keys.map((key) => limiter.timeUntilToken(key))).toEqual([0.2, 30, 0.5, Infinity, 0.5]);
    expect(limiter).toMatchObject({ rate: 2, per: 1, burst: 3 });
    await clock.advance(1);
    expect(keys.map((key) => limiter.tokens(key))).toEqual([5, expect.closeTo(2 / 60), 2, 0, 2]);
    limiter.reset();
    expect(keys.map((key) => admitted(limiter, key))).toEqual([5, 3, 7, 1, 3]);
  });

  test("hold for costs, waits, pauses and reservations, too", async () => {
    const clock = new ManualClock();
    const limiter = new KeyedRateLimiter({ rate: 1, limits: { big: { rate: 10 } }, clock });
    expect(() => limiter.tryAcquire("other", 2)).toThrow(RateLimitError);
    expect(() => limiter.timeUntilToken("big", 11)).toThrow(/up to the burst of 10; got 11/);
    limiter.reserve("big", 10).commit(15);
    expect(limiter.timeUntilToken("big", 5)).toBe(1);
    const waiting = watch(limiter.execute("big", () => "ran", { cost: 5 }));
    limiter.reset("other");
    await clock.advance(1);
    expect(waiting.state).toBe("fulfilled");
    limiter.pauseFor("big", 1);
    expect(limiter.timeUntilToken("big", 10)).toBe(1);
    await clock.advance(1);
    expect([limiter.tryAcquire("big", 10), clock.pendingTimers]).toEqual([true, 0]);
  });

  test("hold for what a reservation has taken more, also when the key was forgotten meanwhile", async () => {
    const clock = new ManualClock();
    const limiter = new KeyedRateLimiter({
      rate: 1,
      burst: 1,
      clock,
      limits: { big: { rate: 2, burst: 10 } },
    });
    const reservation = limiter.reserve("big", 1);
    await clock.advance(60);
    for (const other of ["a", "b", "c"]) limiter.tryAcquire(other);
    reservation.commit(5);
    expect(limiter.tokens("big")).toBe(6);
  });

  test("stay with a key that waits while the table is cleared and the others' limits change", async () => {
    const clock = new ManualClock();
    const limiter = new KeyedRateLimiter({ rate: 1, limits: { big: { rate: 4 } }, clock });
    for (const key of ["one", "two", "big"]) limiter.tryAcquire(key, limiter.tokens(key));
    const waiting = ["one", "big"].map((key) => watch(limiter.acquire(key)));
    limiter.update({ rate: 2 });
    expect(["one", "two", "big"].map((key) => limiter.timeUntilToken(key))).toEqual([1, 0.5, 0.5]);
    limiter.reset();
    await clock.advance(0);
    expect(waiting.map(({ state }) => state)).toEqual(["fulfilled", "fulfilled"]);
    expect(["one", "two", "big"].map((key) => limiter.tokens(key))).toEqual([1, 2, 3]);
    limiter.update({ rate: 0 });
    await clock.advance(1);
    expect(["one", "two", "big"].map((key) => limiter.tokens(key))).toEqual([1, 1, 4]);
  });

  test("keep their waiters' turns when the others' limits change", async () => {
    const clock = new ManualClock();
    const limiter = new KeyedRateLimiter({ rate: 1, limits: { big: { rate: 4 } }, clock });
    limiter.tryAcquire("big", 4);
    const waiting = watch(limiter.acquire("big"));
    expect(limiter.reserve("big").delay).toBe(0.5);
    limiter.update({ rate: 2 });
    await clock.advance(0.25);
    expect(waiting.state).toBe("fulfilled");
  });

  test("are not those that a key without separate limits had before a change", async () => {
    const clock = new ManualClock();
    const limiter = new KeyedRateLimiter({ rate: 1, maxKeys: 1, clock });
    const reservation = limiter.reserve("key");
    limiter.update({ rate: 2 });
    await clock.advance(5);
    limiter.tryAcquire("other");
    // The key is forgotten, and comes back with a debt.
    reservation.commit(4);
    expect(limiter.timeUntilToken("key")).toBe(1);
  });

  test("are forgotten with the key, and looked up again when it comes back", () => {
    const clock = new ManualClock();
    const asked: string[] = [];
    let rate = 5;
    const limiter = new KeyedRateLimiter({
      rate: 1,
      maxKeys: 1,
      maxKeyLength: 64,
      limits(key) {
        asked.push(key);
        return key === "big" ? { rate } : undefined;
      },
      clock,
    });
    expect([admitted(limiter, "big"), asked]).toEqual([5, ["big"]]);
    rate = 6;
    expect(admitted(limiter, "big")).toBe(0);
    expect(admitted(limiter, "other")).toBe(1);
    expect([admitted(limiter, "big"), asked]).toEqual([6, ["big", "other", "big"]]);
    limiter.tryAcquire("long".repeat(20));
    expect(asked.at(-1)).toMatch(/^sha256:/);
  });

  test("of a key in the table that is stored as its hash are found", () => {
    const long = "long".repeat(20);
    const limiter = new KeyedRateLimiter({ maxKeyLength: 64, limits: { [long]: { rate: 3 } } });
    expect(limiter.tokens(long)).toBe(3);
  });

  test.each([
    [5, "the result of limits must be an object with rate, per or burst; got 5."],
    [null, "the result of limits must be an object with rate, per or burst; got null."],
    [[], "the result of limits must be an object with rate, per or burst; got an array."],
    [Promise.resolve({}), /^the result of limits must be an object/],
    [{ rat: 1 }, /^rat is not an option of the result of limits; did you mean rate\?/],
    [{ rate: Number.NaN }, /^the result of limits\.rate must be a number of at least 0; got NaN/],
    [{ burst: 0 }, /^the result of limits\.burst must be a number above 0; got 0/],
    [{ rate: 1e300 }, /^rate, per and burst must/],
  ])("that make no sense, %j, are an error that takes nothing", async (nonsense, message) => {
    const clock = new ManualClock();
    const answers: unknown[] = [];
    const limits = (): never => answers[0] as never;
    const limiter = new KeyedRateLimiter({ limits, maxKeys: 1, clock });
    limiter.tryAcquire("known");
    answers.push(nonsense);
    expect(() => limiter.tryAcquire("key")).toThrow(message);
    expect(() => limiter.reserve("key")).toThrow(message);
    expect(() => limiter.block("key", 1)).toThrow(message);
    await expect(limiter.acquire("key")).rejects.toThrow(message);
    await expect(limiter.execute("key", () => 1)).rejects.toThrow(message);
    expect(limiter.stats).toMatchObject({
      keys: 1,
      totalAcquired: 1,
      totalRejected: 0,
      totalEvicted: 0,
      queued: 0,
    });
    expect(limiter.tryAcquire("known")).toBe(true);
  });

  test("whose function throws reject with what it throws", async () => {
    const failure = new Error("no plan");
    const limiter = new KeyedRateLimiter({
      limits() {
        throw failure;
      },
    });
    await expect(limiter.acquire("key")).rejects.toBe(failure);
    expect(() => limiter.tryAcquire("key")).toThrow(failure);
    expect(limiter.size).toBe(0);
  });

  test.each([
    [5, "limits must be a table of limits by key, or a function that returns those of a key; got 5."],
    [null, /^limits must be a table/],
    [[], /^limits must be a table/],
    [new Map(), /^limits must be a table/],
    [{ big: 5 }, 'limits["big"] must be an object with rate, per or burst; got 5.'],
    [{ big: { rate: "5" } }, /^limits\["big"\]\.rate must be a number of at least 0; got "5"/],
    [{ big: { per: 0 } }, /^limits\["big"\]\.per must be/],
    [{ big: { burst: Infinity } }, /^limits\["big"\]\.burst must be/],
  ])("cannot be %j", (limits, message) => {
    expect(() => new KeyedRateLimiter({ limits: limits as never })).toThrow(message);
  });

  test("can come from a file", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "kstlib-own-limits-"));
    try {
      const file = path.join(folder, "kstlib.conf.yml");
      writeFileSync(
        file,
        'resilience:\n  rate_limiter:\n    limits: { "tenant_7": { rate: 50, per: 1m }, __proto__: { burst: 2 } }\n',
      );
      await using registry = new Registry(loadConfig({ path: file, env: {} }));
      const limiter = registry.keyedRateLimiter("tenants");
      expect(["tenant_7", "__proto__", "tenant 8"].map((key) => limiter.tokens(key))).toEqual([50, 2, 10]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("make each key behave like a limiter of its own", () => {
    const limits: Record<string, RateLimits> = {
      b: { rate: 7, burst: 2 },
      c: { rate: 0, burst: 3 },
      d: { rate: 500 },
    };
    const key = fc.constantFrom("a", "b", "c", "d", "e");
    const step = fc.oneof(
      fc.record({ do: fc.constant("try" as const), key, cost: fc.constantFrom(0.25, 0.5, 1) }),
      fc.record({ do: fc.constant("try" as const), key, cost: fc.constantFrom(0.25, 0.5, 1) }),
      fc.record({ do: fc.constant("reserve" as const), key, cost: fc.constantFrom(0.5, 1) }),
      fc.record({ do: fc.constant("reset" as const), key }),
      fc.record({ do: fc.constant("advance" as const), key, milliseconds: fc.integer({ min: 1, max: 500 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let now = 0;
        const clock = { ...realClock, now: () => now };
        const keyed = new KeyedRateLimiter({ rate: 10, burst: 2, limits, clock });
        const alone = Object.fromEntries(
          ["a", "b", "c", "d", "e"].map((name) => [
            name,
            new RateLimiter({ rate: 10, burst: 2, ...limits[name], clock }),
          ]),
        );
        // A burst that is not given follows the rate.
        alone["d"] = new RateLimiter({ rate: 500, clock });
        const differences: unknown[] = [];
        for (const one of steps) {
          const other = alone[one.key] ?? new RateLimiter();
          if (one.do === "try") {
            if (keyed.tryAcquire(one.key, one.cost) !== other.tryAcquire(one.cost)) differences.push(one);
          } else if (one.do === "reserve") {
            const timeout = one.key === "c" ? 0 : undefined;
            if (keyed.timeUntilToken(one.key, one.cost) === Infinity) continue;
            const delays = [
              keyed.reserve(one.key, one.cost, { timeout }).delay,
              other.reserve(one.cost, { timeout }).delay,
            ];
            if (delays[0] !== delays[1]) differences.push(delays);
          } else if (one.do === "reset") {
            keyed.reset(one.key);
            other.reset();
          } else {
            now += one.milliseconds;
          }
          if (keyed.tokens(one.key) !== other.tokens)
            differences.push([one, keyed.tokens(one.key), other.tokens]);
        }
        expect(differences).toEqual([]);
      }),
      { numRuns },
    );
  });
});
