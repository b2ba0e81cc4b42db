import { Redis } from "ioredis";
import { createClient, createSentinel } from "redis";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { SharedRateLimiter } from "../../../src/redis/rate-limiter/shared-rate-limiter.js";
import { StoreError } from "../../../src/redis/store/store-error.js";
import { connect } from "../clients.js";
import { hasRedis, startSentinel, startServer } from "../servers/servers.js";

/** So slow that no token comes while a test runs. */
const SLOW = { name: "api", rate: 2, per: "1h", onStoreError: "closed", storeTimeout: 1 } as const;

function make(client: object): SharedRateLimiter {
  const limiter = new SharedRateLimiter({ client, ...SLOW });
  onTestFinished(() => limiter.close());
  return limiter;
}

const outcomeOf = (limiter: SharedRateLimiter): Promise<unknown> =>
  limiter.tryAcquire().catch((error: unknown) => (error instanceof StoreError ? error.message : error));

describe.skipIf(!hasRedis)("a shared limit and what a server refuses", () => {
  test("a server that is full says so, at once, and goes on when it has room", async () => {
    const server = await startServer();
    const limiter = make(await connect("ioredis 6", server.port));
    await server.command("CONFIG", "SET", "maxmemory", "1");
    expect(await outcomeOf(limiter)).toMatch(/OOM/);
    expect(limiter.isUp).toBe(true);
    await server.command("CONFIG", "SET", "maxmemory", "0");
    expect(await outcomeOf(limiter)).toBe(true);
  });

  test("a replica that can only be read is told apart", async () => {
    const primary = await startServer();
    const server = await startServer();
    const limiter = make(await connect("redis 6", server.port));
    await server.command("REPLICAOF", "127.0.0.1", primary.port);
    await vi.waitFor(async () => expect(await outcomeOf(limiter)).toMatch(/READONLY|MASTERDOWN/), 60_000);
    expect(limiter.isUp).toBe(true);
    await server.command("REPLICAOF", "NO", "ONE");
    await vi.waitFor(async () => expect(await outcomeOf(limiter)).toBe(true), 60_000);
  });

  test("a user without the right is told so", async () => {
    const server = await startServer({ users: ["guest on >guest ~* +@all -eval -evalsha"] });
    const client = await createClient({ url: server.url, username: "guest", password: "guest" }).connect();
    onTestFinished(() => client.destroy());
    expect(await outcomeOf(make(client))).toMatch(/NOPERM/);
  });

  test("a user with no more than the limiter's commands is enough", async () => {
    const rights = "+evalsha +eval +get +set +time +hello +client +info +ping";
    const server = await startServer({ users: [`limited on >limited ~kstlib:* ${rights}`] });
    const client = await createClient({
      url: server.url,
      username: "limited",
      password: "limited",
    }).connect();
    onTestFinished(() => client.destroy());
    const limiter = make(client);
    const reservation = await limiter.reserve(2);
    reservation.cancel();
    await expect.poll(() => limiter.timeUntilToken(2)).toBe(0);
    expect(await limiter.pauseFor(5)).toBe(true);
    expect(await limiter.reset()).toBe(true);
    expect(await limiter.tokens()).toBe(2);
  });

  test("a store that was emptied starts with full buckets, and every key expires", async () => {
    const server = await startServer();
    const limiter = make(await connect("ioredis 6", server.port));
    expect([await outcomeOf(limiter), await outcomeOf(limiter)]).toEqual([true, true]);
    expect(await server.command("PTTL", "kstlib:limiter:{api}")).toBeGreaterThan(3_000_000);
    await server.command("FLUSHALL");
    // The refusal is remembered for a second.
    await vi.waitFor(async () => expect(await outcomeOf(limiter)).toBe(true), 60_000);
  });

  test("a server that may remove keys is warned of, once for each client", async () => {
    const server = await startServer({
      args: ["--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru"],
    });
    const client = await connect("iovalkey", server.port);
    const warned: Error[] = [];
    const listen = (warning: Error): void => void warned.push(warning);
    process.on("warning", listen);
    onTestFinished(() => void process.off("warning", listen));
    for (const limiter of [make(client), make(client)]) expect(await outcomeOf(limiter)).toBe(true);
    await vi.waitFor(() => expect(warned).toHaveLength(1), 60_000);
    expect(warned[0]).toMatchObject({ code: "KSTLIB_STORE_EVICTS" });
  });

  test("a client that was closed is no reason to wait", async () => {
    const server = await startServer();
    const [ioredis, redis] = [new Redis(server.port), await createClient({ url: server.url }).connect()];
    const limiters = [make(ioredis), make(redis)];
    expect(await Promise.all(limiters.map(outcomeOf))).toEqual([true, true]);
    ioredis.disconnect();
    redis.destroy();
    for (const limiter of limiters) {
      await expect.poll(() => outcomeOf(limiter)).toMatch(/not connected|is closed/);
    }
  });
});

describe.skipIf(!hasRedis)("a shared limit behind sentinels", () => {
  test("is kept by ioredis and by node-redis", async () => {
    const { name, sentinels } = await startSentinel();
    const nodes = sentinels.map(({ port }) => ({ host: "127.0.0.1", port }));
    const ioredis = new Redis({ sentinels: nodes, name });
    onTestFinished(() => ioredis.disconnect());
    const redis = createSentinel({ name, sentinelRootNodes: nodes });
    redis.on("error", () => {});
    await redis.connect();
    onTestFinished(() => redis.destroy());
    const [one, other] = [make(ioredis), make(redis)];
    expect([await outcomeOf(one), await outcomeOf(other), await outcomeOf(one)]).toEqual([true, true, false]);
  });
});
