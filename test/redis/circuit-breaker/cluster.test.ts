import { Cluster } from "ioredis";
import { createCluster } from "redis";
import { describe, expect, onTestFinished, test } from "vitest";
import { SharedCircuitBreaker } from "../../../src/redis/circuit-breaker/shared-circuit-breaker.js";
import { failuresWithin } from "../../../src/circuit-breaker/rates.js";
import { hasRedis, startCluster } from "../servers/servers.js";
import { outcome, until } from "./instances.js";

describe.skipIf(!hasRedis)("a shared circuit in a cluster", () => {
  test("is one for the clients of all nodes, also by a rule over all calls", async () => {
    const cluster = await startCluster();
    const [node] = cluster.nodes;
    const port = node?.port ?? 0;
    const ours = new Cluster([{ host: "127.0.0.1", port }]);
    const theirs = createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${port}` }] });
    theirs.on("error", () => {});
    await theirs.connect();
    onTestFinished(() => {
      ours.disconnect();
      theirs.destroy();
    });
    for (const options of [
      { name: "in {a} row" },
      { name: "rule", trip: failuresWithin({ failures: 3, duration: "10s" }) },
    ]) {
      const [one, other] = [ours, theirs].map(
        (client) => new SharedCircuitBreaker({ client, maxFailures: 3, resetTimeout: "200ms", ...options }),
      );
      if (one === undefined || other === undefined) throw new Error("no instances");
      onTestFinished(async () => {
        await one.close();
        await other.close();
      });
      await until(() => one.isShared && other.isShared);
      const states: string[] = [];
      one.on("stateChange", ({ to }) => states.push(to));
      for (let call = 0; call < 3; call++) await outcome(one);
      await until(() => states.includes("open"));
      await until(() => other.state === "half-open");
      expect(await outcome(other, () => 1)).toBe("success");
      await until(() => one.state === "closed" && other.state === "closed");
      expect(states).toEqual(["open", "half-open", "closed"]);
    }
  });
});
