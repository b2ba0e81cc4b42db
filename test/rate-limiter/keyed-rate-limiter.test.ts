import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  fullAt,
  hasTokens,
  isFull,
  type Levels,
  makeLimits,
  newLevel,
  take,
} from "../../src/rate-limiter/bucket.js";
import { RateLimitExceededError } from "../../src/rate-limiter/errors.js";
import { KeyedRateLimiter } from "../../src/rate-limiter/keyed-rate-limiter.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import type { Reservation } from "../../src/rate-limiter/reservation.js";
import type { KeyedRateLimiterOptions } from "../../src/rate-limiter/keyed-options.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { call, CountingSignal, numRuns, watch } from "./admissions.js";

function setUp(options: KeyedRateLimiterOptions = {}): { clock: ManualClock; limiter: KeyedRateLimiter } {
  const clock = new ManualClock();
  return { clock, limiter: new KeyedRateLimiter({ rate: 10, burst: 1, ...options, clock }) };
}

describe("a keyed rate limiter", () => {
  test("has a bucket for each key", async () => {
    const { clock, limiter } = setUp({ burst: 2 });
    expect([limiter.tryAcquire("a"), limiter.tryAcquire("a"), limiter.tryAcquire("a")]).toEqual([
      true,
      true,
      false,
    ]);
    expect(limiter.tryAcquire("b", 2)).toBe(true);
    expect([limiter.tokens("a"), limiter.tokens("b"), limiter.tokens("never seen")]).toEqual([0, 0, 2]);
    expect([limiter.timeUntilToken("a", 2), limiter.timeUntilToken("never seen")]).toEqual([0.2, 0]);
    await clock.advance(0.1);
    expect(limiter.tryAcquire("a")).toBe(true);
    expect(limiter.stats).toEqual({
      totalAcquired: 4,
      totalRejected: 1,
      totalWaited: 0,
      queued: 0,
      keys: 2,
      totalEvicted: 0,
    });
    expect(clock.pendingTimers).toBe(0);
  });

  test.each(["", "__proto__", "constructor", "toString", " ", "\0", "💥", "\uD800", "a".repeat(10_000)])(
    "takes %j as a key like any other",
    (key) => {
      const { limiter } = setUp();
      expect([limiter.tryAcquire(key), limiter.tryAcquire(key), limiter.tryAcquire(`${key}!`)]).toEqual([
        true,
        false,
        true,
      ]);
    },
  );

  test("counts a key above maxKeyLength by its hash, everywhere", async () => {
    const { clock, limiter } = setUp({ maxKeyLength: 64 });
    const evicted: string[] = [];
    limiter.on("acquired", ({ key }) => evicted.push(key));
    const long = "k".repeat(65);
    const hash = `sha256:${createHash("sha256").update(long, "utf16le").digest("base64url")}`;
    expect([limiter.tryAcquire(long), limiter.tryAcquire(long), limiter.tryAcquire(`${long}l`)]).toEqual([
      true,
      false,
      true,
    ]);
    expect([limiter.tokens(long), limiter.timeUntilToken(long), limiter.tokens(hash)]).toEqual([0, 0.1, 0]);
    const waiter = watch(limiter.acquire(long));
    await clock.advance(0.1);
    expect(waiter.state).toBe("fulfilled");
    limiter.reset(long);
    expect(limiter.tokens(long)).toBe(1);
    expect(limiter.tryAcquire("k".repeat(64))).toBe(true);
    expect(evicted).toEqual([hash, expect.stringMatching(/^sha256:/), hash, "k".repeat(64)]);
  });

  test("long keys that differ only in half a surrogate pair are two keys", () => {
    const { limiter } = setUp({ maxKeyLength: 64 });
    const keys = ["\uD800", "\uD801", "\uFFFD"].map((end) => `${"k".repeat(64)}${end}`);
    expect(keys.map((key) => limiter.tryAcquire(key))).toEqual([true, true, true]);
    expect(keys.map((key) => limiter.tryAcquire(key))).toEqual([false, false, false]);
  });

  test("a cost above the burst is a separate error and makes no key known", async () => {
    const { limiter } = setUp();
    const tooMuch = expect.objectContaining({ code: "ERR_RATE_LIMIT_COST" });
    expect(() => limiter.tryAcquire("a", 2)).toThrow(tooMuch);
    expect(() => limiter.timeUntilToken("a", 2)).toThrow(tooMuch);
    await expect(limiter.acquire("a", { cost: 2 })).rejects.toEqual(tooMuch);
    expect(limiter.size).toBe(0);
  });

  test("forgets full buckets as new keys come", async () => {
    const { clock, limiter } = setUp({ maxKeys: 1000 });
    for (let key = 0; key < 1000; key++) limiter.tryAcquire(`old ${key}`);
    expect(limiter.size).toBe(1000);
    await clock.advance(1);
    for (let key = 0; key < 600; key++) limiter.tryAcquire(`new ${key}`);
    expect(limiter.size).toBe(600);
    expect(limiter.stats.totalEvicted).toBe(0);
  });

  test("does not forget a bucket that would be full only if nothing more had been taken", async () => {
    const { clock, limiter } = setUp({ burst: 3 });
    limiter.tryAcquire("a");
    limiter.tryAcquire("a", 2);
    await clock.advance(0.15);
    for (const key of "bcdefg") limiter.tryAcquire(key);
    expect(limiter.tokens("a")).toBeCloseTo(1.5);
    expect(limiter.tryAcquire("a", 2)).toBe(false);
  });

  test("evicts the bucket closest to full when all are in use, and reports whose it was", () => {
    const { limiter } = setUp({ burst: 5, maxKeys: 3 });
    const evicted: string[] = [];
    limiter.on("evicted", ({ key }) => evicted.push(key));
    limiter.tryAcquire("heavy", 5);
    limiter.tryAcquire("light");
    limiter.tryAcquire("middle", 2);
    // Became heavier than the others after it was the lightest.
    limiter.tryAcquire("light", 3);
    expect(limiter.tryAcquire("new", 3)).toBe(true);
    expect(evicted).toEqual(["middle"]);
    expect(limiter.tryAcquire("newer")).toBe(true);
    expect(evicted).toEqual(["middle", "new"]);
    expect([limiter.size, limiter.stats.totalEvicted]).toEqual([3, 2]);
    expect([limiter.tokens("heavy"), limiter.tokens("light")]).toEqual([0, 1]);
  });

  test('with onFull "deny" a new key is refused until a bucket is full', async () => {
    const { clock, limiter } = setUp({ maxKeys: 2, onFull: "deny", burst: 2 });
    limiter.tryAcquire("a", 2);
    limiter.tryAcquire("b", 1);
    expect(limiter.tryAcquire("c")).toBe(false);
    expect(limiter.timeUntilToken("c")).toBe(0.1);
    await expect(limiter.acquire("c")).rejects.toThrow(/all 2 keys are in use/);
    await expect(limiter.acquire("c")).rejects.toMatchObject({ retryAfter: 0.1 });
    expect([limiter.tryAcquire("b"), limiter.size]).toEqual([true, 2]);
    await clock.advance(0.2);
    expect(limiter.tryAcquire("c")).toBe(true);
    expect(limiter.stats).toMatchObject({ totalAcquired: 4, totalRejected: 3, totalEvicted: 0 });
  });

  test.each([
    ["deny", 0.3],
    ["evict", 0],
  ] as const)("a new key of a full table has to wait, with onFull %j, for %d s", (onFull, seconds) => {
    const { limiter } = setUp({ maxKeys: 1, onFull, burst: 4 });
    limiter.tryAcquire("a", 3);
    expect(limiter.timeUntilToken("b")).toBeCloseTo(seconds, 9);
  });

  test("a listener that takes another key while one is evicted leaves at most maxKeys", () => {
    const { limiter } = setUp({ maxKeys: 2 });
    let more = 0;
    limiter.on("evicted", () => {
      if (more++ < 5) limiter.tryAcquire(`more ${more}`);
    });
    for (const key of "abc") limiter.tryAcquire(key);
    expect(limiter.size).toBe(2);
    expect(more).toBe(6);
  });

  test("has its settings as properties", () => {
    const { limiter } = setUp({ maxQueue: 3, onFull: "deny", maxKeyLength: 99 });
    expect(limiter).toMatchObject({ maxQueue: 3, onFull: "deny", maxKeyLength: 99, maxKeys: 100_000 });
    expect(setUp().limiter).toMatchObject({ maxQueue: undefined, onFull: "evict", maxKeyLength: 1024 });
  });

  test("snapshots are frozen and plain", () => {
    const { limiter } = setUp({ name: "clients", maxKeys: 10 });
    limiter.tryAcquire("a");
    expect(Object.isFrozen(limiter.snapshot()) && Object.isFrozen(limiter.stats)).toBe(true);
    expect(JSON.parse(JSON.stringify(limiter.snapshot()))).toEqual({
      kind: "keyed-rate-limiter",
      name: "clients",
      rate: 10,
      per: 1,
      burst: 1,
      maxKeys: 10,
      totalAcquired: 1,
      totalRejected: 0,
      totalWaited: 0,
      queued: 0,
      keys: 1,
      totalEvicted: 0,
    });
    expect(new KeyedRateLimiter()).toMatchObject({ name: "keyed-rate-limiter", maxKeys: 100_000 });
  });

  test("reports admissions and refusals with their keys", async () => {
    const { clock, limiter } = setUp();
    const told: unknown[] = [];
    const subscriptions = [
      limiter.on("acquired", (event) => told.push(event)),
      limiter.on("rejected", (event) => told.push(event)),
    ];
    limiter.tryAcquire("a");
    limiter.tryAcquire("a");
    void limiter.acquire("a");
    await clock.advance(0.1);
    expect(told).toEqual([
      { key: "a", cost: 1, waited: 0 },
      { key: "a", cost: 1, retryAfter: 0.1 },
      { key: "a", cost: 1, waited: 0.1 },
    ]);
    for (const subscription of subscriptions) subscription[Symbol.dispose]();
    limiter.tryAcquire("b");
    expect(told).toHaveLength(3);
  });
});

