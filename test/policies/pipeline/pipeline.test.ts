import { beforeEach, describe, expect, test, vi } from "vitest";
import { CircuitBreaker } from "../../../src/circuit-breaker/circuit-breaker.js";
import { delay } from "../../../src/kernel/delay.js";
import { Bulkhead } from "../../../src/policies/bulkhead/bulkhead.js";
import { Fallback } from "../../../src/policies/fallback/fallback.js";
import { Hedge } from "../../../src/policies/hedge/hedge.js";
import type { ResilienceConfig } from "../../../src/descriptors.js";
import type { AnyPolicy } from "../../../src/policies/pipeline/nest.js";
import { pipeline } from "../../../src/policies/pipeline/pipeline.js";
import { Retry } from "../../../src/policies/retry/retry.js";
import { RetryBudget } from "../../../src/policies/retry/retry-budget.js";
import { Timeout } from "../../../src/policies/timeout/timeout.js";
import { RateLimiter } from "../../../src/rate-limiter/rate-limiter.js";
import { Registry } from "../../../src/registry.js";
import { resilient } from "../../../src/resilient.js";
import { ManualClock } from "../../../src/testing/index.js";
import { byHand, never, reasonOf } from "../by-hand.js";

const down = new Error("down");

let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock();
});

describe("a pipeline", () => {
  test("gives back what it has taken around a policy of another kind that throws", async () => {
    const bulkhead = new Bulkhead({ maxConcurrent: 1, clock });
    const breaker = new CircuitBreaker({ clock });
    const foreign: AnyPolicy = {
      execute() {
        throw down;
      },
    };
    const api = pipeline(bulkhead, breaker, foreign);
    for (let at = 0; at < 2; at++) {
      expect(await reasonOf(api.execute(() => 2))).toBe(down);
      expect(bulkhead.running).toBe(0);
    }
    expect(breaker.stats.failedCalls).toBe(2);
  });

  test("is a policy itself: execute, call, wrap, decorator, and inside another one", async () => {
    const inner = pipeline(new Retry({ delay: 0 }), new Timeout({ clock }));
    const api = pipeline({ name: "api" }, new Fallback({ to: "instead" }), inner);
    expect(api.name).toBe("api");
    expect(await api.execute(({ attempt }) => attempt)).toBe(1);
    expect(await api.call((one: number, other: number) => one + other, 2, 3)).toBe(5);
    class Api {
      greeting = "well";
      @api.decorator
      async greet(name: string): Promise<string> {
        return `${this.greeting}, ${name}`;
      }
    }
    expect(await new Api().greet("ann")).toBe("well, ann");
    const wrapped = api.wrap(async () => Promise.reject(down));
    expect(await wrapped()).toBe("instead");
    expect(wrapped.policy).toBe(api);
    expect(clock.pendingTimers).toBe(0);
  });

  test("passes the arguments on to a policy that has a key", async () => {
    const kept = new Fallback({ lastGood: { maxAge: 60, key: (key: string) => key } });
    const api = pipeline(new Retry({ delay: 0 }), kept, new CircuitBreaker());
    let isUp = true;
    const load = api.wrap(async (key: string) => (isUp ? key : Promise.reject(down)));
    await load("a");
    isUp = false;
    expect(await load("a")).toBe("a");
    expect(await reasonOf(load("b"))).toBe(down);
  });

  test("gives one signal and one deadline to all of them", async () => {
    const work = byHand<string>();
    const controller = new AbortController();
    const api = pipeline(new Timeout({ timeout: 5, clock }), new Retry({ clock }), new Timeout({ clock }));
    const ended = reasonOf(api.execute(work.fn, { signal: controller.signal }));
    await clock.advance(2);
    expect(work.at(0).context.remaining).toBe(3);
    controller.abort("enough");
    expect(await ended).toBe("enough");
    expect(work.at(0).context.signal.reason).toBe("enough");
    expect(clock.pendingTimers).toBe(0);
  });

  test("reports how each call has settled, and after how long", async () => {
    const api = pipeline(new Retry({ attempts: 1 }));
    const told = vi.fn<(event: object) => void>();
    const listening = api.on("settled", told);
    await api.call(() => 5);
    await reasonOf(api.call(() => Promise.reject(down)));
    listening[Symbol.dispose]();
    await api.call(() => 6);
    const seconds = expect.any(Number) as number;
    expect(told.mock.calls).toEqual([
      [{ outcome: { status: "fulfilled", value: 5 }, seconds, isAborted: false }],
      [{ outcome: { status: "rejected", reason: down }, seconds, isAborted: false }],
    ]);
  });

  test("has the stats and the snapshots of its policies, outermost first", () => {
    const api = pipeline(new Retry({ name: "a" }), new Timeout({ name: "b" }));
    expect(Object.keys(api.stats)).toEqual(["a", "b"]);
    expect(api.snapshot()).toMatchObject({
      kind: "pipeline",
      policies: [{ kind: "retry" }, { kind: "timeout" }],
    });
    expect(() => JSON.stringify(api)).not.toThrow();
  });

  test("has the stats of each part, also where several have one name", () => {
    const two = pipeline(new Retry({ name: "a" }), new Timeout({ name: "a" }), new Timeout({ name: "b" }));
    expect(two.stats).toEqual({
      retry: new Retry().stats,
      timeout: new Timeout().stats,
      b: new Timeout().stats,
    });
    const same = pipeline(new Timeout(), new Retry({ name: "x" }), new Timeout(), new Timeout());
    expect(Object.keys(same.stats)).toEqual(["timeout", "x", "timeout-2", "timeout-3"]);
    const all = resilient({ name: "api", totalTimeout: 5, retry: true, circuitBreaker: true, timeout: 1 });
    expect(Object.keys(all.stats)).toEqual(["totalTimeout", "retry", "circuitBreaker", "timeout"]);
    expect(all.stats).toMatchObject({ retry: all.retry.stats, circuitBreaker: all.circuitBreaker.stats });
  });

  test("takes a policy from another package: its refusals and errors are passed on", async () => {
    const foreign: AnyPolicy = { execute: (fn) => Promise.resolve((fn as () => never)()) };
    const thrower = {
      execute() {
        throw down;
      },
    } as unknown as AnyPolicy;
    const { signal } = new AbortController();
    const seen = await pipeline(foreign, new Retry()).execute((context) => context.signal, { signal });
    expect(seen).toBe(signal);
    expect(await reasonOf(pipeline(thrower).execute(never))).toBe(down);
    expect(await reasonOf(pipeline(new Retry({ delay: 0 }), thrower).call(never))).toBe(down);
  });

  test.each([
    [],
    [null],
    [{}],
    [5],
    [() => {}],
    [new Retry(), undefined],
    [{ name: "" }, new Retry()],
    [{ nam: "a" }],
  ])("cannot be made of %o", (...parts: unknown[]) => {
    expect(() => Reflect.apply(pipeline, undefined, parts) as unknown).toThrow(
      /a pipeline|pipeline;|pipeline "pipeline" needs|name must/,
    );
  });
});

