// What docs/migrating says "may surprise": both sides, with the real other package.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import Bottleneck from "bottleneck";
import * as cockatiel from "cockatiel";
import express from "express";
import { rateLimit as expressRateLimit } from "express-rate-limit";
import * as limiter from "limiter";
import OpossumBreaker from "opossum";
import pRetry from "p-retry";
import { RateLimiterMemory } from "rate-limiter-flexible";
import { describe, expect, test } from "vitest";
import { rateLimit } from "../../src/http/index.js";
import {
  Bulkhead,
  CircuitBreaker,
  CircuitOpenError,
  failureRate,
  KeyedRateLimiter,
  type Outcome,
  pipeline,
  RateLimiter,
  resilient,
  Retry,
} from "../../src/index.js";
import { ManualClock } from "../../src/testing/index.js";

const failing = (): Promise<never> => Promise.reject(new Error("down"));
const ignored = (): void => {};

describe("opossum", () => {
  test("opens above the threshold; here at it", async () => {
    const theirs = new OpossumBreaker(async (fails: boolean) => fails && failing(), { volumeThreshold: 2 });
    const ours = new CircuitBreaker({
      trip: failureRate({ threshold: 0.5, window: { duration: "10s" }, minCalls: 2 }),
    });
    for (const fails of [false, true]) {
      await theirs.fire(fails).catch(ignored);
      await ours.call(async () => fails && failing()).catch(ignored);
    }
    expect(theirs.opened).toBe(false);
    expect(ours.state).toBe("open");
    theirs.shutdown();
  });

  test("does not call the fallback for a filtered error; here it is called", async () => {
    const theirs = new OpossumBreaker(failing, { errorFilter: () => true });
    theirs.fallback(() => "instead");
    await expect(theirs.fire()).rejects.toThrow("down");
    const ours = resilient({ fallback: { to: "instead" }, circuitBreaker: { isFailure: () => false } });
    expect(await ours.call(failing)).toBe("instead");
    theirs.shutdown();
  });

  test("counts a full limit as a failure; here it is none", async () => {
    const theirs = new OpossumBreaker(() => sleep(20), { capacity: 1 });
    await Promise.allSettled([theirs.fire(), theirs.fire()]);
    expect(theirs.stats.failures).toBe(1);
    const ours = resilient({ circuitBreaker: true, bulkhead: { maxConcurrent: 1 } });
    await Promise.allSettled([ours.call(() => sleep(20)), ours.call(() => sleep(20))]);
    expect(ours.circuitBreaker.stats).toMatchObject({ failedCalls: 0, ignoredCalls: 1 });
    theirs.shutdown();
  });
});

describe("cockatiel", () => {
  const open = async (): Promise<cockatiel.CircuitBreakerPolicy> => {
    const breaker = cockatiel.circuitBreaker(cockatiel.handleAll, {
      halfOpenAfter: 20,
      breaker: new cockatiel.ConsecutiveBreaker(1),
    });
    await breaker.execute(failing).catch(ignored);
    return breaker;
  };

  test("retries against an open circuit; here the retry ends", async () => {
    const theirs = cockatiel.retry(cockatiel.handleAll, { maxAttempts: 2 });
    const ours = new Retry({ attempts: 3, delay: 0 });
    let [retries, attempts] = [0, 0];
    theirs.onRetry(() => retries++);
    const isolated = cockatiel.circuitBreaker(cockatiel.handleAll, {
      halfOpenAfter: 1e6,
      breaker: new cockatiel.ConsecutiveBreaker(1),
    });
    isolated.isolate();
    await cockatiel.wrap(theirs, isolated).execute(ignored).catch(ignored);
    expect(retries).toBe(2);
    const breaker = new CircuitBreaker();
    breaker.isolate();
    breaker.on("rejected", () => attempts++);
    await pipeline(ours, breaker).call(ignored).catch(ignored);
    expect(attempts).toBe(1);
  });

  test("lets calls wait for the probe; here they are refused", async () => {
    const theirs = await open();
    await sleep(40);
    const probed: string[] = [];
    const probe = theirs.execute(() => sleep(20)).then(() => probed.push("probe"));
    await theirs.execute(() => probed.push("second"));
    await probe;
    expect(probed).toContain("second");
    const clock = new ManualClock();
    const ours = new CircuitBreaker({ maxFailures: 1, resetTimeout: 1, clock });
    await ours.call(failing).catch(ignored);
    await clock.advance(1);
    const pending = ours.call(() => sleep(20));
    await expect(ours.call(ignored)).rejects.toThrow(CircuitOpenError);
    await pending;
  });

  test("is closed by an error that it does not handle; here by one that is no failure", async () => {
    const theirs = cockatiel.circuitBreaker(cockatiel.handleType(RangeError), {
      halfOpenAfter: 20,
      breaker: new cockatiel.ConsecutiveBreaker(1),
    });
    await theirs.execute(() => Promise.reject(new RangeError())).catch(ignored);
    await sleep(40);
    await theirs.execute(failing).catch(ignored);
    expect(theirs.state).toBe(cockatiel.CircuitState.Closed);
    for (const [options, state] of [
      [{ isFailure: ({ reason }: Outcome) => reason instanceof RangeError }, "closed"],
      [{ excludedErrors: [(reason: unknown) => !(reason instanceof RangeError)] }, "half-open"],
    ] as const) {
      const clock = new ManualClock();
      const ours = new CircuitBreaker({ maxFailures: 1, resetTimeout: 1, clock, ...options });
      await ours.call(() => Promise.reject(new RangeError())).catch(ignored);
      await clock.advance(1);
      await ours.call(failing).catch(ignored);
      expect(ours.state).toBe(state);
    }
  });

  test("rejects with the last error when it is aborted in a delay; here with the reason, at once", async () => {
    const backoff = new cockatiel.ConstantBackoff(20);
    const theirs = cockatiel.retry(cockatiel.handleAll, { maxAttempts: 9, backoff });
    const ours = new Retry({ attempts: 9, delay: "20s" });
    const [first, second] = [new AbortController(), new AbortController()];
    theirs.onRetry(() => first.abort(new Error("enough")));
    ours.on("retry", () => setImmediate(() => second.abort(new Error("enough"))));
    await expect(theirs.execute(failing, first.signal)).rejects.toThrow("down");
    await expect(ours.execute(failing, { signal: second.signal })).rejects.toThrow("enough");
  });
});