describe("waiting for a key", () => {
  test("is in order for each key, with a timer only for keys that are waited for", async () => {
    const { clock, limiter } = setUp();
    const order: string[] = [];
    for (const [key, name] of [
      ["a", "1"],
      ["b", "2"],
      ["a", "3"],
      ["a", "4"],
      ["b", "5"],
    ] as const) {
      void limiter.acquire(key).then(() => order.push(name));
    }
    expect([clock.pendingTimers, limiter.size, limiter.stats.queued]).toEqual([2, 2, 3]);
    await clock.advance(0);
    expect(order.join("")).toBe("12");
    // Nobody overtakes, and nobody else is concerned.
    expect([limiter.tryAcquire("a"), limiter.tryAcquire("c")]).toEqual([false, true]);
    expect([limiter.tokens("a"), limiter.timeUntilToken("a")]).toEqual([0, 0.3]);
    await clock.advance(0.1);
    expect(order.join("")).toBe("1235");
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(0.1);
    expect(order.join("")).toBe("12354");
    expect([clock.pendingTimers, limiter.stats.queued]).toEqual([0, 0]);
    // The bucket went back to the others with what it misses.
    expect(limiter.tryAcquire("a")).toBe(false);
    await clock.advance(0.1);
    expect(limiter.tryAcquire("a")).toBe(true);
  });

  test("respects timeout, signal and maxQueue, and leaves nothing behind", async () => {
    const { clock, limiter } = setUp({ maxQueue: 1 });
    limiter.tryAcquire("a");
    await expect(limiter.acquire("a", { timeout: 0.05 })).rejects.toMatchObject({ retryAfter: 0.1 });
    await expect(limiter.acquire("a", { signal: AbortSignal.abort("no") })).rejects.toBe("no");
    const signal = new CountingSignal();
    const waiter = watch(limiter.acquire("a", { signal: signal.signal }));
    await expect(limiter.acquire("a")).rejects.toThrow(RateLimitExceededError);
    signal.controller.abort("stop");
    await clock.advance(0);
    expect(waiter).toEqual({ state: "rejected", reason: "stop" });
    expect([clock.pendingTimers, signal.listeners, limiter.stats.queued, limiter.size]).toEqual([0, 0, 0, 1]);
    expect(limiter.tokens("a")).toBe(0);
  });

  test("keeps a key from being evicted", async () => {
    const { clock, limiter } = setUp({ maxKeys: 2 });
    limiter.tryAcquire("a");
    const waiter = watch(limiter.acquire("a"));
    for (const key of "bcdef") expect(limiter.tryAcquire(key)).toBe(true);
    expect(limiter.size).toBe(2);
    void limiter.acquire("f");
    // Both keys are waited for: no room at all.
    expect(limiter.tryAcquire("g")).toBe(false);
    expect(limiter.timeUntilToken("g")).toBe(0.1);
    await clock.advance(0.1);
    expect(waiter.state).toBe("fulfilled");
    expect(limiter.tryAcquire("g")).toBe(true);
  });

  test("ends with a reset, of the key or of all", async () => {
    const { clock, limiter } = setUp();
    for (const key of "abc") limiter.tryAcquire(key);
    const waiters = [watch(limiter.acquire("a")), watch(limiter.acquire("b")), watch(limiter.acquire("b"))];
    limiter.reset("a");
    limiter.reset("c");
    limiter.reset("never seen");
    await clock.advance(0);
    expect(waiters.map(({ state }) => state)).toEqual(["fulfilled", "pending", "pending"]);
    expect([limiter.tokens("a"), limiter.tokens("c")]).toEqual([0, 1]);
    limiter.reset();
    await clock.advance(0);
    expect(waiters.map(({ state }) => state)).toEqual(["fulfilled", "fulfilled", "pending"]);
    expect(limiter.tokens("a")).toBe(1);
    await clock.advance(0.1);
    expect([clock.pendingTimers, waiters[2]?.state]).toEqual([0, "fulfilled"]);
  });

  test("ends with the disposal of the limiter, after which no request waits", async () => {
    const { clock, limiter } = setUp();
    limiter.tryAcquire("a");
    const waiter = watch(limiter.acquire("a"));
    limiter[Symbol.dispose]();
    await clock.advance(0);
    expect(waiter.reason).toMatchObject({ code: "ERR_RATE_LIMIT_DISPOSED" });
    await expect(limiter.acquire("a")).rejects.toMatchObject({ code: "ERR_RATE_LIMIT_DISPOSED" });
    expect([clock.pendingTimers, limiter.stats.queued]).toEqual([0, 0]);
  });

  test("a listener may take from the key whose queue empties", async () => {
    const { clock, limiter } = setUp({ burst: 3 });
    limiter.tryAcquire("a", 3);
    let calls = 0;
    limiter.on("acquired", ({ key }) => {
      if (calls++ < 5) limiter.tryAcquire(key);
    });
    void limiter.acquire("a");
    clock.sleepSync(300);
    // Serves the waiter, whose listener takes the second token and then the third.
    expect(limiter.tryAcquire("a")).toBe(false);
    expect(limiter.tokens("a")).toBe(0);
    await clock.advance(0);
    expect([clock.pendingTimers, limiter.stats.totalAcquired]).toEqual([0, 4]);
  });
});

