import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { SharedRateLimiter } from "../../../src/redis/rate-limiter/shared-rate-limiter.js";
import { hasRedis, startServer } from "../servers/servers.js";

/** A linear congruential generator (Numerical Recipes), from 0 to 1. */
function drawFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe.skipIf(!hasRedis)("random requests of three instances", () => {
  test.each([1, 2, 3, 4])("are all decided, waiters in order, within the limit (seed %i)", async (seed) => {
    const draw = drawFrom(seed);
    const server = await startServer();
    const client = new Redis(server.port);
    onTestFinished(() => client.disconnect());
    const limits = { rate: 2000, burst: 20 } as const;
    const lease = seed === 4 ? { tokens: 5, maxAge: "20ms" as const } : undefined;
    const limiters = [1, 2, 3].map(
      () =>
        new SharedRateLimiter({
          client,
          name: "api",
          ...limits,
          lease,
          onStoreError: "closed",
          storeTimeout: 10,
        }),
    );
    await limiters[0]?.timeUntilToken();
    const begin = performance.now();
    let admitted = 0;
    const work: Promise<unknown>[] = [];
    const ordersOf = limiters.map((): number[] => []);
    for (let step = 0; step < 600; step++) {
      const at = Math.floor(draw() * 3);
      const limiter = limiters[at];
      const order = ordersOf[at];
      if (limiter === undefined || order === undefined) throw new Error("there are three");
      const cost = draw() < 0.7 ? 1 : Math.ceil(draw() * 6) / 2;
      const kind = draw();
      const took = (): void => {
        admitted += cost;
      };
      if (kind < 0.3) {
        work.push(limiter.tryAcquire(cost).then((isGranted) => isGranted && took()));
      } else if (kind < 0.4) {
        const controller = new AbortController();
        setImmediate(() => controller.abort());
        work.push(limiter.acquire({ cost, signal: controller.signal }).then(took, () => {}));
      } else if (kind < 0.5) {
        work.push(limiter.acquire({ cost, timeout: draw() / 100 }).then(took, () => {}));
      } else if (kind < 0.6) {
        work.push(
          limiter.reserve(cost).then(
            (reservation) => reservation.cancel(),
            () => {},
          ),
        );
      } else {
        const wait = async (): Promise<void> => {
          await limiter.acquire({ cost });
          took();
          order.push(step);
        };
        work.push(wait());
      }
      if (draw() < 0.2) await new Promise(setImmediate);
    }
    await Promise.all(work);
    const elapsed = performance.now() - begin;
    const ahead = lease === undefined ? 0 : 20;
    expect(admitted).toBeLessThanOrEqual(limits.burst + (limits.rate * (elapsed + ahead)) / 1000);
    for (const order of ordersOf) expect(order).toEqual(order.toSorted((one, other) => one - other));
    expect(limiters.map(({ stats }) => stats.queued)).toEqual([0, 0, 0]);
    await Promise.all(limiters.map((limiter) => limiter.close()));
  });
});
