import { EventEmitter, once } from "node:events";
import path from "node:path";
import { Cluster } from "ioredis";
import { createCluster } from "redis";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { type Duration, Heartbeat } from "../../../src/heartbeat/index.js";
import { HeartbeatRegistry, type HeartbeatWatch, RedisHeartbeatSink } from "../../../src/redis/index.js";
import { temporaryFolder } from "../../heartbeat/folder.js";
import { clientNames, connect } from "../clients.js";
import { hasRedis, type Server, startCluster, startServer } from "../servers/servers.js";

const SERVICE = "orders";
const KEY = "kstlib:heartbeats:{orders}";

/** A heartbeat that goes to Redis alone; it is stopped after the test. */
function beating(client: object, instance: string, interval: Duration = 60): Heartbeat {
  const sink = new RedisHeartbeatSink({ client, service: SERVICE, instance, storeTimeout: 10 });
  const heartbeat = new Heartbeat({ name: instance, sinks: [sink], interval, onMissedBeat: () => {} });
  onTestFinished(() => heartbeat.stop());
  return heartbeat;
}

/** Notes the events of a watch, as `event instance`. */
function noted(watch: HeartbeatWatch): {
  readonly events: string[];
  readonly seen: (event: string) => Promise<void>;
} {
  const events: string[] = [];
  const emitter = new EventEmitter();
  for (const event of ["joined", "lost", "stopped", "status"] as const)
    watch.on(event, ({ instance, state }) => {
      events.push(`${event} ${instance}${event === "status" ? ` ${state?.status}` : ""}`);
      emitter.emit("event");
    });
  onTestFinished(() => watch.close());
  return {
    events,
    async seen(event) {
      const signal = AbortSignal.timeout(15_000);
      try {
        while (!events.includes(event)) await once(emitter, "event", { signal });
      } catch (cause) {
        throw new Error(`no ${event} among: ${events.join(", ")}`, { cause });
      }
    },
  };
}

