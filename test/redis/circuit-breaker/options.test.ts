import { describe, expect, test } from "vitest";
import { SharedCircuitBreaker } from "../../../src/redis/circuit-breaker/shared-circuit-breaker.js";

/** What a client must have, and nothing behind it. */
const client = {
  status: "end",
  evalsha: () => Promise.reject(new Error("away")),
  eval: () => Promise.reject(new Error("away")),
  duplicate: () => {
    throw new Error("away");
  },
};

async function errorOf(options: object): Promise<unknown> {
  try {
    await new SharedCircuitBreaker(Object.assign({ client, name: "api" }, options)).close();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("the options of a shared circuit", () => {
  test.each([
    [{ client: undefined }, "TypeError: client must be"],
    [{ client: {} }, "TypeError: client must be"],
    [{ client: null }, "TypeError: client must be"],
    [{ name: undefined }, "TypeError: name must be a string that is not empty"],
    [{ name: "" }, "RangeError: name must be a string that is not empty"],
    [{ keyPrefix: 1 }, "TypeError: keyPrefix must be a string"],
    [{ storeTimeout: 0 }, "RangeError: storeTimeout must be a duration above 0"],
    [{ storeTimeout: NaN }, "RangeError: storeTimeout must be"],
    [{ maxAge: -1 }, "RangeError: maxAge must be"],
    [{ maxAge: null }, "TypeError: maxAge must be"],
    [{ lease: Infinity }, "RangeError: lease must be"],
    [{ lease: "100ms" }, "RangeError: lease must be longer than storeTimeout (250 ms)"],
    [{ quorum: 0 }, "RangeError: quorum must be a whole number from 1 to 100"],
    [{ quorum: 1.5 }, "RangeError: quorum must be"],
    [{ quorum: "2" }, "TypeError: quorum must be"],
    [{ clock: { now: () => 0 } }, "RangeError: clock must be a clock with now, wallNow, setTimer"],
    [
      { halfOpenMaxCalls: 2000 },
      "RangeError: halfOpenMaxCalls of a SharedCircuitBreaker must be at most 1000",
    ],
    [
      { halfOpen: { calls: 2000, failureRate: 0.5 } },
      "RangeError: halfOpen.calls of a SharedCircuitBreaker must be at most 1000",
    ],
    [{ maxFailures: 0 }, "RangeError: maxFailures must be"],
    [{ quorums: 2 }, "TypeError: "],
  ])("%j: %s", async (options, message) => {
    expect(String(await errorOf(options))).toContain(message);
  });

  test("have defaults", async () => {
    const breaker = new SharedCircuitBreaker({ client, name: "api" });
    expect(breaker.maxFailures).toBe(5);
    expect(breaker.resetTimeout).toBe(60);
    expect(breaker.isShared).toBe(false);
    // The client is away: it decides alone.
    expect(await breaker.call(() => 1)).toBe(1);
    await breaker.close();
    // @ts-expect-error -- options are required.
    expect(() => new SharedCircuitBreaker()).toThrow(TypeError);
  });
});
