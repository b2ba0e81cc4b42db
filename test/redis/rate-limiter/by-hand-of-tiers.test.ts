import { describe, expect, test } from "vitest";
import { hasRedis } from "../servers/servers.js";
import { key, make, setUp } from "./tiers-of-users.js";

describe.skipIf(!hasRedis)("tiers over different keys", () => {
  test("are blocked and reset by name, and refilled and asked about together, in all processes", async () => {
    const { limiter, client } = await setUp(4, 9);
    const other = make(client, 4, 9);
    await limiter.tryAcquire(key("a"), 4);
    expect(await other.tokens(key("a"))).toBeCloseTo(0, 1);
    expect(await other.tokens(key("b"))).toBeCloseTo(4, 1);
    expect(await limiter.giveBack(key("a"), 2)).toBe(true);
    expect(await other.tokens(key("a"))).toBeCloseTo(2, 1);
    expect(await other.tokens(key("b", "t1"))).toBeCloseTo(4, 1);

    await limiter.block({ tenant: "t1" }, "1h");
    for (const one of [limiter, other]) {
      await expect(one.acquire(key("a"))).rejects.toThrow("this key is blocked");
      expect(await one.tryAcquire(key("a", "t2"))).toBe(true);
    }
    // The user's bucket is full again, and the tenant is blocked all the same.
    expect(await limiter.reset({ user: "a" })).toBe(true);
    expect(await limiter.tryAcquire(key("a"))).toBe(false);
    expect(await limiter.reset({ tenant: "t1" })).toBe(true);
    expect(await limiter.tokens(key("a"))).toBe(4);
    expect(await limiter.tryAcquire(key("a"), 4)).toBe(true);
  });

  test("are reset in all tiers of a name", async () => {
    const { client } = await setUp(1, 1);
    const tiers = [
      { by: "user", rate: 2, per: "1h" },
      { by: "tenant", rate: 9, per: "1h" },
      { by: "user", rate: 3, per: "2h" },
    ] as const;
    const limiter = make(client, 1, 1, { name: "three", tiers });
    await limiter.tryAcquire(key("a"), 2);
    await limiter.reset({ user: "a" });
    expect(await limiter.tokens(key("a"))).toBe(2);
    await limiter.block(key("a"), "1h");
    await limiter.reset(key("a"));
    expect(await limiter.tryAcquire(key("a"), 2)).toBe(true);
  });

  test("serve who waits for a bucket that another key's was refilled with", async () => {
    const { limiter } = await setUp(5, 2);
    await limiter.tryAcquire(key("a"), 2);
    const waiting = limiter.acquire(key("b"));
    await expect.poll(() => limiter.stats.queued).toBe(1);
    await limiter.giveBack(key("a"));
    await waiting;
    expect(await limiter.tryAcquire(key("c"))).toBe(false);
    await limiter.giveBack(key("a"));
    expect(await limiter.tryAcquire(key("c"))).toBe(true);
  });
});
