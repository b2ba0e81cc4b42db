import { describe, expect, onTestFinished, test } from "vitest";
import { spread } from "../../bench/fleet/circuit.mjs";
import { limited } from "../../bench/fleet/limit.mjs";
import { Backend, clientOf, Server } from "../../bench/fleet/server.mjs";
import { World } from "../../bench/fleet/world.mjs";
import { seeded } from "../../bench/simulations/overload.mjs";
import { SharedCircuitBreaker } from "../../src/redis/circuit-breaker/shared-circuit-breaker.js";
import { SharedRateLimiter } from "../../src/redis/rate-limiter/shared-rate-limiter.js";
import type { SharedRateLimiterOptions } from "../../src/redis/rate-limiter/shared-options.js";
import { hasRedis, startServer } from "./servers/servers.js";

/** One simulated server, and what a scenario needs of it. */
async function simulated() {
  const { port } = await startServer();
  const world = new World();
  const random = seeded(3);
  const backend = new Backend(port);
  onTestFinished(() => backend.close());
  const servers = [new Server(world, random, backend)];
  const network = { world, servers, backend, slots: [], slotOf: () => 0 };
  const clientFor = (instance: object) => clientOf(instance, network);
  return { world, random, servers, clientFor };
}

describe.skipIf(!hasRedis)("a simulated fleet", () => {
  test("knows everywhere of a circuit that one of 50 instances has opened", async () => {
    const { known, last } = await spread({ ...(await simulated()), count: 50, SharedCircuitBreaker });
    expect(known).toBe(50);
    expect(last).toBeGreaterThan(0);
    expect(last).toBeLessThan(50);
  });

  test.each([
    ["asks for each request", {}, 1],
    ["takes leases", { lease: { tokens: 10, maxAge: "1s" } }, 2.1 / 1.1],
  ] as const)(
    "of 20 instances, some of which crash, is admitted what the limit allows when it %s",
    async (_, mode, bound) => {
      const make = (options: SharedRateLimiterOptions) => new SharedRateLimiter({ ...options, ...mode });
      const scenario = { count: 20, load: 1.5, seconds: 3, make };
      const { used, worst, undecided } = await limited({ ...(await simulated()), ...scenario });
      expect(used).toBeGreaterThan(0.95);
      expect(worst).toBeLessThanOrEqual(bound);
      expect(undecided).toBe(0);
    },
  );
});
