// What shared limits, circuits and registries cost on a real server, beside rate-limiter-flexible with the same client.
import { CircuitBreaker } from "@kstlib/resilience";
import * as shared from "@kstlib/resilience/redis";
import { findServer, startServer } from "../../scripts/redis/server.mjs";
import { measure, median, peer, quick, report } from "../measure.mjs";

const IN_FLIGHT = 64;
const ROUNDS = quick ? 3 : 9;
const COUNT = quick ? 6000 : 30_000;
/** More than anybody takes here. */
const PLENTY = { rate: 1e6, per: "1s", burst: 1e9 };
/** One, and then nothing for hours. */
const NOTHING = { rate: 1, per: "1h", burst: 1 };
const CLIENTS = {
  ioredis: async (port) => new (await import("ioredis")).Redis({ port }),
  redis: async (port) => {
    const client = (await import("redis")).createClient({ socket: { port } });
    return client.connect();
  },
};

if (findServer() === undefined) {
  report([{ id: "redis", label: "shared limits", missing: "redis-server is not installed" }]);
  process.exit();
}
const server = await startServer();
const limiters = [];

/** Calls a second with 64 in flight, over one key or a random one of many. */
async function drive(take, keys, count) {
  let left = count;
  let random = 7;
  const worker = async () => {
    while (left > 0) {
      left--;
      random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
      await take(keys === 1 ? "hot" : `k${(random >>> 8) % keys}`);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  return (count / (performance.now() - start)) * 1000;
}

const ours = (client, name, options) => {
  const limiter = new shared.SharedKeyedRateLimiter({ client, name, ...options });
  limiters.push(limiter);
  return (key) => limiter.tryAcquire(key);
};

/** How many times the calls a second of `theirs`, round by round. */
async function faster(keys, subject, theirs, times = 1) {
  const ratios = [];
  await drive(subject, keys, 2000);
  await drive(theirs, keys, 2000);
  for (let round = 0; round < ROUNDS; round++) {
    const own = await drive(subject, keys, COUNT * times);
    ratios.push(own / (await drive(theirs, keys, COUNT)));
  }
  return median(ratios);
}

const rows = [];
const flexible = await peer("rate-limiter-flexible", () => import("rate-limiter-flexible"));
for (const [name, connect] of Object.entries(CLIENTS)) {
  if (flexible.missing !== undefined) {
    rows.push({ id: name, label: `with ${name}`, missing: flexible.missing });
    continue;
  }
  const { RateLimiterRedis } = flexible.module.default ?? flexible.module;
  const [client, theirClient] = [await connect(server.port), await connect(server.port)];
  const clients = [client, theirClient];
  const theirs = (keyPrefix, options) => {
    const limiter = new RateLimiterRedis({
      storeClient: theirClient,
      useRedisPackage: name === "redis",
      keyPrefix,
      ...options,
    });
    const refused = (reason) => {
      if (reason instanceof Error) throw reason;
    };
    return (key) => limiter.consume(key).catch(refused);
  };
  const many = { points: 1e9, duration: 1000 };
  const none = { points: 1, duration: 10_000 };
  const blocked = { ...none, inMemoryBlockOnConsumed: 1 };
  const lease = { tokens: 100, maxAge: "1s" };
  const cases = [
    { id: "hot", label: "one hot key", min: 5, times: 2, subject: PLENTY, other: many },
    {
      id: "lease",
      label: "one hot key, leases of 100",
      min: 7,
      times: 2,
      subject: { ...PLENTY, lease },
      other: many,
    },
    { id: "keys", label: "10,000 random keys", min: 1.3, keys: 10_000, subject: PLENTY, other: many },
    { id: "refused", label: "a refused flood", min: 50, times: 20, subject: NOTHING, other: none },
    {
      id: "blocked",
      label: "the same, beside their block in memory",
      min: 4,
      times: 10,
      subject: NOTHING,
      other: blocked,
    },
  ];
  if (name === "ioredis") {
    // Of a cluster each key may be on another node; a client that says it is one gets a call for each.
    const cluster = await connect(server.port);
    cluster.isCluster = true;
    clients.push(cluster);
    const label = "10,000 keys, a call for each as in a cluster";
    cases.push({
      id: "cluster",
      label,
      min: 0.65,
      keys: 10_000,
      subject: PLENTY,
      other: many,
      from: cluster,
    });
  }
  for (const { id, label, min, keys = 1, times = 1, subject, other, from = client } of cases) {
    const value = await faster(keys, ours(from, id, subject), theirs(id, other), times);
    rows.push({ id: `${name}-${id}`, label: `${name}: ${label}, calls a second`, value, unit: "x", min });
  }
  for (const limiter of limiters.splice(0)) await limiter.close();
  for (const one of clients) await one.disconnect();
}

const client = await CLIENTS.ioredis(server.port);
const circuit = new shared.SharedCircuitBreaker({ client, name: "bench" });
const local = new CircuitBreaker({ name: "bench" });
const work = async () => 1;
await circuit.execute(work);
const before = await server.command("INFO", "commandstats");
const calls = (breaker) => async (n) => {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += await breaker.execute(work);
  return sum;
};
const times = await measure({ local: calls(local), shared: calls(circuit) }, { size: 10_000 });
const evaluations = (text) => Number(/cmdstat_evalsha:calls=(\d+)/.exec(String(text))?.[1] ?? 0);
const asked = evaluations(await server.command("INFO", "commandstats")) - evaluations(before);
rows.push(
  {
    id: "circuit",
    label: "a healthy call of the shared breaker / the local one's",
    value: median(times.shared.map((time, batch) => time / times.local[batch])),
    unit: "x",
    max: 1.3,
  },
  { id: "asked", label: "times the server was asked meanwhile", value: asked, unit: "", max: 5 },
);
await circuit.close();

const registry = new shared.HeartbeatRegistry({ client, service: "bench" });
const beat = (index) => {
  const sink = new shared.RedisHeartbeatSink({
    client,
    service: "bench",
    instance: `i${index}`,
    expire: "1m",
  });
  return sink;
};
rows.push(await list(registry, beat));
await registry.close?.();
client.disconnect();
await server.stop();
report(rows);
process.exit();

/** Milliseconds for a list of a thousand instances. */
async function list(registryOfMany, sinkOf) {
  const { Heartbeat } = await import("@kstlib/resilience");
  const beats = Array.from(
    { length: 1000 },
    (_, index) => new Heartbeat({ sinks: [sinkOf(index)], interval: 60 }),
  );
  for (const one of beats) one.start();
  while ((await registryOfMany.list()).length < 1000) await new Promise((resolve) => setTimeout(resolve, 20));
  const took = [];
  for (let round = 0; round < 21; round++) {
    const start = performance.now();
    await registryOfMany.list();
    took.push(performance.now() - start);
  }
  for (const one of beats) await one.stop();
  return { id: "list", label: "list of 1,000 instances", value: median(took), unit: "ms", max: 10 };
}
