import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { SharedRateLimiter } from "../../../src/redis/rate-limiter/shared-rate-limiter.js";
import type { SharedLease } from "../../../src/redis/rate-limiter/shared-options.js";
import { ManualClock } from "../../../src/testing/index.js";
import { hasRedis, startServer } from "../servers/servers.js";
import { timedClient } from "./timed-client.js";

/** A client whose answers arrive when `release` is called. */
function slow(client: object): {
  readonly client: object;
  readonly answered: Promise<void>;
  readonly release: () => void;
} {
  let [release, tell] = [() => {}, () => {}];
  const released = new Promise<void>((resolve) => (release = resolve));
  const answered = new Promise<void>((resolve) => (tell = resolve));
  const evaluate = Reflect.get(client, "eval") as (...args: unknown[]) => Promise<unknown>;
  const slowly = async (...args: unknown[]): Promise<unknown> => {
    const reply = await evaluate(...args);
    tell();
    await released;
    return reply;
  };
  return { client: { ...client, eval: slowly }, answered, release };
}

describe.skipIf(!hasRedis)("tokens taken ahead", () => {
  test("are not used when they are older than they may be, however slow the answer was", async () => {
    const server = await startServer();
    const connection = new Redis(server.port);
    onTestFinished(() => connection.disconnect());
    const clock = new ManualClock();
    const make = (client: object, lease?: SharedLease): SharedRateLimiter => {
      const limiter = new SharedRateLimiter({
        client,
        clock,
        name: "api",
        rate: 10,
        per: "1h",
        lease,
        storeTimeout: 10,
        onStoreError: "closed",
      });
      onTestFinished(() => limiter.close());
      return limiter;
    };
    const { client, answered, release } = slow(timedClient(connection, clock));
    const limiter = make(client, { tokens: 9, maxAge: 1 });
    const other = make(timedClient(connection, clock));
    const first = limiter.tryAcquire();
    await answered;
    await clock.advance(0.9);
    release();
    expect(await first).toBe(true);
    expect(await limiter.tryAcquire()).toBe(true);
    expect(await other.tokens()).toBeLessThan(1);
    await clock.advance(0.1);
    // A second after they were taken, all but the two used are back.
    await expect.poll(() => other.tokens()).toBeCloseTo(8, 1);
  });
});
