import fs from "node:fs";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { describe, expect, onTestFinished, test } from "vitest";
import { until } from "../../scripts/until.mjs";
import { failuresWithin } from "../../src/circuit-breaker/index.js";
import { Heartbeat } from "../../src/heartbeat/index.js";
import {
  HeartbeatRegistry,
  RedisHeartbeatSink,
  SharedCircuitBreaker,
  SharedKeyedRateLimiter,
  SharedRateLimiter,
} from "../../src/redis/index.js";
import { hasRedis, startServer } from "./servers/servers.js";

const clients = {
  async redis(port: number) {
    const client = createClient({ url: `redis://app:geheim@127.0.0.1:${port}` });
    client.on("error", () => {});
    await client.connect();
    onTestFinished(() => client.destroy());
    return client;
  },
  async ioredis(port: number) {
    const client = new Redis({ port, username: "app", password: "geheim" });
    onTestFinished(() => client.disconnect());
    return client;
  },
};

/** What the documentation says that a user needs, in the words of ACL SETUSER. */
function documented(): string[] {
  const text = fs.readFileSync(new URL("../../docs/redis.md", import.meta.url), "utf8");
  const [, rights = "", keys = "", channels = ""] =
    /user with an ACL needs\s+`([^`]+)`,\s+`([^`]+)` and `([^`]+)`/.exec(text) ?? [];
  return [...rights.split(/\s+/), keys, channels];
}

describe.skipIf(!hasRedis).each(Object.entries(clients))(
  "a user with the documented rights, by %s",
  (_, make) => {
    test("can use everything, and the server refuses nothing", async () => {
      const server = await startServer();
      const rights = documented();
      try {
        await server.command("ACL", "SETUSER", "app", "resetchannels");
      } catch {
        // Redis 6.0 has no rights to channels.
        rights.pop();
      }
      await server.command("ACL", "SETUSER", "app", "on", ">geheim", ...rights);
      const client = await make(server.port);

      const limits = { client, rate: 2, per: "1m", onStoreError: "closed" } as const;
      const limiter = new SharedRateLimiter({ ...limits, name: "one" });
      (await limiter.reserve(2)).cancel();
      expect(await limiter.pauseFor(0.01)).toBe(true);
      const keyed = new SharedKeyedRateLimiter({ ...limits, name: "keyed" });
      expect(await keyed.tryAcquire("a")).toBe(true);
      expect(await keyed.block("a", 5)).toBe(true);
      expect(await keyed.giveBack("a")).toBe(true);
      expect(await keyed.reset("a")).toBe(true);
      expect(await keyed.tokens("a")).toBe(2);

      const trip = failuresWithin({ failures: 2, duration: "1m" });
      for (const options of [
        { name: "row", maxFailures: 2 },
        { name: "rule", trip },
      ]) {
        const breaker = new SharedCircuitBreaker({ client, resetTimeout: "50ms", ...options });
        const fail = () => breaker.call(() => Promise.reject(new Error("down"))).catch(() => {});
        await until("it is open", async () => (await fail(), breaker.state === "open"));
        await until("it is closed", async () => {
          await breaker.call(() => 1).catch(() => {});
          return breaker.state === "closed";
        });
        expect(breaker.isShared).toBe(true);
        await breaker.close();
      }

      const sink = new RedisHeartbeatSink({ client, service: "orders", instance: "a" });
      const heartbeat = new Heartbeat({ sinks: [sink], interval: "1h" });
      heartbeat.start();
      await heartbeat.beat();
      const registry = new HeartbeatRegistry({ client, service: "orders" });
      expect(await registry.list()).toHaveLength(1);
      expect(await registry.get("a")).toMatchObject({ status: "alive" });
      expect(await HeartbeatRegistry.services({ client })).toEqual(["orders"]);
      await using watch = registry.watch();
      await until("it is seen", () => watch.instances.length === 1);
      await heartbeat.stop();
      expect(await registry.get("a")).toMatchObject({ status: "stopped" });
      await Promise.all([limiter.close(), keyed.close()]);

      const refused: { readonly object: string }[] = await server.command("ACL", "LOG");
      // By CLIENT SETINFO the client itself tells the server what it is, if it may.
      expect(refused.filter(({ object }) => !/^client\b/.test(object))).toEqual([]);
    });

    test("but for letting keys expire, leaves no key that does not", async () => {
      const server = await startServer();
      const rights = documented().filter((right) => !/pexpire/.test(right));
      await server.command("ACL", "SETUSER", "app", "on", ">geheim", ...rights);
      const client = await make(server.port);
      await using limiter = new SharedRateLimiter({ client, name: "one", per: "1m" });
      await limiter.tryAcquire();
      const trip = failuresWithin({ failures: 2, duration: "1m" });
      for (const options of [
        { name: "row", maxFailures: 2 },
        { name: "rule", trip },
      ]) {
        const breaker = new SharedCircuitBreaker({ client, ...options });
        onTestFinished(() => breaker.close());
        await breaker.call(() => Promise.reject(new Error("down"))).catch(() => {});
        await until("it is alone", () => !breaker.isShared);
      }
      const sink = new RedisHeartbeatSink({ client, service: "orders", instance: "a" });
      const heartbeat = new Heartbeat({ sinks: [sink], interval: "1h" });
      heartbeat.on("missedBeat", () => {});
      heartbeat.start();
      await expect(heartbeat.beat()).rejects.toThrow("missed a beat");
      await heartbeat.stop();
      const keys: string[] = await server.command("KEYS", "*");
      const expiries = keys.map(async (key) => [key, await server.command("PTTL", key)]);
      expect((await Promise.all(expiries)).filter(([, left]) => left < 0)).toEqual([]);
      expect(keys).toEqual(["kstlib:limiter:{one}"]);
    });
  },
);
