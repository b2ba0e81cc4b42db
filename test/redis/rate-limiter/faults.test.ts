import { describe, expect, onTestFinished, test, vi } from "vitest";
import { RateLimitExceededError } from "../../../src/rate-limiter/errors.js";
import type { SharedRateLimiterOptions } from "../../../src/redis/rate-limiter/shared-options.js";
import { SharedRateLimiter } from "../../../src/redis/rate-limiter/shared-rate-limiter.js";
import { StoreError } from "../../../src/redis/store/store-error.js";
import { clientNames, connect } from "../clients.js";
import { hasRedis, startServer } from "../servers/servers.js";

/** So slow that no token comes while a test runs. */
const SLOW = { rate: 100, per: "100h", burst: 100 } as const;

function make(client: object, options: Partial<SharedRateLimiterOptions>): SharedRateLimiter {
  const limiter = new SharedRateLimiter({ client, name: "api", ...SLOW, ...options });
  onTestFinished(() => limiter.close());
  return limiter;
}

const tries = (limiter: SharedRateLimiter, count: number): Promise<readonly (boolean | string)[]> =>
  Promise.all(
    Array.from({ length: count }, () =>
      limiter.tryAcquire().catch((error: unknown) => (error as StoreError).code),
    ),
  );

const count = (outcomes: readonly unknown[], outcome: unknown): number =>
  outcomes.filter((one) => one === outcome).length;

describe.skipIf(!hasRedis).each(clientNames)("a shared limit by %s", (name) => {
  test("is kept while the server forgets its scripts with 64 in flight", async () => {
    const server = await startServer();
    const limiter = make(await connect(name, server.port), { onStoreError: "closed", storeTimeout: 10 });
    const granted: (boolean | string)[] = [];
    for (let round = 0; round < 8; round++) {
      const half = tries(limiter, 8);
      const flushed = server.command("SCRIPT", "FLUSH");
      await new Promise(setImmediate);
      granted.push(...(await half), ...(await tries(limiter, 8)));
      await flushed;
    }
    expect([count(granted, true), count(granted, false)]).toEqual([100, 28]);
  });

  test("fails in time while the server is frozen, and what it grants too late goes back", async () => {
    const server = await startServer();
    const limiter = make(await connect(name, server.port), { onStoreError: "closed", storeTimeout: 0.1 });
    expect(await tries(limiter, 10)).not.toContain(false);
    server.freeze();
    expect(count(await tries(limiter, 20), "ERR_STORE")).toBe(20);
    expect(limiter.isUp).toBe(false);
    expect(count(await tries(limiter, 20), "ERR_STORE")).toBe(20);
    server.thaw();
    await vi.waitFor(() => expect(limiter.isUp).toBe(true), 60_000);
    await expect.poll(() => limiter.timeUntilToken(90)).toBe(0);
    expect(count(await tries(limiter, 100), true)).toBe(90);
  });

  test("goes on when the server was killed and is back, empty", async () => {
    const server = await startServer();
    const limiter = make(await connect(name, server.port), { onStoreError: "closed", storeTimeout: 0.5 });
    expect(await tries(limiter, 100)).not.toContain(false);
    await server.kill9();
    await vi.waitFor(async () => expect(await tries(limiter, 1)).toEqual(["ERR_STORE"]), 60_000);
    await server.restart();
    await vi.waitFor(() => expect(limiter.isUp).toBe(true), 60_000);
    await vi.waitFor(async () => expect(await tries(limiter, 1)).toEqual([true]), 60_000);
  });

  test("is never exceeded while connections are cut", async () => {
    const server = await startServer();
    const limiter = make(await connect(name, server.port), { onStoreError: "closed", storeTimeout: 2 });
    const granted: (boolean | string)[] = [];
    for (let round = 0; round < 6; round++) {
      const asked = tries(limiter, 20);
      await server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      granted.push(...(await asked));
    }
    expect(count(granted, true)).toBeLessThanOrEqual(100);
  });
});

