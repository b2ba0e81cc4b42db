import { Cluster } from "ioredis";
import { createCluster } from "redis";
import { describe, expect, onTestFinished, test } from "vitest";
import { storeClient } from "../../../src/redis/store/client.js";
import { clusterSlot } from "../../../src/redis/store/cluster-slot.js";
import { SharedKeyedRateLimiter } from "../../../src/redis/rate-limiter/shared-keyed-rate-limiter.js";
import { hasRedis, startCluster } from "../servers/servers.js";

type Ports = readonly { readonly port: number }[];

const clients = {
  "ioredis 6": async (nodes: Ports) => {
    const client = new Cluster(nodes.map(({ port }) => ({ host: "127.0.0.1", port })));
    onTestFinished(() => client.disconnect());
    return client;
  },
  "redis 6": async (nodes: Ports) => {
    const client = createCluster({
      rootNodes: nodes.map(({ port }) => ({ url: `redis://127.0.0.1:${port}` })),
    });
    client.on("error", () => {});
    await client.connect();
    onTestFinished(() => client.destroy());
    return client;
  },
};

test("a key's slot is that of what stands in its first braces", () => {
  // From the specification of the cluster, and the server's own CLUSTER KEYSLOT.
  expect(clusterSlot("123456789")).toBe(0x31c3);
  expect(clusterSlot("kstlib:limiter:{123456789}:0")).toBe(0x31c3);
  expect(clusterSlot("foo{}{bar}")).toBe(clusterSlot("foo{}{bar}"));
  expect(clusterSlot("{user1000}.following")).toBe(clusterSlot("user1000"));
  expect(clusterSlot("foo{{bar}}zap")).toBe(clusterSlot("{bar"));
});

describe.skipIf(!hasRedis).each(Object.entries(clients))(
  "a shared limiter on a cluster by %s",
  (_name, connect) => {
    test("has each key on its node, tiers together, and goes on at others while one is frozen", async () => {
      const { nodes } = await startCluster();
      const client = await connect(nodes);
      const tiers = [
        { rate: 2, per: "1h" },
        { rate: 3, per: "2h" },
      ] as const;
      const options = { client, name: "clients", tiers, onStoreError: "closed", storeTimeout: 1 } as const;
      const limiter = new SharedKeyedRateLimiter(options);
      onTestFinished(() => limiter.close());
      const keys = Array.from({ length: 30 }, (_, key) => `key ${key}`);
      const granted = await Promise.all([...keys, ...keys, ...keys].map((key) => limiter.tryAcquire(key)));
      expect(granted.filter(Boolean)).toHaveLength(60);

      const store = storeClient(client);
      const placeOf = (key: string): string => store.nodeOf?.(`kstlib:limiter:{clients:${key}}:0`) ?? "";
      const more = Array.from({ length: 60 }, (_, key) => `more ${key}`);
      const places = new Set(more.map(placeOf));
      expect(places.size).toBe(3);
      const [frozen = ""] = places;
      const node = nodes.find(({ port }) => frozen.endsWith(`:${port}`));
      node?.freeze();
      const outcomes = await Promise.allSettled(more.map((key) => limiter.tryAcquire(key)));
      const failed = more.filter((_, at) => outcomes[at]?.status === "rejected");
      expect(failed).toEqual(more.filter((key) => placeOf(key) === frozen));
      expect(failed.length).toBeGreaterThan(0);
      node?.thaw();
    });
  },
);