test("p-retry retries programming mistakes but TypeErrors, and makes errors of other values", async () => {
  const wrong = (): never => {
    attempts++;
    throw new RangeError("wrong");
  };
  let attempts = 0;
  await pRetry(wrong, { retries: 1, minTimeout: 0 }).catch(ignored);
  expect(attempts).toBe(2);
  attempts = 0;
  const ours = new Retry({ attempts: 2, delay: 0 });
  await ours.call(wrong).catch(ignored);
  expect(attempts).toBe(1);
  await expect(pRetry(() => Promise.reject("text"), { retries: 0 })).rejects.toThrow(TypeError);
  await expect(ours.call(() => Promise.reject("text"))).rejects.toBe("text");
});

test("bottleneck: a retry keeps its place; here it queues again", async () => {
  const order: string[] = [];
  const job = (name: string) => {
    let isFirst = true;
    return async () => {
      order.push(name);
      if (name === "a" && isFirst) {
        isFirst = false;
        throw new Error("again");
      }
    };
  };
  const theirs = new Bottleneck({ maxConcurrent: 1 });
  theirs.on("failed", () => 1);
  await Promise.all([theirs.schedule(job("a")), theirs.schedule(job("b"))]);
  expect(order.splice(0)).toEqual(["a", "a", "b"]);
  const ours = pipeline(new Retry({ delay: 0 }), new Bulkhead({ maxConcurrent: 1, maxQueue: 9 }));
  await Promise.all([ours.call(job("a")), ours.call(job("b"))]);
  expect(order).toEqual(["a", "b", "a"]);
});

test("limiter: a bucket is empty at first, and too much is false; here it is full, and an error", () => {
  const theirs = new limiter.TokenBucket({ bucketSize: 5, tokensPerInterval: 5, interval: "hour" });
  expect([theirs.content, theirs.tryRemoveTokens(6)]).toEqual([0, false]);
  const ours = new RateLimiter({ rate: 5, per: "1h" });
  expect(ours.tokens).toBe(5);
  expect(() => ours.tryAcquire(6)).toThrow(expect.objectContaining({ code: "ERR_RATE_LIMIT_COST" }));
});

test("rate-limiter-flexible: points come back together; here one after the other", async () => {
  const theirs = new RateLimiterMemory({ points: 3, duration: 60 });
  const clock = new ManualClock();
  const ours = new KeyedRateLimiter({ rate: 3, per: "60s", clock });
  await theirs.consume("ada", 3);
  ours.tryAcquire("ada", 3);
  const left = await theirs.get("ada");
  expect(left?.msBeforeNext).toBeGreaterThan(40_000);
  expect(ours.timeUntilToken("ada")).toBe(20);
});

test("express-rate-limit believes Express's trust proxy; here only the option counts", async () => {
  const app = express().set("trust proxy", 1);
  app.use("/theirs", expressRateLimit({ limit: 1 }));
  app.use("/ours", rateLimit({ limits: [{ rate: 1, per: "1h" }] }));
  app.use("/told", rateLimit({ limits: [{ rate: 1, per: "1h" }], trustProxy: 1 }));
  app.use((_request, response) => void response.send("hello"));
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const statuses = async (path: string): Promise<readonly number[]> => {
      const told: number[] = [];
      for (const address of ["192.0.2.1", "192.0.2.2"]) {
        const headers = { "x-forwarded-for": address };
        told.push((await fetch(`http://127.0.0.1:${port}/${path}`, { headers })).status);
      }
      return told;
    };
    expect(await statuses("theirs")).toEqual([200, 200]);
    expect(await statuses("ours")).toEqual([200, 429]);
    expect(await statuses("told")).toEqual([200, 200]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
