import { describe, expect, onTestFinished, test } from "vitest";
import { SharedKeyedRateLimiter } from "../../../src/redis/rate-limiter/shared-keyed-rate-limiter.js";
import { SharedRateLimiter } from "../../../src/redis/rate-limiter/shared-rate-limiter.js";
import type { SharedKeyedRateLimiterOptions } from "../../../src/redis/rate-limiter/shared-options.js";
import { StoreError } from "../../../src/redis/store/store-error.js";
import { connect } from "../clients.js";
import { hasRedis, type Server, startServer } from "../servers/servers.js";

async function setUp(
  options: Partial<SharedKeyedRateLimiterOptions>,
  name: string = "redis 6",
): Promise<{ server: Server; limiter: SharedKeyedRateLimiter }> {
  const server = await startServer();
  const client = await connect(name, server.port);
  const base = { client, name: "clients", onStoreError: "closed", storeTimeout: 10 } as const;
  const limiter = new SharedKeyedRateLimiter({ ...base, ...options });
  onTestFinished(() => limiter.close());
  return { server, limiter };
}

const keys = (count: number): readonly string[] => Array.from({ length: count }, (_, key) => `key ${key}`);

describe.skipIf(!hasRedis)("a shared keyed rate limiter", () => {
  test("asks for 32 keys in one call", async () => {
    const { limiter } = await setUp({ rate: 2, per: "1h" });
    const asked = [...keys(100), ...keys(100), ...keys(100)];
    const granted = await Promise.all(asked.map((key) => limiter.tryAcquire(key)));
    expect(granted.map((_, at) => granted[at] === at < 200)).not.toContain(false);
    expect(limiter.stats).toMatchObject({ totalAcquired: 200, totalRejected: 100, totalCalls: 4 });
  });

  test("has a bucket for each key, whatever the key is", async () => {
    const { limiter, server } = await setUp({ rate: 1, per: "1h" });
    const odd = ["", "{", "}", "{}", "a}b", "é\n\0", "\ud800", "x".repeat(5000)];
    for (const key of odd) {
      expect([key, await limiter.tryAcquire(key)]).toEqual([key, true]);
      expect([key, await limiter.tryAcquire(key)]).toEqual([key, false]);
    }
    expect(await server.command("DBSIZE")).toBe(odd.length);
    await expect(limiter.tryAcquire(7 as unknown as string)).rejects.toThrow("key must be a string; got 7.");
  });

  test("shares no bucket with a limiter of another name, whatever the key is", async () => {
    const server = await startServer();
    const client = await connect("redis 6", server.port);
    const options = { client, rate: 1, per: "1h", onStoreError: "closed" } as const;
    const logins = new SharedKeyedRateLimiter({ ...options, name: "login" });
    const addresses = new SharedKeyedRateLimiter({ ...options, name: "login:ip" });
    const all = new SharedRateLimiter({ ...options, name: "login:all" });
    const escaped = new SharedRateLimiter({ ...options, name: "login%3Aall" });
    onTestFinished(async () => {
      await Promise.all([logins, addresses, all, escaped].map((limiter) => limiter.close()));
    });
    expect(await logins.tryAcquire("ip:192.0.2.1")).toBe(true);
    expect(await logins.tryAcquire("all")).toBe(true);
    expect(await addresses.tryAcquire("192.0.2.1")).toBe(true);
    expect(await all.tryAcquire()).toBe(true);
    expect(await escaped.tryAcquire()).toBe(true);
  });

  test.each([
    undefined,
    [
      { rate: 1, per: "1h" },
      { rate: 2, per: "2h" },
    ] as const,
  ])("what is no bucket harms no other key of its tick (tiers: %j)", async (tiers) => {
    const { limiter, server } = await setUp(tiers === undefined ? { rate: 1, per: "1h" } : { tiers });
    const last = tiers === undefined ? "" : ":1";
    await server.command("LPUSH", `kstlib:limiter:{clients:list}${last}`, "x");
    await server.command("SET", `kstlib:limiter:{clients:text}${last}`, "x");
    await server.command("SET", `kstlib:limiter:{clients:pause}${last}`, "4000000000000000 1!x");
    const ask = () =>
      Promise.allSettled(["a", "list", "b", "text", "pause", "c"].map((key) => limiter.tryAcquire(key)));
    const fulfilled = (value: boolean) => ({ status: "fulfilled", value });
    const rejected = (message: string) => ({
      status: "rejected",
      reason: expect.toSatisfy((reason) => reason instanceof StoreError && reason.message.includes(message)),
    });
    for (const isGranted of [true, false]) {
      expect(await ask()).toEqual([
        fulfilled(isGranted),
        rejected("WRONGTYPE"),
        fulfilled(isGranted),
        rejected("no bucket under"),
        rejected("no bucket under"),
        fulfilled(isGranted),
      ]);
    }
    await expect(limiter.timeUntilToken("text")).rejects.toThrow("no bucket under");
    expect(await limiter.pauseFor("list", 1)).toBe(tiers !== undefined);
  });

  test("tells the key in its events", async () => {
    const { limiter } = await setUp({ rate: 1, per: "1h" });
    const told: object[] = [];
    using _acquired = limiter.on("acquired", (event) => told.push(event));
    using _rejected = limiter.on("rejected", ({ key, cost }) => told.push({ key, cost }));
    await limiter.tryAcquire("a");
    await limiter.tryAcquire("a");
    expect(told).toEqual([
      { key: "a", cost: 1, waited: 0 },
      { key: "a", cost: 1 },
    ]);
  });

  test("waits for one key while others go on", async () => {
    const { limiter } = await setUp({ rate: 20, burst: 1, tiers: undefined });
    const order: string[] = [];
    const call = limiter.wrap(
      async (key: string) => {
        order.push(key);
      },
      { key: (key) => key },
    );
    await Promise.all([call("a"), call("a"), call("b")]);
    expect(order).toEqual(["a", "b", "a"]);
  });

  test("pauses and reserves by key", async () => {
    const { limiter } = await setUp({ rate: 5, per: "1h" });
    expect(await limiter.pauseFor("a", "1h")).toBe(true);
    expect(await limiter.tryAcquire("a")).toBe(false);
    const reservation = await limiter.reserve("b", 5);
    expect(await limiter.tryAcquire("b")).toBe(false);
    reservation.cancel();
    await expect.poll(() => limiter.timeUntilToken("b", 5)).toBe(0);
  });

  test("has the tiers of a key in one call", async () => {
    const tiers = [
      { rate: 2, per: 3600 },
      { rate: 3, per: 7200 },
    ] as const;
    const { limiter } = await setUp({ tiers });
    const asked = [...keys(20), ...keys(20), ...keys(20)];
    const granted = await Promise.all(asked.map((key) => limiter.tryAcquire(key)));
    expect(granted.filter(Boolean)).toHaveLength(40);
    expect(limiter.stats.totalCalls).toBe(2);
  });
});
