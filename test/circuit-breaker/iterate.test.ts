import { Readable } from "node:stream";
import { runInNewContext } from "node:vm";
import { describe, expect, test, vi } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { circuitBreaker, circuitBreakerSync } from "../../src/circuit-breaker/decorators.js";
import { CircuitOpenError } from "../../src/circuit-breaker/errors.js";
import { rateLimiter, rateLimiterSync } from "../../src/rate-limiter/decorators.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { GracefulShutdown } from "../../src/shutdown/graceful-shutdown.js";
import { ManualClock } from "../../src/testing/index.js";
import { watchdogContext } from "../../src/watchdog/context.js";

const down = new Error("down");

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const failing = async function* (): AsyncGenerator<number> {
  yield 1;
  throw down;
};

describe("an iteration under a breaker", () => {
  test.each([
    [
      "a generator function",
      function* () {
        yield 1;
        yield 2;
      },
    ],
    [
      "an async generator function",
      async function* () {
        yield 1;
        yield 2;
      },
    ],
    ["a function that returns a stream", () => Readable.from([1, 2])],
    [
      "a function that returns a web stream",
      () => Readable.toWeb(Readable.from([1, 2])) as AsyncIterable<number>,
    ],
    ["an async function that returns an iterable", async () => new Set([1, 2])],
  ])("gives the items of %s and is one success at its end", async (_what, fn) => {
    const breaker = new CircuitBreaker();
    expect(await collect(breaker.iterate<[], unknown>(fn))).toEqual([1, 2]);
    expect(breaker.stats).toMatchObject({ totalCalls: 1, successfulCalls: 1 });
  });

  test("passes the arguments on", async () => {
    const count = function* (from: number, to: number): Generator<number> {
      for (let n = from; n <= to; n++) yield n;
    };
    expect(await collect(new CircuitBreaker().iterate(count, 2, 4))).toEqual([2, 3, 4]);
  });

  test.each([
    ["in the middle", failing],
    [
      "in a stream",
      () =>
        new Readable({
          read() {
            this.destroy(down);
          },
        }),
    ],
    ["before the first item", () => Promise.reject<Iterable<number>>(down)],
    [
      "when it is called",
      (): never => {
        throw down;
      },
    ],
  ])("is a failure when it fails %s", async (_where, fn) => {
    const breaker = new CircuitBreaker({ maxFailures: 1 });
    await expect(collect(breaker.iterate<[], unknown>(fn))).rejects.toBe(down);
    expect(breaker.stats).toMatchObject({ totalCalls: 1, failedCalls: 1 });
    expect(breaker.state).toBe("open");
  });

  test("is refused at its first next, and does not begin", async () => {
    const breaker = new CircuitBreaker();
    using _hold = breaker.isolate();
    const begin = vi.fn<typeof failing>(failing);
    await expect(breaker.iterate(begin).next()).rejects.toThrow(CircuitOpenError);
    expect(begin).not.toHaveBeenCalled();
    expect(breaker.stats).toMatchObject({ totalCalls: 1, rejectedCalls: 1 });
  });

  test("that is never started holds no permit", async () => {
    const breaker = new CircuitBreaker();
    const left = breaker.iterate(failing);
    expect(breaker.stats.totalCalls).toBe(0);
    await left.return();
    expect(await left.next()).toEqual({ done: true, value: undefined });
    expect(breaker.stats.totalCalls).toBe(0);
  });

  describe("whose consumer stops early", () => {
    const source = (ended: () => void) =>
      async function* (): AsyncGenerator<number> {
        try {
          for (let n = 1; ; n++) yield n;
        } finally {
          ended();
        }
      };

    test("ends the source and is a success, so that a half-open circuit closes", async () => {
      const clock = new ManualClock();
      const breaker = new CircuitBreaker({ maxFailures: 1, clock });
      await expect(collect(breaker.iterate(failing))).rejects.toBe(down);
      clock.sleepSync(60_000);
      const ended = vi.fn<() => void>();
      for await (const n of breaker.iterate(source(ended))) {
        expect(breaker.state).toBe("half-open");
        if (n === 3) break;
      }
      expect(ended).toHaveBeenCalledTimes(1);
      expect(breaker.state).toBe("closed");
    });

    test("by an error of its own has not seen a failure", async () => {
      const breaker = new CircuitBreaker();
      const ended = vi.fn<() => void>();
      const own = new Error("of the consumer");
      const consume = async (): Promise<void> => {
        for await (const n of breaker.iterate(source(ended))) if (n === 1) throw own;
      };
      await expect(consume()).rejects.toBe(own);
      const iteration = breaker.iterate(source(ended));
      await iteration.next();
      await expect(iteration.throw(own)).rejects.toBe(own);
      expect(ended).toHaveBeenCalledTimes(2);
      expect(breaker.stats).toMatchObject({ successfulCalls: 2, failedCalls: 0 });
    });

    test("does not destroy less than it has opened", async () => {
      const stream = Readable.from([1, 2, 3]);
      for await (const _item of new CircuitBreaker().iterate(() => stream)) break;
      expect(stream.destroyed).toBe(true);
    });
  });

  test("needs a function", () => {
    expect(() => new CircuitBreaker().iterate(5 as never)).toThrow(/^iterate needs a function; got 5/);
  });
});