describe("reserving for a key", () => {
  test("takes turns with the waiters of the key, and affects no other key", async () => {
    const { clock, limiter } = setUp({ burst: 2 });
    const first = limiter.reserve("a", 2);
    const second = limiter.reserve("a");
    expect([first.delay, second.delay, limiter.reserve("b").delay]).toEqual([0, 0.1, 0]);
    const waiter = watch(limiter.acquire("a"));
    expect([limiter.tryAcquire("a"), limiter.tryAcquire("b"), limiter.stats.queued]).toEqual([
      false,
      true,
      2,
    ]);
    second.cancel();
    await clock.advance(0.1);
    expect(waiter.state).toBe("fulfilled");
    expect(limiter.tokens("a")).toBe(0);
  });

  test("gives back what was not used, and charges what was used beyond it", async () => {
    const { clock, limiter } = setUp({ burst: 10 });
    limiter.reserve("a", 8).commit(3);
    expect(limiter.tokens("a")).toBe(7);
    limiter.reserve("b", 8).commit(15);
    expect([limiter.tokens("b"), limiter.timeUntilToken("b")]).toEqual([0, 0.6]);
    await clock.advance(0.6);
    expect(limiter.tryAcquire("b")).toBe(true);
  });

  test("is refused for its cost, for a full queue, and when there is no room for the key", () => {
    const { limiter } = setUp({ maxKeys: 1, maxQueue: 1, onFull: "deny" });
    expect(() => limiter.reserve("a", 2)).toThrow(expect.objectContaining({ code: "ERR_RATE_LIMIT_COST" }));
    limiter.reserve("a");
    limiter.reserve("a");
    expect(limiter.stats.queued).toBe(1);
    expect(() => limiter.reserve("a")).toThrow(/maxQueue \(1\) is reached/);
    expect(() => limiter.reserve("b")).toThrow(/all 1 keys are in use/);
    expect(limiter.stats).toMatchObject({ totalAcquired: 2, totalRejected: 2, keys: 1 });
  });

  test("a key is not evicted before its bucket is full, and makes room then", async () => {
    const { clock, limiter } = setUp({ maxKeys: 1 });
    limiter.reserve("a");
    limiter.reserve("a");
    expect(limiter.tryAcquire("b")).toBe(false);
    expect(() => limiter.reserve("b")).toThrow(RateLimitExceededError);
    await clock.advance(0.1);
    expect(limiter.tryAcquire("b")).toBe(false);
    await clock.advance(0.1);
    expect([limiter.tryAcquire("b"), limiter.size, limiter.stats.totalEvicted]).toEqual([true, 1, 0]);
  });

  test("one settled after its bucket was forgotten charges its own key, and no other", async () => {
    const { clock, limiter } = setUp({ maxKeys: 2, burst: 2 });
    const late = limiter.reserve("a");
    const unused = limiter.reserve("a");
    await clock.advance(1);
    for (const key of "bcb") limiter.tryAcquire(key);
    expect([limiter.tokens("b"), limiter.tokens("c")]).toEqual([0, 1]);
    unused.cancel();
    expect([limiter.tokens("a"), limiter.tokens("b")]).toEqual([2, 0]);
    await clock.advance(1);
    late.commit(3);
    expect([limiter.tokens("a"), limiter.tokens("b"), limiter.tokens("c")]).toEqual([0, 2, 2]);
  });
});