describe.skipIf(!hasRedis)("heartbeats in Redis", () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer();
    return () => server.stop();
  });

  describe.each(clientNames.filter((name) => name !== "valkey-glide"))("with %s", (name) => {
    test("are listed with age, status and state, and watched", async () => {
      await server.command("FLUSHALL");
      const client = await connect(name, server.port);
      const registry = new HeartbeatRegistry({ client, service: SERVICE, storeTimeout: 10 });
      const one = beating(client, "one");
      await one.beat();
      const watch = registry.watch({ interval: "1h" });
      const { events, seen } = noted(watch);
      await seen("joined one");

      // Told by messages: no look is due for an hour.
      const two = beating(client, "two");
      await two.beat();
      await seen("joined two");
      two.start();
      two.drain();
      await seen("status two draining");
      await two.stop();
      await seen("stopped two");
      expect(events.filter((event) => !event.startsWith("status"))).toEqual([
        "joined one",
        "joined two",
        "stopped two",
      ]);

      const list = await registry.list();
      expect(list.map(({ instance, status }) => [instance, status])).toEqual([
        ["one", "alive"],
        ["two", "stopped"],
      ]);
      expect(list[0]).toMatchObject({ state: { pid: process.pid, interval: 60 }, maxAge: 180 });
      expect(list[0]?.age).toBeGreaterThanOrEqual(0);
      expect(await registry.get("two")).toMatchObject({ instance: "two", status: "stopped" });
      expect(await registry.get("three")).toBeNull();
      expect(await HeartbeatRegistry.services({ client, storeTimeout: 10 })).toEqual([SERVICE]);
      await watch.close();
    });
  });

  test("that stop are told by GLIDE's users too, who look without a subscription", async () => {
    await server.command("FLUSHALL");
    const client = await connect("valkey-glide", server.port);
    const watch = new HeartbeatRegistry({ client, service: SERVICE }).watch({ interval: "10ms" });
    const { events, seen } = noted(watch);
    const one = beating(client, "one");
    one.start();
    await seen("joined one");
    await one.stop();
    await seen("stopped one");
    expect(events.at(0)).toBe("joined one");
  });

  test("are written to a cluster and read from it", async () => {
    const { ports } = await startCluster();
    const ioredis = new Cluster(ports.map((port) => ({ port, host: "127.0.0.1" })));
    const redis = createCluster({ rootNodes: ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })) });
    onTestFinished(() => {
      ioredis.disconnect();
      redis.destroy();
    });
    await redis.connect();
    for (const client of [redis, ioredis]) {
      const service = client === redis ? "by-redis" : "by-ioredis";
      const watch = new HeartbeatRegistry({ client, service, storeTimeout: 10 }).watch({ interval: "1h" });
      const { seen } = noted(watch);
      const sink = new RedisHeartbeatSink({ client, service, instance: "a", storeTimeout: 10 });
      // The first look may come before the first beat; then a message tells of it.
      const heartbeat = new Heartbeat({ sinks: [sink] });
      heartbeat.start();
      await seen("joined a");
      await heartbeat.stop();
      await seen("stopped a");
      await watch.close();
    }
    const services = await HeartbeatRegistry.services({ client: ioredis, storeTimeout: 10 });
    expect(services).toEqual(["by-ioredis", "by-redis"]);
  });

  test("are lost when they end without a word, and never because the server stood still or was away", async () => {
    const own = await startServer();
    const client = await connect("ioredis 6", own.port);
    const watch = new HeartbeatRegistry({ client, service: SERVICE, maxAge: "600ms" }).watch({
      interval: "50ms",
    });
    const { events, seen } = noted(watch);
    const living = beating(client, "living", "50ms");
    living.start();
    await seen("joined living");
    await beating(client, "silent", "50ms").beat();
    await seen("joined silent");
    await seen("lost silent");

    own.freeze();
    await vi.waitFor(() => expect(watch.isUp).toBe(false), 60_000);
    // Longer than anybody may be silent.
    const frozen = performance.now();
    await vi.waitFor(() => expect(performance.now() - frozen).toBeGreaterThan(1000), 60_000);
    own.thaw();
    await vi.waitFor(() => expect(watch.isUp).toBe(true), 60_000);
    await own.restart();
    await vi.waitFor(async () => expect(await own.command("ZCARD", KEY)).toBe(1), 60_000);
    await living.stop();
    await seen("stopped living");
    expect(events).toEqual([
      "joined living",
      ...["status living running"].filter((event) => events.includes(event)),
      "joined silent",
      "lost silent",
      "stopped living",
    ]);
  });

  test("of a process that ends do not replace those of a later one of the same name", async () => {
    await server.command("FLUSHALL");
    const client = await connect("redis 6", server.port);
    const registry = new HeartbeatRegistry({ client, service: SERVICE });
    const [earlier, later] = [beating(client, "a"), beating(client, "a")];
    earlier.start();
    await earlier.beat();
    later.start();
    await later.beat();
    await earlier.stop();
    expect(await registry.get("a")).toMatchObject({ status: "alive", state: { status: "running" } });
    await later.stop();
    expect(await registry.get("a")).toMatchObject({ status: "stopped" });
  });

  test("are forgotten after expire, at least three intervals, and no key stays for ever", async () => {
    await server.command("FLUSHALL");
    const client = await connect("redis 6", server.port);
    const sink = new RedisHeartbeatSink({ client, service: SERVICE, instance: "a", expire: "10ms" });
    const heartbeat = new Heartbeat({ sinks: [sink], interval: "40ms" });
    await heartbeat.beat();
    const keys: string[] = await server.command("KEYS", "*");
    expect(keys.toSorted()).toEqual(["kstlib:heartbeats", KEY, `${KEY}:states`]);
    for (const key of keys) expect(await server.command("PTTL", key)).toBeLessThanOrEqual(120);
    await vi.waitFor(async () => expect(await server.command("DBSIZE")).toBe(0), 60_000);

    // Within a service that goes on, those who do not are forgotten one by one.
    await new Heartbeat({ sinks: [sink], interval: "10ms" }).beat();
    const other = new RedisHeartbeatSink({ client, service: SERVICE, instance: "b", expire: "10ms" });
    await vi.waitFor(async () => {
      await new Heartbeat({ sinks: [other], interval: "10ms" }).beat();
      expect(await server.command("HKEYS", `${KEY}:states`)).toEqual(["b"]);
      expect(await server.command("ZRANGE", KEY, 0, -1)).toEqual(["b"]);
    }, 60_000);
  });

  test("are a missed beat while Redis is away, and the file goes on", async () => {
    const own = await startServer();
    const client = await connect("redis 6", own.port);
    const sink = new RedisHeartbeatSink({ client, service: SERVICE, storeTimeout: "100ms" });
    const missed: string[] = [];
    const stateFile = path.join(temporaryFolder(), "app.heartbeat");
    const heartbeat = new Heartbeat({
      stateFile,
      sinks: [sink],
      onMissedBeat: ({ message }) => missed.push(message),
    });
    await heartbeat.beat();
    own.freeze();
    await expect(heartbeat.beat()).rejects.toMatchObject({ cause: { code: "ERR_STORE" } });
    await expect(heartbeat.beat()).rejects.toThrow("sinks[0]: the store does not answer");
    expect(missed).toHaveLength(2);
    expect(Heartbeat.readStateSync(stateFile)).toMatchObject({ sequence: 3 });
    expect(heartbeat.snapshot()).toMatchObject({ beats: 3, lastError: null });
    own.thaw();
    await vi.waitFor(() => heartbeat.beat(), 60_000);
    const [found] = await new HeartbeatRegistry({ client, service: SERVICE }).list();
    expect(found).toMatchObject({ status: "alive", instance: sink.instance });
    expect(sink.instance).toMatch(new RegExp(`:${process.pid}$`));
  });

  test("of a service with a name that none can have are not listed", async () => {
    await server.command("ZADD", "kstlib:heartbeats", 9e15, "a/{b}");
    const client = await connect("redis 6", server.port);
    expect(await HeartbeatRegistry.services({ client, storeTimeout: 10 })).not.toContain("a/{b}");
  });

  test("of a thousand instances are listed", async () => {
    await server.command("FLUSHALL");
    const client = await connect("ioredis 6", server.port);
    const options = { client, service: SERVICE, storeTimeout: 20 };
    const beats = Array.from({ length: 1000 }, (_, index) => {
      const sink = new RedisHeartbeatSink({ ...options, instance: `i${index}` });
      return new Heartbeat({ sinks: [sink], interval: 60 }).beat();
    });
    await Promise.all(beats);
    const list = await new HeartbeatRegistry(options).list();
    expect(list).toHaveLength(1000);
    expect(new Set(list.map(({ status }) => status))).toEqual(new Set(["alive"]));
    expect(await server.command("ZCARD", KEY)).toBe(1000);
  });
});

