// What docs/migrating says of limits "may surprise": both sides, with the real other package.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import Bottleneck from "bottleneck";
import express from "express";
import { rateLimit as expressRateLimit } from "express-rate-limit";
import * as limiter from "limiter";
import { RateLimiterMemory } from "rate-limiter-flexible";
import { expect, test } from "vitest";
import { rateLimit } from "../../src/http/index.js";
import { Bulkhead, KeyedRateLimiter, pipeline, RateLimiter, Retry, Timeout } from "../../src/index.js";
import { ManualClock } from "../../src/testing/index.js";

const ignored = (): void => {};

function deferred(): { readonly promise: Promise<void>; resolve(): void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((fulfil) => (resolve = fulfil));
  return { promise, resolve: () => resolve() };
}

test.each([
  { cooperative: false, what: "frees its place at once, as there" },
  { cooperative: true, what: "keeps its place until it has really ended" },
])("bottleneck: a job whose time is over $what, if cooperative is $cooperative", async ({ cooperative }) => {
  const began: string[] = [];
  const ending = deferred();
  const job = (name: string, until: Promise<unknown>) => async (): Promise<void> => {
    began.push(name);
    await until;
  };
  const theirs = new Bottleneck({ maxConcurrent: 1 });
  await theirs.schedule({ expiration: 1 }, job("theirs", ending.promise)).catch(ignored);
  await theirs.schedule(job("next", Promise.resolve()));
  expect(began.splice(0)).toEqual(["theirs", "next"]);

  const clock = new ManualClock();
  const bulkhead = new Bulkhead({ maxConcurrent: 1, clock });
  const ours = pipeline(bulkhead, new Timeout({ timeout: 1, cooperative, clock }));
  const first = ours.call(job("ours", ending.promise)).catch(ignored);
  await clock.advance(1);
  expect(bulkhead.running).toBe(cooperative ? 1 : 0);
  ending.resolve();
  await first;
  expect(bulkhead.running).toBe(0);
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

test("rate-limiter-flexible: a refused request takes points, and a block ends full; here neither", async () => {
  const theirs = new RateLimiterMemory({ points: 1, duration: 60 });
  const clock = new ManualClock();
  const ours = new KeyedRateLimiter({ rate: 1, per: "60s", clock });
  for (let request = 1; request <= 3; request++) {
    await theirs.consume("ada").catch(ignored);
    ours.tryAcquire("ada");
  }
  expect((await theirs.get("ada"))?.consumedPoints).toBe(3);
  expect(ours.timeUntilToken("ada")).toBe(60);
  await expect(theirs.consume("bob", 2)).rejects.toMatchObject({ consumedPoints: 2 });
  expect(() => ours.tryAcquire("bob", 2)).toThrow(expect.objectContaining({ code: "ERR_RATE_LIMIT_COST" }));
  ours.block("ada", 30);
  await clock.advance(30);
  expect(ours.tokens("ada")).toBe(0.5);
});

test("bottleneck drops the oldest job of a full queue; here the newest is refused", async () => {
  const ending = deferred();
  const done: string[] = [];
  const run = (call: (fn: () => Promise<void>) => Promise<void>): Promise<unknown> =>
    Promise.all(
      ["first", "second", "third"].map((name) =>
        call(() => ending.promise).then(
          () => done.push(name),
          () => done.push(`no ${name}`),
        ),
      ),
    );
  const theirs = new Bottleneck({ maxConcurrent: 1, highWater: 1 });
  const ours = new Bulkhead({ maxConcurrent: 1, maxQueue: 1 });
  const all = [run((fn) => theirs.schedule(fn)), run((fn) => ours.call(fn))];
  await new Promise((resolve) => theirs.once("dropped", resolve));
  ending.resolve();
  await all[0];
  await all[1];
  expect(done.toSorted()).toEqual(["first", "first", "no second", "no third", "second", "third"]);
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
