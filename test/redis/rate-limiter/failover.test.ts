import { setTimeout as sleep } from "node:timers/promises";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis-5";
import { Cluster, Redis } from "ioredis";
import { Cluster as ValkeyCluster, Redis as Iovalkey } from "iovalkey";
import { createCluster, createSentinel } from "redis";
import { createCluster as createCluster5, createSentinel as createSentinel5 } from "redis-5";
import { describe, expect, onTestFinished, test } from "vitest";
import { SharedKeyedRateLimiter, StoreError } from "../../../src/redis/index.js";
import { hasRedis, startCluster, startSentinel } from "../servers/servers.js";

interface Client {
  on(event: "error", listener: () => void): unknown;
  connect?(): Promise<unknown>;
  destroy?(): unknown;
  disconnect?(): unknown;
}

type Connect = (ports: readonly number[], name: string) => unknown;

const hosts = (ports: readonly number[]): { host: string; port: number }[] =>
  ports.map((port) => ({ host: "127.0.0.1", port }));

const urls = (ports: readonly number[]): { url: string }[] =>
  hosts(ports).map(({ host, port }) => ({ url: `redis://${host}:${port}` }));

const CLUSTERS: Readonly<Record<string, Connect>> = {
  "ioredis 5": (ports) => new Cluster5(hosts(ports), { lazyConnect: true }),
  "ioredis 6": (ports) => new Cluster(hosts(ports), { lazyConnect: true }),
  iovalkey: (ports) => new ValkeyCluster(hosts(ports), { lazyConnect: true }),
  "redis 6": (ports) =>
    createCluster({
      rootNodes: urls(ports),
      topologyRefreshOnReconnectionAttemptStrategy: 500,
    }),
};

/** It does not find the new primary, so that nothing is killed. That of version 4 now and then passes a MOVED on. */
const OLDER_CLUSTERS: Readonly<Record<string, Connect>> = {
  "redis 5": (ports) => createCluster5({ rootNodes: urls(ports) }),
};

const SENTINELS: Readonly<Record<string, Connect>> = {
  "ioredis 5": (ports, name) => new Redis5({ sentinels: hosts(ports), name, lazyConnect: true }),
  "ioredis 6": (ports, name) => new Redis({ sentinels: hosts(ports), name, lazyConnect: true }),
  iovalkey: (ports, name) => new Iovalkey({ sentinels: hosts(ports), name, lazyConnect: true }),
  "redis 5": (ports, name) => createSentinel5({ name, sentinelRootNodes: hosts(ports) }),
  "redis 6": (ports, name) => createSentinel({ name, sentinelRootNodes: hosts(ports) }),
};

async function connected(connect: Connect, ports: readonly number[], name = ""): Promise<object> {
  const client = connect(ports, name) as Client;
  client.on("error", () => {});
  onTestFinished(() => {
    try {
      if (client.destroy === undefined) client.disconnect?.();
      else client.destroy();
    } catch {}
  });
  await client.connect?.();
  return client;
}

/** Decides for 30 keys, all at once: how many were admitted, how many were not decided, and the longest time. */
async function round(
  limiter: SharedKeyedRateLimiter,
): Promise<{ admitted: number; failed: number; longest: number }> {
  let longest = 0;
  const decide = async (key: string): Promise<boolean | undefined> => {
    const begun = performance.now();
    try {
      return await limiter.tryAcquire(key);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return undefined;
    } finally {
      longest = Math.max(longest, performance.now() - begun);
    }
  };
  const all = await Promise.all(Array.from({ length: 30 }, (_, index) => decide(`user ${index}`)));
  return {
    admitted: all.filter((one) => one === true).length,
    failed: all.filter((one) => one === undefined).length,
    longest,
  };
}

/** Decides until all are admitted again; how long that took in seconds. */
async function recovered(limiter: SharedKeyedRateLimiter, since: number): Promise<number> {
  for (;;) {
    const { admitted } = await round(limiter);
    if (admitted === 30) return (performance.now() - since) / 1000;
    if (performance.now() - since > 25_000) throw new Error("it did not recover");
    await sleep(50);
  }
}

const limiterOf = (client: object): SharedKeyedRateLimiter => {
  const limiter = new SharedKeyedRateLimiter({
    client,
    name: "failover",
    rate: 1000,
    per: "1s",
    burst: 1000,
    onStoreError: "closed",
  });
  onTestFinished(() => limiter.close());
  return limiter;
};

describe.skipIf(!hasRedis)("a shared limiter", () => {
  test.each(Object.entries(CLUSTERS))(
    "outlives the primary of a node in a cluster, with %s",
    async (name, connect) => {
      const { nodes, ports } = await startCluster();
      const limiter = limiterOf(await connected(connect, ports));
      expect(await round(limiter)).toMatchObject({ admitted: 30, failed: 0 });
      const begun = performance.now();
      await nodes[0]?.kill9();
      const { admitted, longest } = await round(limiter);
      // The keys of the other nodes go on.
      expect(admitted).toBeGreaterThanOrEqual(8);
      const seconds = await recovered(limiter, begun);
      console.log(
        `cluster, ${name}: recovered ${seconds.toFixed(1)} s after the kill, longest decision ${longest.toFixed(0)} ms`,
      );
    },
  );

  test.each(Object.entries(OLDER_CLUSTERS))("decides in a cluster with %s", async (_name, connect) => {
    const { ports } = await startCluster();
    const limiter = limiterOf(await connected(connect, ports));
    expect(await round(limiter)).toMatchObject({ admitted: 30, failed: 0 });
  });

  test.each(Object.entries(SENTINELS))(
    "follows the sentinels to the new primary, with %s",
    async (name, connect) => {
      const { name: primaryName, primary, ports } = await startSentinel();
      const limiter = limiterOf(await connected(connect, ports, primaryName));
      expect(await round(limiter)).toMatchObject({ admitted: 30, failed: 0 });
      const begun = performance.now();
      await primary.kill9();
      const { longest } = await round(limiter);
      const seconds = await recovered(limiter, begun);
      console.log(
        `sentinel, ${name}: recovered ${seconds.toFixed(1)} s after the kill, longest decision ${longest.toFixed(0)} ms`,
      );
    },
  );
});
