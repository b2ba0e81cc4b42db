import fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { SharedRateLimiter, StoreError } from "../../../src/redis/index.js";
import { certificate, hasRedis, type Server, startServer } from "../servers/servers.js";

const LIMIT = { rate: 1, per: "1h", burst: 100 } as const;

function limiterOf(client: object, options: object = {}): SharedRateLimiter {
  const limiter = new SharedRateLimiter({
    client,
    name: "fault",
    ...LIMIT,
    onStoreError: "closed",
    ...options,
  });
  onTestFinished(() => limiter.close());
  return limiter;
}

async function ioredis(options: object): Promise<Redis> {
  const client = new Redis({ host: "127.0.0.1", lazyConnect: true, ...options });
  client.on("error", () => {});
  onTestFinished(() => client.disconnect());
  await client.connect();
  return client;
}

const of = ({ port }: Server): Promise<Redis> => ioredis({ port });

/** What became of a decision, and in how many milliseconds. */
async function decide(limiter: SharedRateLimiter): Promise<{ outcome: unknown; took: number }> {
  const begun = performance.now();
  const outcome: unknown = await limiter.tryAcquire().catch((error: unknown) => error);
  return { outcome, took: performance.now() - begun };
}

describe.skipIf(!hasRedis)("a shared limiter on a server that fails it", () => {
  test("tells what the server says when the memory is full, and goes on once there is some", async () => {
    const server = await startServer({ maxmemory: "1kb" });
    const limiter = limiterOf(await of(server));
    const { outcome } = await decide(limiter);
    expect(outcome).toBeInstanceOf(StoreError);
    expect(String(outcome)).toContain("OOM");
    await server.command("CONFIG", "SET", "maxmemory", "0");
    expect((await decide(limiter)).outcome).toBe(true);
  });

  test("tells it when its user may not run scripts, or not touch the key", async () => {
    const server = await startServer({
      users: ["mute on >word ~* +get", "blind on >word ~other:* +@all"],
    });
    for (const username of ["mute", "blind"]) {
      const limiter = limiterOf(await ioredis({ port: server.port, username, password: "word" }));
      const { outcome } = await decide(limiter);
      expect(outcome).toBeInstanceOf(StoreError);
      expect(String(outcome)).toContain("NOPERM");
    }
  });

  test("tells it on a replica that is read only", async () => {
    const primary = await startServer();
    const replica = await startServer({ args: ["--replicaof", "127.0.0.1", String(primary.port)] });
    const limiter = limiterOf(await of(replica));
    const { outcome } = await decide(limiter);
    expect(outcome).toBeInstanceOf(StoreError);
    expect(String(outcome)).toMatch(/READONLY|MASTERDOWN/);
  });

  test("tells it when something else is stored under its key", async () => {
    const server = await startServer();
    const client = await of(server);
    const limiter = limiterOf(client);
    expect(await limiter.tryAcquire()).toBe(true);
    const [key = ""] = await client.keys("*");
    await client.del(key);
    await client.rpush(key, "a list");
    expect(String((await decide(limiter)).outcome)).toContain("WRONGTYPE");
    await client.set(key, "no bucket");
    expect((await decide(limiter)).outcome).toBeInstanceOf(StoreError);
    await client.del(key);
    expect((await decide(limiter)).outcome).toBe(true);
  });

  test("admits a burst more after a flush, and nothing but that", async () => {
    const server = await startServer();
    const limiter = limiterOf(await of(server));
    const taken = async (): Promise<number> => {
      const all = await Promise.all(Array.from({ length: 150 }, () => limiter.tryAcquire()));
      return all.filter(Boolean).length;
    };
    expect(await taken()).toBe(100);
    await server.command("FLUSHALL");
    // The refusal is remembered for a second at most.
    await sleep(1100);
    expect(await taken()).toBe(100);
  });

  test("works over TLS", async () => {
    const server = await startServer({ tls: certificate });
    const ca = fs.readFileSync(certificate.cert);
    expect((await decide(limiterOf(await ioredis({ port: server.port, tls: { ca } })))).outcome).toBe(true);
    const client = createClient({ url: server.url, socket: { tls: true, ca } });
    client.on("error", () => {});
    onTestFinished(() => client.destroy());
    await client.connect();
    expect((await decide(limiterOf(client))).outcome).toBe(true);
  });

  test.each(["ioredis", "redis"])("fails at once with a client of %s that was closed", async (name) => {
    const server = await startServer();
    let client: object;
    if (name === "ioredis") {
      const made = await of(server);
      made.disconnect();
      client = made;
    } else {
      const made = createClient({ url: server.url });
      made.on("error", () => {});
      await made.connect();
      made.destroy();
      client = made;
    }
    const { outcome } = await decide(limiterOf(client));
    expect(outcome).toBeInstanceOf(StoreError);
    expect(await limiterOf(client, { onStoreError: "open" }).tryAcquire()).toBe(true);
  });

  test("warns once of a server that drops keys when its memory is full", async () => {
    const told: unknown[] = [];
    const listener = (warning: Error & { code?: string }): unknown => told.push(warning.code);
    process.on("warning", listener);
    onTestFinished(() => void process.off("warning", listener));
    const args = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"];
    const client = await of(await startServer({ args }));
    await limiterOf(client).tryAcquire();
    await limiterOf(client, { name: "another" }).tryAcquire();
    await vi.waitFor(() => expect(told).toEqual(["KSTLIB_STORE_EVICTS"]), 60_000);
  });

  test("leaves no key without an expiry", async () => {
    const server = await startServer();
    const client = await of(server);
    const limiter = limiterOf(client);
    await limiter.tryAcquire();
    await limiter.pauseFor("1m");
    await limiter.reset();
    const reservation = await limiterOf(client, { name: "other" }).reserve();
    reservation.cancel();
    for (const key of await client.keys("*"))
      expect([key, (await client.pttl(key)) > 0]).toEqual([key, true]);
  });
});