describe.skipIf(!hasRedis)("a shared limit without its store", () => {
  test("admits everybody with open, and those who waited; what was granted too late is kept for them", async () => {
    const server = await startServer();
    const limiter = make(await connect("ioredis 6", server.port), {
      onStoreError: "open",
      storeTimeout: 0.1,
    });
    await limiter.acquire();
    server.freeze();
    const waiting = Promise.all([limiter.acquire(), limiter.acquire()]);
    expect(await tries(limiter, 3)).toEqual([true, true, true]);
    await waiting;
    expect(limiter.stats).toMatchObject({ totalAcquired: 6, totalStoreErrors: 5 });
    server.thaw();
    await vi.waitFor(() => expect(limiter.isUp).toBe(true), 60_000);
    expect(await limiter.timeUntilToken(94)).toBe(0);
    expect(await limiter.timeUntilToken(95)).toBeGreaterThan(0);
  });

  test("keeps its share with local", async () => {
    const server = await startServer();
    const limiter = make(await connect("ioredis 6", server.port), {
      onStoreError: "local",
      localShare: 20,
      storeTimeout: 0.1,
    });
    await server.kill9();
    const granted = await tries(limiter, 10);
    expect([count(granted, true), count(granted, false)]).toEqual([5, 5]);
    const refused: unknown = await limiter.acquire({ timeout: 1 }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RateLimitExceededError);
    const costly: unknown = await limiter.tryAcquire(6).catch((error: unknown) => error);
    expect(costly).toBeInstanceOf(StoreError);
    expect(limiter.stats).toMatchObject({ totalAcquired: 5, totalRejected: 6 });
  });

  test("lets waiters go on in memory with local, and in the store when it is back", async () => {
    const server = await startServer();
    const limits = { rate: 20, per: 1, burst: 1 } as const;
    const limiter = make(await connect("redis 6", server.port), {
      ...limits,
      onStoreError: "local",
      storeTimeout: 0.1,
    });
    await limiter.acquire();
    await server.kill9();
    await Promise.all([limiter.acquire(), limiter.acquire(), limiter.acquire()]);
    expect(limiter.stats).toMatchObject({ totalAcquired: 4, queued: 0 });
    await server.restart();
    await vi.waitFor(() => expect(limiter.isUp).toBe(true), 60_000);
    await limiter.acquire();
  });

  test("tells when the store is away and when it is back", async () => {
    const server = await startServer();
    const limiter = make(await connect("iovalkey", server.port), { storeTimeout: 0.1 });
    const told: string[] = [];
    using _down = limiter.on("down", ({ cause }) => told.push(`down: ${(cause as Error).name}`));
    using _up = limiter.on("up", () => told.push("up"));
    server.freeze();
    await limiter.tryAcquire();
    server.thaw();
    await vi.waitFor(() => expect(told).toEqual(["down: StoreError", "up"]), 60_000);
  });

  test("closes while it waits, and while a frozen server is asked", async () => {
    const server = await startServer();
    const limiter = make(await connect("redis 6", server.port), {
      onStoreError: "closed",
      storeTimeout: 0.1,
    });
    await limiter.acquire({ cost: 100 });
    const waiting = limiter.acquire().catch((error: unknown) => (error as Error).message);
    await vi.waitFor(() => expect(limiter.stats.queued).toBe(1), 60_000);
    server.freeze();
    const asked = limiter.timeUntilToken().catch((error: unknown) => (error as StoreError).code);
    await limiter.close();
    expect(await waiting).toContain("disposed of");
    expect(await asked).toBe("ERR_STORE");
    server.thaw();
  });
});

describe.skipIf(!hasRedis)("a lease", () => {
  const lease = { tokens: 10, maxAge: "1h" } as const;

  test("takes tokens ahead, asks for more at a quarter, and gives unused ones back when it is closed", async () => {
    const server = await startServer();
    const client = await connect("ioredis 6", server.port);
    const limiter = make(client, { lease, onStoreError: "closed", storeTimeout: 10 });
    const other = make(client, { onStoreError: "closed", storeTimeout: 10 });
    expect(await limiter.tryAcquire()).toBe(true);
    expect(await other.timeUntilToken(89)).toBe(0);
    expect(await other.timeUntilToken(90)).toBeGreaterThan(0);
    // 8 of the 10 at hand.
    for (let taken = 0; taken < 8; taken++) expect(await limiter.tryAcquire()).toBe(true);
    await expect.poll(() => other.timeUntilToken(80)).toBeGreaterThan(0);
    expect(limiter.stats.totalCalls).toBe(2);
    await limiter.close();
    expect(await other.timeUntilToken(91)).toBe(0);
    expect(await other.timeUntilToken(92)).toBeGreaterThan(0);
  });

  test("admits no more than there is, and all of it", async () => {
    const server = await startServer();
    const client = await connect("ioredis 6", server.port);
    const limiters = [1, 2, 3].map(() => make(client, { lease, onStoreError: "closed", storeTimeout: 10 }));
    let admitted = 0;
    for (let round = 0; round < 50; round++) {
      const [granted = []] = await Promise.all(limiters.map((limiter) => tries(limiter, 1))).then((all) => [
        all.flat(),
      ]);
      admitted += count(granted, true);
    }
    expect(admitted).toBeLessThanOrEqual(100);
    expect(admitted).toBeGreaterThan(70);
  });

  test("gives back what has lain too long", async () => {
    const server = await startServer();
    const client = await connect("redis 6", server.port);
    const limiter = make(client, {
      lease: { tokens: 10, maxAge: "50ms" },
      onStoreError: "closed",
      storeTimeout: 10,
    });
    expect(await limiter.tryAcquire()).toBe(true);
    await expect.poll(() => limiter.timeUntilToken(99)).toBe(0);
  });
});