describe("a synchronous pipeline", () => {
  test("runs through all that support it: retry, fallback, limiter, breaker", () => {
    const limiter = new RateLimiter({ rate: 1, burst: 2, clock });
    const breaker = new CircuitBreaker({ maxFailures: 9, clock });
    const api = pipeline(new Fallback({ to: "instead" }), new Retry({ delay: 1, clock }), limiter, breaker);
    let calls = 0;
    const fn = (): string => {
      if (++calls < 3) throw down;
      return "well";
    };
    expect(api.executeSync(fn)).toBe("well");
    expect(api.callSync((text: string) => text, "again")).toBe("again");
    expect(breaker.stats).toMatchObject({ failedCalls: 2, successfulCalls: 2 });
    expect(
      api.wrapSync((): string => {
        throw down;
      })(),
    ).toBe("instead");
  });

  test.each([new Timeout({ name: "slow" }), new Hedge({ name: "slow" })])(
    "says what cannot: %o",
    (policy) => {
      const api = pipeline(new Retry(), policy);
      expect(() => api.callSync(() => 5)).toThrow(/"slow" cannot run a synchronous function/);
    },
  );
});

describe("resilient", () => {
  test("nests its parts always in the same order, outermost first", () => {
    const api = resilient({
      timeout: "1s",
      adaptiveLimiter: true,
      bulkhead: true,
      circuitBreaker: true,
      rateLimiter: true,
      hedge: true,
      retry: true,
      totalTimeout: 10,
      fallback: { to: null },
      name: "api",
    });
    const { fallback, totalTimeout, retry, hedge, rateLimiter, circuitBreaker } = api;
    const { bulkhead, adaptiveLimiter, timeout } = api;
    expect(api.policies).toEqual([
      fallback,
      totalTimeout,
      retry,
      hedge,
      rateLimiter,
      circuitBreaker,
      bulkhead,
      adaptiveLimiter,
      timeout,
    ]);
    expect([totalTimeout.timeout, timeout.timeout]).toEqual([10, 1]);
    expect(api.policies.map(({ name }) => name)).toEqual([
      "api",
      "api-total",
      ...Array.from({ length: 7 }, () => "api"),
    ]);
  });

  test("takes instances, which are shared", async () => {
    const circuitBreaker = new CircuitBreaker({ clock });
    const [one, other] = [
      resilient({ circuitBreaker }),
      resilient({ circuitBreaker, retry: { attempts: 1 } }),
    ];
    expect(one.circuitBreaker).toBe(circuitBreaker);
    await reasonOf(one.call(() => Promise.reject(down)));
    await reasonOf(other.call(() => Promise.reject(down)));
    expect(circuitBreaker.failureCount).toBe(2);
  });

  test("an adaptive limiter takes the wait for a place in the bulkhead around it for no slowness", async () => {
    const api = resilient({
      bulkhead: { maxConcurrent: 1, maxQueue: 9 },
      adaptiveLimiter: { algorithm: "vegas", clock },
    });
    for (let round = 0; round < 3; round++) {
      const calls = Array.from({ length: 10 }, () => api.execute(() => delay(clock, 100, undefined)));
      await clock.advance("2s");
      await Promise.all(calls);
    }
    expect(api.adaptiveLimiter.snapshot()).toMatchObject({ minRtt: 0.1, running: 0 });
  });

  test("gives retry and hedge one budget, unless they have their own", async () => {
    const told = vi.fn<() => void>();
    const failing = (): Promise<never> => Promise.reject(down);
    const api = resilient({ name: "spent", retry: { attempts: 200, delay: 0 }, hedge: { delay: 5 } });
    api.retry.on("suppressed", told);
    await reasonOf(api.call(failing));
    // Ten a second over ten seconds.
    expect(api.retry.stats.retries + api.hedge.stats.hedges).toBe(100);
    expect(told).toHaveBeenCalledOnce();
    const budget = new RetryBudget({ minPerSecond: 1, ratio: 0 });
    const own = resilient({ retry: { attempts: 200, delay: 0, budget } });
    await reasonOf(own.call(failing));
    expect(own.retry.stats.retries).toBe(10);
  });

  test("needs at least one part, and no others", async () => {
    const api = resilient({ timeout: { timeout: 1, clock } });
    expect(api.policies).toHaveLength(1);
    expect("retry" in api).toBe(false);
    const ended = reasonOf(api.execute(never));
    await clock.advance(1);
    expect(await ended).toMatchObject({ code: "ERR_TIMEOUT_EXCEEDED" });
    expect(() => resilient({})).toThrow('pipeline "resilient" needs at least one policy; got none.');
    expect(() => resilient({ name: "shop" })).toThrow('pipeline "shop" needs at least one policy; got none.');
    const ofRegistry = (config: ResilienceConfig) => () => new Registry(config).pipeline("shopp");
    expect(ofRegistry({})).toThrow(
      'pipeline "shopp" needs at least one policy; got none, and there are none in pipelines of the configuration.',
    );
    expect(ofRegistry({ pipelines: { shop: { retry: true }, mail: { timeout: 1 } } })).toThrow(
      'pipeline "shopp" needs at least one policy; got none, and it is not in pipelines of the configuration; did you mean shop?',
    );
    expect(ofRegistry({ pipelines: { mail: { timeout: 1 }, pay: { timeout: 1 } } })).toThrow(
      'pipeline "shopp" needs at least one policy; got none, and it is not in pipelines of the configuration; known are mail, pay.',
    );
    expect(ofRegistry({ pipelines: { shopp: {} } })).toThrow(/got none\.$/);
  });

  test.each([
    ["retry", 5],
    ["retry", false],
    ["retry", null],
    ["retry", ""],
    ["retry", []],
    ["retry", { attempts: 0 }],
    ["retry", { attempt: 3 }],
    ["timeout", -1],
    ["timeout", Number.NaN],
    ["totalTimeout", "0s"],
    ["totalTimeout", 30_000],
    ["circuitBreaker", 5],
    ["circuitBreaker", { maxFailures: "5" }],
    ["rateLimiter", { rate: -1 }],
    ["bulkhead", { maxConcurrent: 0 }],
    ["adaptiveLimiter", { maximum: 5 }],
    ["adaptiveLimiter", 20],
    ["hedge", { delay: -1 }],
    ["fallback", true],
    ["fallback", {}],
    ["name", ""],
    ["name", null],
    ["retries", {}],
  ])("refuses %s: %o with an error that names it", (key, value) => {
    const make = (): unknown => Reflect.apply(resilient, undefined, [{ timeout: 1, [key]: value }]);
    expect(make).toThrow(key === "fallback" && typeof value === "object" ? /lastGood/ : new RegExp(key));
  });
});
