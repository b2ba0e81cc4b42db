import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/index.js";
import { realClock } from "../../src/kernel/clock.js";
import { isRefusal } from "../../src/kernel/refusal.js";
import { RateLimitExceededError } from "../../src/rate-limiter/errors.js";
import { KeyedRateLimiter } from "../../src/rate-limiter/keyed-rate-limiter.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { Registry } from "../../src/registry.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { numRuns, watch } from "./admissions.js";

const month = 30 * 24 * 3600;

describe("a rate of 0", () => {
  test("admits what the bucket holds, then nothing, however long the wait", async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter({ rate: 0, burst: 2, clock });
    expect(limiter).toMatchObject({ rate: 0, per: 1, burst: 2, tokens: 2 });
    expect([1, 2, 3].map(() => limiter.tryAcquire())).toEqual([true, true, false]);
    await clock.advance(month);
    expect([limiter.tryAcquire(0.001), limiter.tokens, limiter.timeUntilToken()]).toEqual([
      false,
      0,
      Infinity,
    ]);
    limiter.reset();
    expect([limiter.tryAcquire(2), limiter.tryAcquire()]).toEqual([true, false]);
  });

  test("has a burst of 1 when none is given", () => {
    const limiter = new RateLimiter({ rate: 0, clock: new ManualClock() });
    expect([limiter.burst, limiter.tryAcquire(), limiter.tryAcquire()]).toEqual([1, true, false]);
  });

  test("refuses at once requests that would wait, because no wait helps", async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter({ name: "off", rate: 0, clock });
    const rejected: unknown[] = [];
    limiter.on("rejected", (event) => rejected.push(event));
    limiter.acquireSync();
    const error: unknown = await limiter.acquire().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RateLimitExceededError);
    expect(isRefusal(error)).toBe(true);
    expect(error).toMatchObject({
      retryAfter: Infinity,
      message: "off: not enough tokens for this request; no more will come at a rate of 0.",
    });
    for (const timeout of [0, "2h", undefined] as const) {
      await expect(limiter.execute(() => "ran", { timeout })).rejects.toThrow(RateLimitExceededError);
      expect(() => limiter.acquireSync({ timeout })).toThrow(RateLimitExceededError);
      expect(() => limiter.reserve(1, { timeout })).toThrow(RateLimitExceededError);
    }
    expect(rejected).toEqual(Array.from({ length: 10 }, () => ({ cost: 1, retryAfter: Infinity })));
    expect([limiter.stats.queued, clock.pendingTimers]).toEqual([0, 0]);
  });

  test("set while requests wait refuses those for which no token is left, and serves the others after a pause", async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter({ rate: 1, burst: 2, clock });
    limiter.pauseFor(5);
    const waiting = [1, 1, 1].map((cost) => watch(limiter.acquire({ cost })));
    limiter.update({ rate: 0 });
    await clock.advance(0);
    expect(waiting.map(({ state }) => state)).toEqual(["pending", "pending", "rejected"]);
    expect(waiting[2]?.reason).toMatchObject({ retryAfter: Infinity });
    await clock.advance(5);
    expect(waiting.map(({ state }) => state)).toEqual(["fulfilled", "fulfilled", "rejected"]);
    expect([limiter.stats.queued, clock.pendingTimers]).toEqual([0, 0]);
  });

  test("replaced by another rate lets tokens flow in from then on", async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter({ rate: 0, burst: 2, clock });
    limiter.tryAcquire(2);
    await clock.advance(month);
    limiter.update({ rate: 1 });
    expect([limiter.tokens, limiter.timeUntilToken()]).toEqual([0, 1]);
    const waiting = watch(limiter.acquire());
    await clock.advance(1);
    expect(waiting.state).toBe("fulfilled");
    limiter.update({ rate: 0 });
    limiter.update({ rate: Infinity });
    expect(limiter.tryAcquire(1e300)).toBe(true);
    limiter.update({ rate: 0 });
    expect([limiter.tokens, limiter.tryAcquire(2), limiter.tryAcquire()]).toEqual([2, true, false]);
  });

  test("keeps what was reserved at its time, and gets back what was not used", async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter({ rate: 1, clock });
    const [now, later] = [limiter.reserve(), limiter.reserve()];
    limiter.update({ rate: 0 });
    now.cancel();
    expect([later.delay, limiter.tokens, limiter.tryAcquire()]).toEqual([1, 1, false]);
    await clock.advance(1);
    expect([limiter.tokens, limiter.tryAcquire()]).toEqual([0, false]);
    later.cancel();
    expect(limiter.tryAcquire()).toBe(true);
  });

  test("of a keyed limiter holds for each key, which is forgotten only for another", async () => {
    const clock = new ManualClock();
    const limiter = new KeyedRateLimiter({ rate: 0, burst: 2, maxKeys: 3, clock });
    const evicted: string[] = [];
    limiter.on("evicted", ({ key }) => evicted.push(key));
    limiter.tryAcquire("one", 2);
    limiter.tryAcquire("two", 1);
    await expect(limiter.acquire("one")).rejects.toMatchObject({ retryAfter: Infinity });
    limiter.pauseFor("paused", month);
    await clock.advance(10);
    expect([limiter.tokens("one"), limiter.tokens("two"), limiter.size]).toEqual([0, 1, 3]);
    expect(limiter.tryAcquire("three")).toBe(true);
    // The closest to full, and none that is in use.
    expect(evicted).toEqual(["two"]);
    limiter.update({ rate: 1 });
    await clock.advance(2);
    expect([limiter.tokens("one"), limiter.tokens("three")]).toEqual([2, 2]);
  });

  test("of a keyed limiter denies new keys for good when there is no room and none may be evicted", async () => {
    const clock = new ManualClock();
    const limiter = new KeyedRateLimiter({ rate: 0, maxKeys: 1, onFull: "deny", clock });
    limiter.tryAcquire("one");
    expect([limiter.tryAcquire("two"), limiter.timeUntilToken("two")]).toEqual([false, Infinity]);
    await expect(limiter.acquire("two")).rejects.toMatchObject({ retryAfter: Infinity });
    limiter.reset();
    expect(limiter.tryAcquire("two")).toBe(true);
  });

  test("can come from a file", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "kstlib-rate-zero-"));
    try {
      const file = path.join(folder, "kstlib.conf.yml");
      writeFileSync(file, "resilience:\n  rate_limiter:\n    instances:\n      off: { rate: 0, burst: 3 }\n");
      await using registry = new Registry(loadConfig({ path: file, env: {} }));
      expect(registry.rateLimiter("off")).toMatchObject({ rate: 0, burst: 3 });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("before and after other rates admits exactly what its definition allows", () => {
    const cost = fc.integer({ min: 1, max: 16 }).map((eighths) => eighths / 8);
    const step = fc.oneof(
      fc.record({ do: fc.constant("try" as const), cost }),
      fc.record({ do: fc.constant("try" as const), cost }),
      fc.record({ do: fc.constant("advance" as const), milliseconds: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ do: fc.constant("update" as const), rate: fc.constantFrom(0, 0, 125, 1000) }),
      fc.record({ do: fc.constant("giveBack" as const), cost }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5 }), fc.array(step, { maxLength: 40 }), (burst, steps) => {
        let now = 0;
        const clock = { ...realClock, now: () => now };
        const limiter = new RateLimiter({ rate: 0, burst, clock });
        const keyed = new KeyedRateLimiter({ rate: 0, burst, clock });
        // Multiples of an eighth of a token throughout, so nothing is rounded.
        const told: number[] = [];
        const decided: [boolean, boolean, boolean][] = [];
        let [rate, tokens] = [0, burst];
        for (const one of steps) {
          if (one.do === "try") {
            const admits = tokens >= one.cost;
            const wait = admits ? 0 : (one.cost - tokens) / rate;
            told.push(limiter.timeUntilToken(one.cost) - wait, keyed.timeUntilToken("key", one.cost) - wait);
            decided.push([limiter.tryAcquire(one.cost), keyed.tryAcquire("key", one.cost), admits]);
            if (admits) tokens -= one.cost;
          } else if (one.do === "advance") {
            now += one.milliseconds;
            tokens = Math.min(burst, tokens + (one.milliseconds * rate) / 1000);
          } else if (one.do === "update") {
            ({ rate } = one);
            limiter.update({ rate });
            keyed.update({ rate });
          } else {
            const reservation = tokens >= one.cost ? limiter.reserve(one.cost) : undefined;
            reservation?.cancel();
            if (reservation) keyed.reserve("key", one.cost).cancel();
          }
          expect([limiter.tokens, keyed.tokens("key")]).toEqual([tokens, tokens]);
        }
        // Infinity - Infinity is NaN: both say that no time helps.
        expect(told.filter((difference) => Math.abs(difference) > 1e-9)).toEqual([]);
        expect(decided.filter(([one, other, admits]) => one !== admits || other !== admits)).toEqual([]);
      }),
      { numRuns },
    );
  });
});