describe("listeners that use other keys", () => {
  test("may open the key for which another is evicted", () => {
    const { limiter } = setUp({ maxKeys: 2, burst: 4 });
    for (const key of "ab") limiter.tryAcquire(key, 2);
    limiter.on("evicted", () => limiter.pauseFor("c", 1));
    const reservation = limiter.reserve("c", 3);
    expect([reservation.delay, limiter.tryAcquire("c"), limiter.size]).toEqual([1, false, 2]);
    reservation.cancel();
    expect([limiter.tokens("c"), limiter.timeUntilToken("c"), limiter.stats.queued]).toEqual([4, 1, 0]);
  });

  test("do not make a reset of all fill a bucket twice", async () => {
    const { clock, limiter } = setUp();
    const waiters = ["a", "a", "a", "b", "b"].map((key) => {
      limiter.tryAcquire(key);
      return watch(limiter.acquire(key));
    });
    limiter.on("acquired", ({ key }) => {
      if (key.length === 1) limiter.tryAcquire(`after ${key}`);
    });
    limiter.reset();
    await clock.advance(0);
    expect(waiters.map(({ state }) => state)).toEqual([
      "fulfilled",
      "pending",
      "pending",
      "fulfilled",
      "pending",
    ]);
  });
});

describe("a pause of a key", () => {
  test("admits no request for the key until its end, and affects no other key", async () => {
    const { clock, limiter } = setUp();
    limiter.pauseFor("a", 0.5);
    limiter.pauseFor("a", "100ms");
    for (const none of [0, -1, undefined, null, Number.NaN]) limiter.pauseFor("b", none);
    const waiter = watch(limiter.acquire("a"));
    expect([limiter.tryAcquire("a"), limiter.tryAcquire("b"), limiter.timeUntilToken("a")]).toEqual([
      false,
      true,
      0.6,
    ]);
    await clock.advance(0.5);
    expect([waiter.state, clock.pendingTimers]).toEqual(["fulfilled", 0]);
    expect(() => call(limiter, "pauseFor", "a", "5")).toThrow(TypeError);
  });

  test("without an end lasts until a reset, and keeps its key in the table until then", async () => {
    const { clock, limiter } = setUp({ maxKeys: 1 });
    limiter.pauseFor("a", Number.POSITIVE_INFINITY);
    await clock.advance(1000);
    expect([limiter.tryAcquire("a"), limiter.tryAcquire("b")]).toEqual([false, false]);
    expect(() => limiter.pauseFor("b", 1)).toThrow(/all 1 keys are in use/);
    limiter.reset("a");
    expect([limiter.tryAcquire("a"), limiter.tokens("a")]).toEqual([true, 0]);
    await clock.advance(0.1);
    expect([limiter.tryAcquire("b"), limiter.size]).toEqual([true, 1]);
  });
});