describe("a function of a generator, which does nothing when it is called,", () => {
  const breaker = new CircuitBreaker();
  const limiter = new RateLimiter();
  const generators = [
    ["sync", function* () {}],
    ["async", async function* () {}],
    ["bound", (failing as (this: undefined) => unknown).bind(undefined)],
    ["of another realm", runInNewContext("(function* () {})") as () => Generator],
    ["of another realm, async,", runInNewContext("(async function* () {})") as () => AsyncGenerator],
  ] as const;
  const refusing: readonly (readonly [string, (fn: () => unknown) => unknown])[] = [
    ["call", (fn) => breaker.call(fn)],
    ["callSync", (fn) => breaker.callSync(fn)],
    ["wrap", (fn) => breaker.wrap(fn)],
    ["wrapSync", (fn) => breaker.wrapSync(fn)],
    ["execute", (fn) => breaker.execute(fn)],
    ["circuitBreaker", (fn) => circuitBreaker(fn)],
    ["circuitBreaker", (fn) => circuitBreaker({ maxFailures: 1 })(fn)],
    ["circuitBreakerSync", (fn) => circuitBreakerSync()(fn)],
    ["execute", (fn) => limiter.execute(fn)],
    ["wrap", (fn) => limiter.wrap(fn)],
    ["wrapSync", (fn) => limiter.wrapSync(fn)],
    ["rateLimiter", (fn) => rateLimiter({ rate: 1 })(fn)],
    ["rateLimiterSync", (fn) => rateLimiterSync(fn)],
    ["run", (fn) => watchdogContext().run(fn)],
    ["runSync", (fn) => watchdogContext().runSync(fn)],
    ["register", (fn) => new GracefulShutdown().register("a", fn)],
  ];

  test.each(refusing)("is refused by %s", async (method, refuse) => {
    for (const [, fn] of generators) {
      const refused = async (): Promise<unknown> => refuse(fn);
      await expect(refused()).rejects.toThrow(TypeError);
      await expect(refused()).rejects.toThrow(
        `${method} needs a function that does its work when it is called; a generator function does it while it is iterated.`,
      );
    }
    expect(breaker.stats.totalCalls).toBe(0);
    expect(limiter.stats.totalAcquired).toBe(0);
  });

  test("is told what to use", async () => {
    const fn = async function* (): AsyncGenerator<void> {};
    await expect(breaker.call(fn)).rejects.toThrow(/breaker\.iterate\(fn.*breaker\.tryPermit\(\)/);
    await expect(limiter.execute(fn)).rejects.toThrow(/limiter\.acquire\(\)/);
  });
});
