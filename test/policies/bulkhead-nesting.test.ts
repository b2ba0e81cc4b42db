import { describe, expect, test } from "vitest";
import {
  Bulkhead,
  BulkheadFullError,
  Chaos,
  CircuitBreaker,
  pipeline,
  Registry,
  resilient,
  Timeout,
} from "../../src/index.js";
import { ManualClock } from "../../src/testing/index.js";

const failed = (reason: unknown): unknown => reason;
const never = (): Promise<never> => new Promise(() => {});

describe("a bulkhead among other policies", () => {
  test("a full one is neutral for a breaker around it", async () => {
    const breaker = new CircuitBreaker({ maxFailures: 1 });
    const bulkhead = new Bulkhead({ maxConcurrent: 1 });
    using _permit = bulkhead.tryPermit();
    const error = await breaker.execute((context) => bulkhead.execute(() => 1, context)).catch(failed);
    expect(error).toBeInstanceOf(BulkheadFullError);
    expect(breaker).toMatchObject({ state: "closed", failureCount: 0 });
  });

  test("waits no longer than the outer timeout", async () => {
    const clock = new ManualClock();
    const timeout = new Timeout({ timeout: 3, clock });
    const bulkhead = new Bulkhead({ maxConcurrent: 1, maxQueue: 1, clock });
    using _permit = bulkhead.tryPermit();
    const waiting = timeout.execute((context) => bulkhead.execute(() => 1, context)).catch(failed);
    await clock.advance(3);
    expect(await waiting).toMatchObject({ code: expect.stringMatching(/TIMEOUT|BULKHEAD/) as string });
    expect(bulkhead.queued).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test.each([
    ["a queueTimeout", { queueTimeout: "5s" }, false],
    ["a timeout outside", {}, true],
  ] as const)(
    "of two in opposite order that wait for each other, %s frees both",
    async (_, options, isTimed) => {
      const clock = new ManualClock();
      const shared = { maxConcurrent: 1, maxQueue: 1, clock, ...options };
      const [a, b] = [new Bulkhead({ name: "a", ...shared }), new Bulkhead({ name: "b", ...shared })];
      const outside = new Timeout({ timeout: isTimed ? "5s" : "1h", clock });
      // Each has its first permit before the other asks for it.
      const slowly = new Chaos({ enabled: true, rate: 1, latency: "1s", clock });
      const one = pipeline(outside, a, slowly, b).call(() => "well");
      await clock.advance("500ms");
      const other = pipeline(outside, b, slowly, a).call(() => "well");
      const ends = Promise.all([one.catch(failed), other.catch(failed)]);
      await clock.advance("4s");
      expect([a.queued, b.queued]).toEqual([1, 1]);
      await clock.advance("2s");
      expect(await ends).toEqual([expect.any(Error), "well"]);
      expect([a.running, b.running, a.queued, b.queued]).toEqual([0, 0, 0, 0]);
    },
  );

  test("stands between the breaker and the timeout of each attempt in resilient", async () => {
    const api = resilient({
      name: "api",
      timeout: "1s",
      bulkhead: { maxConcurrent: 2 },
      circuitBreaker: true,
    });
    expect(api.bulkhead).toMatchObject({ name: "api", maxConcurrent: 2 });
    expect(Object.keys(api.stats).length).toBeGreaterThan(0);
    expect(await api.execute(() => "through")).toBe("through");
    expect(api.bulkhead.stats.totalCalls).toBe(1);
  });

  test("is made by a registry from the configuration, also within a pipeline", async () => {
    await using registry = new Registry({
      bulkhead: { maxQueue: 1, instances: { db: { maxConcurrent: 3 } } },
      adaptiveLimiter: { instances: { search: { initial: 7, max: 9 } } },
      pipelines: { api: { bulkhead: "db", adaptiveLimiter: "search" }, own: { adaptiveLimiter: { max: 5 } } },
    });
    expect(registry.bulkhead("db")).toMatchObject({ maxConcurrent: 3, maxQueue: 1 });
    expect(registry.adaptiveLimiter("search").limit).toBe(7);
    await registry.pipeline("api").execute(() => 1);
    expect(registry.bulkhead("db").stats.totalCalls).toBe(1);
    expect(registry.adaptiveLimiter("search").stats.totalCalls).toBe(1);
    expect(registry.pipeline("own").policies).toEqual([registry.adaptiveLimiter("own")]);
    expect(registry.adaptiveLimiter("own").limit).toBe(5);
    expect(() => new Registry({ adaptiveLimiter: { min: 5, max: 4 } })).toThrow(/max/);
  });

  test("a thousand waiters on one signal leave no listener", async () => {
    const bulkhead = new Bulkhead({ maxConcurrent: 1, maxQueue: 1000 });
    const controller = new AbortController();
    const running = bulkhead.execute(never, { signal: controller.signal }).catch(failed);
    const calls = Array.from({ length: 1000 }, () =>
      bulkhead.execute(() => 1, { signal: controller.signal }).catch(failed),
    );
    controller.abort("enough");
    expect(new Set(await Promise.all([running, ...calls]))).toEqual(new Set(["enough"]));
    expect(bulkhead).toMatchObject({ running: 1, queued: 0 });
  });
});