describe("changed limits for all keys", () => {
  test("keep the tokens of each key, and full buckets full", async () => {
    const { clock, limiter } = setUp({ burst: 4 });
    limiter.tryAcquire("a", 3);
    limiter.tryAcquire("full");
    await clock.advance(0.1);
    limiter.update({ burst: 6 });
    expect([limiter.rate, limiter.per, limiter.burst, limiter.snapshot().burst]).toEqual([10, 1, 6, 6]);
    expect([limiter.tokens("a"), limiter.tokens("full"), limiter.tokens("new")]).toEqual([2, 6, 6]);
    limiter.update({ rate: 20, burst: 1 });
    expect([limiter.tokens("a"), limiter.tryAcquire("a"), limiter.timeUntilToken("a")]).toEqual([
      1,
      true,
      0.05,
    ]);
  });

  test("refuse waiters whose cost is too high, even if a listener changes them again", async () => {
    const { clock, limiter } = setUp({ burst: 3 });
    for (const key of "abc") limiter.tryAcquire(key, 3);
    const waiters = ["a", "b", "c"].map((key) => watch(limiter.acquire(key, { cost: 2, timeout: 0.3 })));
    const again = limiter.on("rejected", () => {
      again[Symbol.dispose]();
      limiter.update({ rate: 10 });
    });
    limiter.update({ rate: 1 });
    await clock.advance(0.2);
    expect(waiters.map(({ state }) => state)).toEqual(["rejected", "fulfilled", "fulfilled"]);
    expect(() => limiter.update({ rate: -1 })).toThrow(RangeError);
    expect(() => limiter.update({ per: 3600, rate: 1e18 })).toThrow(RangeError);
    limiter.update({ burst: 2 });
    expect([limiter.rate, limiter.per, limiter.burst]).toEqual([10, 1, 2]);
  });

  test("put the keys in the order in which they will be full", () => {
    const { limiter } = setUp({ burst: 8, maxKeys: 5 });
    const evicted: string[] = [];
    limiter.on("evicted", ({ key }) => evicted.push(key));
    for (const [key, cost] of Object.entries({ d: 4, b: 2, e: 5, a: 1, c: 3 })) limiter.tryAcquire(key, cost);
    limiter.tryAcquire("a", 5);
    limiter.update({ rate: 1 });
    for (const key of "vwxyz") limiter.tryAcquire(key, 8);
    expect(evicted.join("")).toBe("bcdea");
  });
});

