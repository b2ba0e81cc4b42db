import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/index.js";
import { KeyedRateLimiter } from "../../src/rate-limiter/keyed-rate-limiter.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { Registry } from "../../src/registry.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { call, watch } from "./admissions.js";

describe("an unlimited rate", () => {
  test("admits everything at once, whatever the burst, and counts it", async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter({ rate: Infinity, burst: 2, clock });
    for (const cost of [1, 1e300, 0.5, Number.MAX_VALUE]) expect(limiter.tryAcquire(cost)).toBe(true);
    await limiter.acquire({ cost: 1e300, timeout: 0 });
    limiter.acquireSync();
    expect([limiter.reserve(1e300).delay, limiter.timeUntilToken(1e300)]).toEqual([0, 0]);
    expect(limiter).toMatchObject({ rate: Infinity, per: 1, burst: Infinity, tokens: Infinity });
    expect(limiter.snapshot()).toMatchObject({
      totalAcquired: 7,
      totalRejected: 0,
      totalWaited: 0,
      queued: 0,
    });
    expect(() => limiter.tryAcquire(Infinity)).toThrow(/^cost must be/);
    await expect(call(limiter, "acquire", { cost: Infinity })).rejects.toThrow(/^cost must be/);
  });

  test("has no debt, and holds the same whatever is given back", () => {
    const limiter = new RateLimiter({ rate: Infinity, clock: new ManualClock() });
    limiter.reserve().commit(1e300);
    limiter.reserve(5).cancel();
    limiter.update({ rate: 10 });
    expect(limiter.tokens).toBe(10);
  });

  test("is paused like any other", async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter({ rate: Infinity, clock });
    limiter.pauseFor(1);
    const waiting = [limiter.acquire(), limiter.acquire({ timeout: 0.9 }), limiter.acquire()].map(watch);
    const reservation = limiter.reserve(1e300);
    await clock.advance(0);
    expect(waiting.map(({ state }) => state)).toEqual(["pending", "rejected", "pending"]);
    expect([limiter.tryAcquire(), reservation.delay]).toEqual([false, 1]);
    await clock.advance(1);
    expect(waiting.map(({ state }) => state)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("can be set, which admits waiters, and replaced, which begins with a full bucket", async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter({ rate: 10, burst: 2, clock });
    limiter.reserve(2).commit(9);
    const waiting = watch(limiter.acquire({ cost: 2 }));
    limiter.update({ rate: Infinity });
    await clock.advance(0);
    expect([waiting.state, limiter.tryAcquire(1e300), clock.pendingTimers]).toEqual(["fulfilled", true, 0]);
    limiter.update({ rate: 10 });
    expect([limiter.burst, limiter.tokens]).toEqual([2, 2]);
    expect([limiter.tryAcquire(2), limiter.tryAcquire()]).toEqual([true, false]);
    await clock.advance(0.1);
    expect(limiter.tryAcquire()).toBe(true);
  });

  test.each(["evict", "deny"] as const)(
    "of a keyed limiter admits every key, in bounded memory and without an eviction (onFull %s)",
    async (onFull) => {
      const clock = new ManualClock();
      const limiter = new KeyedRateLimiter({ rate: Infinity, maxKeys: 2, onFull, clock });
      for (let key = 0; key < 20; key++) expect(limiter.tryAcquire(`${key}`, 1e300)).toBe(true);
      await limiter.acquire("another", { cost: 5 });
      limiter.giveBack("another");
      expect(limiter.size).toBeLessThanOrEqual(2);
      expect(limiter.stats).toMatchObject({ totalAcquired: 21, totalRejected: 0, totalEvicted: 0 });
      expect([limiter.rate, limiter.tokens("0")]).toEqual([Infinity, Infinity]);
      limiter.update({ rate: 1 });
      expect([limiter.tryAcquire("0"), limiter.tryAcquire("0")]).toEqual([true, false]);
      limiter.update({ rate: Infinity });
      expect([limiter.tryAcquire("0"), limiter.tryAcquire("0")]).toEqual([true, true]);
    },
  );

  test("can come from a file", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "kstlib-unlimited-"));
    try {
      const file = path.join(folder, "kstlib.conf.yml");
      writeFileSync(
        file,
        "resilience:\n  rate_limiter:\n    instances:\n      free: { rate: .inf, burst: 3 }\n",
      );
      await using registry = new Registry(loadConfig({ path: file, env: {} }));
      expect(registry.rateLimiter("free")).toMatchObject({ rate: Infinity, burst: Infinity });
      expect(registry.rateLimiter("other")).toMatchObject({ rate: 10, burst: 10 });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
