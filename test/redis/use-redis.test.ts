import fs from "node:fs";
import path from "node:path";
import { createClient } from "redis";
import { createClient as createClient5 } from "redis-5";
import { describe, expect, onTestFinished, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/index.js";
import { loadConfig } from "../../src/config/index.js";
import { configure } from "../../src/configure.js";
import { KeyedRateLimiter, RateLimiter } from "../../src/rate-limiter/index.js";
import {
  HeartbeatRegistry,
  SharedCircuitBreaker,
  SharedKeyedRateLimiter,
  SharedRateLimiter,
  useRedis,
} from "../../src/redis/index.js";
import { Registry } from "../../src/registry.js";
import { resilient } from "../../src/resilient.js";
import { temporaryFolder } from "../heartbeat/folder.js";
import { until } from "../../scripts/until.mjs";
import { hasRedis, startServer } from "./servers/servers.js";

const client = { evalSha() {}, eval() {} };

/** A component as those of the package: it is given a client, a name and the options of the section. */
class Given {
  isClosed = false;
  constructor(readonly options: { client: object; name: string; more?: number; keyPrefix?: string }) {}
  close(): void {
    this.isClosed = true;
  }
}

describe("shared: true in the configuration", () => {
  const refused = (what: string): RegExp =>
    new RegExp(
      `^${what} is shared: true in the configuration, .*Make it by useRedis of @kstlib/resilience/redis`,
    );

  test("is refused by all that would count for one process alone", () => {
    using _ = configure({
      rateLimiter: { instances: { exchange: { rate: 20, shared: true } } },
      circuitBreaker: { shared: true, instances: { own: { shared: false } } },
    });
    expect(() => new RateLimiter({ name: "exchange" })).toThrow(refused('RateLimiter "exchange"'));
    expect(() => new KeyedRateLimiter({ name: "exchange" })).toThrow(refused('KeyedRateLimiter "exchange"'));
    expect(() => new CircuitBreaker({ name: "any" })).toThrow(refused('CircuitBreaker "any"'));
    expect(() => new CircuitBreaker()).toThrow(refused("CircuitBreaker"));
    expect(() => new Registry().rateLimiter("exchange")).toThrow(refused('RateLimiter "exchange"'));
    expect(() => resilient({ name: "x", rateLimiter: { name: "exchange" } })).toThrow(
      refused('RateLimiter "exchange"'),
    );
    expect(() => [new RateLimiter({ name: "other" }), new CircuitBreaker({ name: "own" })]).not.toThrow();
  });

  test("is an option of the file, not of a constructor", () => {
    const file = path.join(temporaryFolder(), "kstlib.conf.yml");
    fs.writeFileSync(
      file,
      "resilience:\n  redis: { client: main, key_prefix: 'app:' }\n  rate_limiter: { instances: { exchange: { shared: true } } }\n",
    );
    const config = loadConfig({ path: file, env: {} });
    expect(config).toMatchObject({
      redis: { client: "main", keyPrefix: "app:" },
      rateLimiter: { instances: { exchange: { shared: true } } },
    });
    expect(() => new Registry(config).keyedRateLimiter("exchange")).toThrow(
      refused('KeyedRateLimiter "exchange"'),
    );
    expect(() => new RateLimiter({ shared: true } as object)).toThrow(
      /shared is not an option of RateLimiter/,
    );
  });
});

describe("useRedis", () => {
  test("gives each component the client that the configuration names, and what it says of keys and times", async () => {
    using _ = configure({
      redis: { client: "main", keyPrefix: "app:", instances: { fast: { storeTimeout: 0.1 } } },
    });
    const redis = await useRedis({ clients: { main: client } });
    const one = redis.get(Given, "one", { more: 1 });
    expect(one.options).toEqual({ client, name: "one", keyPrefix: "app:", storeTimeout: "250ms", more: 1 });
    expect(redis.get(Given, "one")).toBe(one);
    expect(redis.get(Given, "three", { keyPrefix: undefined }).options.keyPrefix).toBe("app:");
    expect(redis.get(Given, "two", { keyPrefix: "own:" }).options).toMatchObject({ keyPrefix: "own:" });
    const fast = await useRedis({ name: "fast", client });
    expect(fast.get(Given, "one").options).toMatchObject({ keyPrefix: "app:", storeTimeout: "100ms" });
    await redis.close();
    await redis.close();
    expect(one.isClosed).toBe(true);
    expect(() => redis.get(Given, "one")).toThrow("these shared components are closed");
  });

  test("refuses other options for a name than those it was made with, as a registry does", async () => {
    const redis = await useRedis({ client });
    const made = redis.get(Given, "exchange", { more: 1 });
    expect(redis.get(Given, "exchange", { more: 1 })).toBe(made);
    expect(redis.get(Given, "exchange")).toBe(made);
    expect(() => redis.get(Given, "exchange", { more: 2 })).toThrow(
      'Given "exchange" was created with more 1; got 2. Overrides apply at creation',
    );
    expect(() => redis.get(Given, "exchange", { more: 1, keyPrefix: "other:" })).toThrow(
      'Given "exchange" was created with keyPrefix undefined; got "other:".',
    );
  });

  test("says what is missing or wrong", async () => {
    await expect(useRedis()).rejects.toThrow(/^useRedis needs a client: give one in the option client/);
    await expect(useRedis({ client: {} })).rejects.toThrow(/^client must be a client of redis/);
    await expect(useRedis({ url: "redis://h" } as object)).rejects.toThrow(
      /url is not an option of useRedis/,
    );
    using _ = configure({ redis: { client: "main" } });
    await expect(useRedis({ clients: { other: client } })).rejects.toThrow(
      'redis.client is "main" in the configuration; the clients of useRedis are other.',
    );
    using _url = configure({ redis: { url: "redis://h", client: undefined } });
    await expect(useRedis()).rejects.toThrow(/^useRedis needs the option connect for the url/);
    await expect(useRedis({ connect: () => ({}) })).rejects.toThrow(/^client must be a client of redis/);
    expect(() => configure({ redis: { url: "http://user:geheim@h" } })).toThrow(
      /^redis\.url must be an address such as .*; got "http:\/\/\*\*\*@h"/,
    );
  });

  test.skipIf(!hasRedis)("connects by the url of the configuration, and ends the connection", async () => {
    const server = await startServer({ password: "geheim" });
    using _ = configure({ redis: { url: server.url.replace("//", "//:geheim@") } });
    const connect = (url: string): Promise<object> => createClient({ url }).connect();
    const redis = await useRedis({ connect });
    const registry = new HeartbeatRegistry({ client: redis.client, service: "orders" });
    expect(await registry.list()).toEqual([]);
    const connections = async (): Promise<number> =>
      String(await server.command("CLIENT", "LIST")).match(/^id=/gm)?.length ?? 0;
    const before = await connections();
    await redis.close();
    await until("the connection is gone", async () => (await connections()) === before - 1);
  });

  test.skipIf(!hasRedis)("makes the limit of a configuration that all share", async () => {
    const server = await startServer();
    using _ = configure({
      redis: { url: server.url },
      rateLimiter: { instances: { exchange: { rate: 3, per: "1h", shared: true } } },
    });
    const connect = (url: string): Promise<object> => createClient({ url }).connect();
    const processes = [await useRedis({ connect }), await useRedis({ connect })];
    const taken: boolean[] = [];
    for (const redis of [...processes, ...processes])
      taken.push(await redis.get(SharedRateLimiter, "exchange").tryAcquire());
    expect(taken).toEqual([true, true, true, false]);
    expect(await processes[0]?.get(SharedKeyedRateLimiter, "by-key", { rate: 1 }).tryAcquire("a")).toBe(true);
    for (const redis of processes) await redis.close();
  });

  test.skipIf(!hasRedis)("makes the circuit of a configuration that all share", async () => {
    const server = await startServer();
    using _ = configure({
      redis: { url: server.url },
      circuitBreaker: { instances: { exchange: { maxFailures: 2, resetTimeout: "1m", shared: true } } },
    });
    const connect = (url: string): Promise<object> => createClient({ url }).connect();
    const [one, other] = [await useRedis({ connect }), await useRedis({ connect })];
    const [breaker, another] = [
      one.get(SharedCircuitBreaker, "exchange"),
      other.get(SharedCircuitBreaker, "exchange"),
    ];
    await until("both know the state of all", () => breaker.isShared && another.isShared);
    for (let failure = 0; failure < 2; failure++) {
      await breaker.call(() => Promise.reject(new Error("down"))).catch(() => {});
    }
    await until("the other has heard", () => another.state === "open");
    expect(another.snapshot().remainingSeconds).toBeGreaterThan(30);
    await Promise.all([one.close(), other.close()]);
  });

  test.skipIf(!hasRedis)("closes what the application has closed itself without a word", async () => {
    const server = await startServer();
    using _ = configure({ redis: { url: server.url } });
    const { url } = server;
    for (const made of [createClient5({ url }), createClient({ url })]) {
      const redis = await useRedis({ connect: () => made.connect() });
      await made.close();
      await expect(redis.close()).resolves.toBeUndefined();
    }
  });

  test.skipIf(!hasRedis)("leaves the application's client open", async () => {
    const server = await startServer();
    const own = await createClient({ url: server.url }).connect();
    onTestFinished(() => own.destroy());
    await (await useRedis({ client: own })).close();
    expect(await own.ping()).toBe("PONG");
  });
});