type Step =
  | { readonly do: "try"; readonly key: string; readonly cost: number }
  | { readonly do: "advance"; readonly seconds: number }
  | { readonly do: "reset"; readonly key: string | undefined };

test("agrees with a plain map of buckets in every decision, while keys are forgotten", async () => {
  const key = fc.nat({ max: 40 }).map((number) => `key ${number}`);
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({ do: fc.constant("try" as const), key, cost: fc.constantFrom(0.5, 1, 2, 3) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("advance" as const),
        seconds: fc.constantFrom(0.01, 0.1, 0.3, 2),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("reset" as const),
        key: fc.oneof(key, key, key, fc.constant(undefined)),
      }),
    },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 120 }),
      fc.constantFrom<{ maxKeys: number; onFull: "evict" | "deny" }>(
        { maxKeys: 100, onFull: "evict" },
        { maxKeys: 7, onFull: "deny" },
        { maxKeys: 1, onFull: "deny" },
        { maxKeys: 5, onFull: "evict" },
      ),
      async (steps, options) => {
        const limits = makeLimits(10, 1000, 3);
        const clock = new ManualClock();
        const limiter = new KeyedRateLimiter({ rate: 10, burst: 3, ...options, clock });
        const naive = new Map<string, Levels>();
        const decisions: boolean[] = [];
        const expected: boolean[] = [];
        for (const each of steps) {
          const now = clock.now();
          if (each.do === "advance") await clock.advance(each.seconds);
          else if (each.do === "reset") {
            limiter.reset(each.key);
            if (each.key === undefined) naive.clear();
            else naive.delete(each.key);
          } else {
            decisions.push(limiter.tryAcquire(each.key, each.cost));
            expected.push(decide(each.key, each.cost, now));
          }
        }
        expect(decisions).toEqual(expected);
        expect(limiter.size).toBeLessThanOrEqual(options.maxKeys);

        function decide(name: string, cost: number, now: number): boolean {
          const level = naive.get(name) ?? newLevel();
          if (!hasTokens(level, 0, cost, now, limits)) return false;
          const missing = [...naive].filter(([other, its]) => !isFull(its, 0, now, limits) && other !== name);
          if (isFull(level, 0, now, limits) && missing.length >= options.maxKeys) {
            if (options.onFull === "deny") return false;
            const times = missing.map(([, its]) => fullAt(its, 0, limits));
            const least = Math.min(...times);
            // Which of equals goes is not said; the model follows the limiter.
            const gone = missing.find(
              ([other], index) => times[index] === least && limiter.tokens(other) === limits.burst,
            );
            naive.delete(gone?.[0] ?? "");
          }
          take(level, 0, cost, now, limits);
          naive.set(name, level);
          return true;
        }
      },
    ),
    { numRuns },
  );
});