describe("the options of heartbeats in Redis", () => {
  const client = { evalSha() {}, eval() {} };

  test.each<[string, object]>([
    ["service", {}],
    ["service", { service: "" }],
    ["service", { service: "a{b" }],
    ["service", { service: "a/b" }],
    ["service", { service: 1 }],
    ["service", { service: "x".repeat(201) }],
    ["client", { service: "a", client: {} }],
    ["client", { service: "a", client: undefined }],
    ["client", { service: "a", client: "redis://localhost" }],
    ["storeTimeout", { service: "a", storeTimeout: 0 }],
    ["storeTimeout", { service: "a", storeTimeout: Number.NaN }],
    ["keyPrefix", { service: "a", keyPrefix: 1 }],
    ["clock", { service: "a", clock: null }],
  ])("name %s when it is wrong: %j", (option, options) => {
    for (const kind of [RedisHeartbeatSink, HeartbeatRegistry])
      expect(() => new kind({ client, ...options } as never)).toThrow(
        new RegExp(`^${option} must be |needs the option ${option}: `),
      );
  });

  test.each<[string, object]>([
    ["instance", { instance: "a b" }],
    ["instance", { instance: null }],
    ["expire", { expire: -1 }],
    ["expire", { expire: Infinity }],
  ])("of the sink name %s when it is wrong: %j", (option, options) => {
    expect(() => new RedisHeartbeatSink({ client, service: "a", ...options })).toThrow(
      new RegExp(`^${option} must be `),
    );
  });

  test("of the registry and of a watch name what is wrong", () => {
    expect(() => new HeartbeatRegistry({ client, service: "a", maxAge: 0 })).toThrow(/^maxAge must be /);
    const registry = new HeartbeatRegistry({ client, service: "a" });
    expect(() => registry.watch({ interval: "0s" })).toThrow(/^interval must be /);
    expect(() => registry.watch({ every: 1 } as never)).toThrow(/every is not an option of watch/);
  });
});
