import { Redis } from "ioredis";
import { afterAll, describe, expect, test } from "vitest";
import { SharedKeyedRateLimiter } from "../../../src/redis/rate-limiter/shared-keyed-rate-limiter.js";
import { SharedRateLimiter } from "../../../src/redis/rate-limiter/shared-rate-limiter.js";

// It never connects.
const client = new Redis({ lazyConnect: true });
afterAll(() => client.disconnect());

const bad = [NaN, -1, 0, -Infinity, null, "x", {}, [], true] as const;

describe.each([
  ["SharedRateLimiter", SharedRateLimiter],
  ["SharedKeyedRateLimiter", SharedKeyedRateLimiter],
] as const)("the options of %s", (_name, Limiter) => {
  const make = (options: object): unknown => new Limiter({ client, name: "api", ...options });

  test.each(["rate", "per", "burst", "storeTimeout", "localShare"])(
    "%s is named when it is wrong",
    (option) => {
      for (const value of bad) {
        expect(() => make({ [option]: value }), JSON.stringify(value)).toThrow(
          new RegExp(`^${option} must be `),
        );
      }
    },
  );

  test.each([
    [{ rate: Infinity }, "rate"],
    [{ rate: 1e10 }, "rate, per and burst must let at most 1e9 tokens flow in a second"],
    [{ burst: 1e300 }, "rate, per and burst must"],
    [{ maxQueue: -1 }, "maxQueue must be a whole number of at least 0; got -1."],
    [{ maxQueue: 1.5 }, "maxQueue must be"],
    [{ onStoreError: "maybe" }, 'onStoreError must be one of "open", "closed", "local"; got "maybe".'],
    [{ keyPrefix: 7 }, "keyPrefix must be a string that is not empty; got 7."],
    [{ client: undefined }, "client must be a client of redis (4 or newer), ioredis"],
    [{ client: {} }, "client must be a client of redis (4 or newer), ioredis"],
    [
      { name: undefined },
      "name must be a string that is not empty, the same in all instances; got undefined.",
    ],
    [{ name: "" }, "name must be a string that is not empty"],
    [{ clock: {} }, "clock must be"],
    [{ tiers: [] }, "tiers must be an array of 1 to 8 objects with rate, per and burst; got an array."],
    [{ tiers: [{ rate: -1 }] }, "rate must be"],
    [{ tiers: [{ rates: 1 }] }, "rates"],
    [{ tiers: [null] }, "tiers[0] must be a plain object; got null."],
    [{ tiers: [{ rate: 1 }], rate: 2 }, "tiers has the limits, but rate is given as well."],
    [{ lease: {} }, "lease.tokens must be a whole number of at least 2; got undefined."],
    [{ lease: { tokens: 1 } }, "tokens must be a whole number of at least 2; got 1."],
    [{ lease: 7 }, "lease must be a plain object; got 7."],
    [{ lease: { tokens: 11 } }, "lease.tokens must be a whole number up to the burst of 10; got 11."],
    [{ limit: 7 }, "limit"],
  ])("%o is refused", (options, message) => {
    expect(() => make(options)).toThrow(message);
  });

  test("accepts them all together", () => {
    const options = {
      rate: 1e6,
      per: "365d",
      burst: 1e6,
      lease: { tokens: 100, maxAge: "100ms" },
      storeTimeout: "1s",
      onStoreError: "local",
      localShare: 12,
      maxQueue: 10,
      keyPrefix: "app:",
    };
    expect(make(options)).toMatchObject({ name: "api", rate: 1e6, burst: 1e6, maxQueue: 10 });
  });
});

describe("requests that make no sense", () => {
  test.each([NaN, 0, -1, Infinity, null, "1", {}])("a cost of %o is refused", async (cost) => {
    const limiter = new SharedRateLimiter({ client, name: "api" });
    const message = "cost must be a number above 0, up to the burst of 10";
    await expect(limiter.tryAcquire(cost as number)).rejects.toThrow(message);
    await expect(limiter.acquire({ cost: cost as number })).rejects.toThrow(message);
    await expect(limiter.reserve(cost as number)).rejects.toThrow(message);
    await expect(limiter.timeUntilToken(cost as number)).rejects.toThrow(message);
    await limiter.close();
  });

  test("a cost above the burst is told apart", async () => {
    const limiter = new SharedRateLimiter({ client, name: "api", rate: 5 });
    await expect(limiter.tryAcquire(6)).rejects.toMatchObject({ code: "ERR_RATE_LIMIT_COST" });
    expect(() => limiter.update({ rate: 0 })).toThrow("rate must be");
    expect(() => limiter.pauseFor("soon" as "1s")).toThrow("duration must be");
    await limiter.close();
  });
});