test("behaves for each key like a limiter of its own, however keys are reserved, paused and forgotten", async () => {
  const key = fc.constantFrom("a", "b", "c");
  const cost = fc.constantFrom(0.5, 1, 2, 3);
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("try" as const), key, cost }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), key, cost }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("reserve" as const), key, cost }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant("settle" as const),
        which: fc.nat({ max: 5 }),
        used: fc.constantFrom(0, 0.5, 3, 5),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("pause" as const), key, seconds: fc.constantFrom(0.1, 1) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("reset" as const), key }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("update" as const), rate: fc.constantFrom(5, 10, 20) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("others" as const) }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant("advance" as const), seconds: fc.constantFrom(0.1, 0.25, 2) }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const clock = new ManualClock();
      const limits = { rate: 10, burst: 3, clock };
      const keyed = new KeyedRateLimiter(limits);
      const single = new Map(["a", "b", "c"].map((name) => [name, new RateLimiter(limits)]));
      const reservations: (readonly [Reservation, Reservation])[] = [];
      const seen: unknown[] = [];
      const expected: unknown[] = [];
      let others = 0;
      for (const each of steps) {
        const own = "key" in each ? single.get(each.key) : undefined;
        if (each.do === "advance") await clock.advance(each.seconds);
        else if (each.do === "others")
          for (let more = 0; more < 5; more++) keyed.tryAcquire(`other ${others++}`);
        else if (each.do === "update") {
          for (const limiter of [keyed, ...single.values()]) limiter.update({ rate: each.rate, burst: 3 });
        } else if (each.do === "settle") {
          const [ours, model] = reservations.splice(each.which, 1)[0] ?? [];
          ours?.commit(each.used);
          model?.commit(each.used);
        } else if (own === undefined) throw new Error("each key has a limiter");
        else if (each.do === "try") {
          seen.push(keyed.tryAcquire(each.key, each.cost));
          expected.push(own.tryAcquire(each.cost));
        } else if (each.do === "wait") {
          const options = { cost: each.cost, timeout: 0.5 };
          const index = seen.push("pending") - 1;
          expected.push("pending");
          const note = (list: unknown[], word: string) => (): void => {
            list[index] = `${word} at ${clock.now()}`;
          };
          keyed.acquire(each.key, options).then(note(seen, "granted"), note(seen, "refused"));
          own.acquire(options).then(note(expected, "granted"), note(expected, "refused"));
        } else if (each.do === "reserve") {
          reservations.push([keyed.reserve(each.key, each.cost), own.reserve(each.cost)]);
        } else if (each.do === "pause") {
          keyed.pauseFor(each.key, each.seconds);
          own.pauseFor(each.seconds);
        } else {
          keyed.reset(each.key);
          own.reset();
        }
        for (const [name, limiter] of single) {
          seen.push(keyed.timeUntilToken(name), keyed.tokens(name));
          expected.push(limiter.timeUntilToken(), limiter.tokens);
        }
        seen.push(reservations.map(([ours]) => ours.delay));
        expected.push(reservations.map(([, model]) => model.delay));
      }
      await clock.advance(10);
      expect(seen).toEqual(expected);
    }),
    { numRuns },
  );
});
