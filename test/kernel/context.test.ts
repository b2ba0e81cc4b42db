import { describe, expect, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import type { Clock } from "../../src/kernel/clock.js";
import type { ExecuteOptions, ExecutionContext } from "../../src/kernel/context.js";
import { type Policy, runAbortable, type SyncPolicy } from "../../src/kernel/policy.js";
import { AdaptiveLimiter } from "../../src/policies/adaptive-limiter/adaptive-limiter.js";
import { Bulkhead } from "../../src/policies/bulkhead/bulkhead.js";
import { Fallback } from "../../src/policies/fallback/fallback.js";
import { pipeline } from "../../src/policies/pipeline/pipeline.js";
import { RetryBudget } from "../../src/policies/retry/retry-budget.js";
import { Retry } from "../../src/policies/retry/retry.js";
import { SingleFlight } from "../../src/policies/single-flight/single-flight.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { ManualClock } from "../../src/testing/index.js";
import { watchdogContext } from "../../src/watchdog/context.js";

const contextOf = (options?: ExecuteOptions): Promise<ExecutionContext> =>
  new CircuitBreaker({ clock: new ManualClock() }).execute((context) => context, options);

const contextFrom = (options: ExecuteOptions | undefined): ExecutionContext => options as ExecutionContext;

describe("the context of an execution", () => {
  test("has the signal it was given, or a new one that is not shared", async () => {
    const { signal } = new AbortController();
    const given = (context: ExecutionContext): AbortSignal => context.signal;
    await expect(runAbortable(given, signal)).resolves.toBe(signal);
    const own = await runAbortable(given, undefined);
    expect(own.aborted).toBe(false);
    expect(await runAbortable(given, undefined)).not.toBe(own);
    const twice = await runAbortable((context) => [context.signal, context.signal], undefined);
    expect(twice[0]).toBe(twice[1]);
  });

  test.each([[undefined], [{}], [{ signal: undefined, attempt: undefined, remaining: undefined }]])(
    "is a first attempt without a deadline by default: %o",
    async (options) => {
      const context = await contextOf(options);
      expect(context).toMatchObject({ attempt: 1, remaining: Infinity });
      expect(context.signal).toBeInstanceOf(AbortSignal);
    },
  );

  test("keeps everything when it is spread, and a copy has the same signal", async () => {
    const { signal } = new AbortController();
    const spread = { ...(await contextOf({ signal, attempt: 2, remaining: 1.5 })) };
    expect(Object.entries(spread).toSorted(([one], [other]) => (one < other ? -1 : 1))).toEqual([
      ["attempt", 2],
      ["remaining", 1.5],
      ["signal", signal],
    ]);
    const context = await contextOf();
    const copy = { ...context };
    expect(copy.signal).toBeInstanceOf(AbortSignal);
    expect(copy.signal).toBe(context.signal);
  });

  test("has a key that tells calls apart for the policies that keep something", async () => {
    const cached = pipeline(new Fallback({ lastGood: { maxAge: 60 } }), new Retry({ attempts: 1 }));
    for (const key of ["BTC", "ETH"]) await cached.execute(({ signal }) => [key, signal.aborted], { key });
    const fail = (): never => {
      throw new Error("down");
    };
    await expect(cached.execute(fail, { key: "BTC" })).resolves.toEqual(["BTC", false]);
    await expect(cached.execute(fail, { key: "ETH" })).resolves.toEqual(["ETH", false]);
    await expect(cached.execute(fail)).rejects.toThrow("down");

    const flights = new SingleFlight();
    const shared = ["BTC", "ETH", "BTC"].map((key) => flights.execute(async () => ({ key }), { key }));
    const [first, other, second] = await Promise.all(shared);
    expect(second).toBe(first);
    expect(other).not.toBe(first);
  });

  test.each<[string, Policy]>([
    ["that spreads the context", { execute: async (fn, options) => fn({ ...contextFrom(options) }) }],
    ["that runs under a watchdog", watchdogContext({ clock: new ManualClock() })],
  ])("keeps what tells calls apart through a policy %s", async (_what, between) => {
    const answer = async (key: string): Promise<string> => key;
    const flights = pipeline(new Retry({ attempts: 1 }), between, new SingleFlight());
    expect(await Promise.all(["ann", "bob"].map((name) => flights.call(answer, name)))).toEqual([
      "ann",
      "bob",
    ]);
    const keyed = ["ann", "bob"].map((key) => flights.execute(() => answer(key), { key }));
    expect(await Promise.all(keyed)).toEqual(["ann", "bob"]);
  });

  test.each([
    ["bulkhead", (clock: Clock) => new Bulkhead({ clock })],
    ["adaptive limiter", (clock: Clock) => new AdaptiveLimiter({ clock })],
    ["fallback", (clock: Clock) => new Fallback({ clock, to: null })],
    ["circuit breaker", (clock: Clock) => new CircuitBreaker({ clock })],
    ["rate limiter", (clock: Clock) => new RateLimiter({ clock })],
    ["retry", (clock: Clock) => new Retry({ clock })],
    ["watchdog", (clock: Clock) => watchdogContext({ clock })],
  ])("has the seconds that it was given until they are over: in a %s", async (_what, make) => {
    const clock = new ManualClock();
    const late = ({ remaining }: ExecutionContext): number => remaining;
    const left = await make(clock).execute(
      (context) => {
        clock.sleepSync(2000);
        return late(context);
      },
      { remaining: 5 },
    );
    expect(left).toBe(3);
  });

  test("is counted by a budget once, also when it is spread or shared", async () => {
    const budget = new RetryBudget();
    const [outer, inner] = [new Retry({ budget }), new Retry({ budget })];
    await outer.execute((context) => inner.execute(() => 1, { ...context }));
    expect(budget.stats.totalCalls).toBe(1);
    await pipeline(outer, new SingleFlight(), inner).call(() => 1);
    expect(budget.stats.totalCalls).toBe(2);
  });

  test("that somebody derives an object from gives it a signal", async () => {
    const derived: unknown = Object.create(await contextOf());
    expect(Reflect.get(derived as object, "signal")).toBeInstanceOf(AbortSignal);
  });

  test.each([
    [{ attmept: 1 }, new TypeError("attmept is not an option of execute; did you mean attempt?")],
    [{ attempt: "1" }, new TypeError('attempt must be a whole number of at least 1; got "1".')],
    [{ attempt: 0 }, new RangeError("attempt must be a whole number of at least 1; got 0.")],
    [{ remaining: -1 }, new RangeError("remaining must be a number of at least 0; got -1.")],
    [{ key: 1 }, new TypeError("key must be a non-empty string; got 1.")],
    [{ remaining: NaN }, new RangeError("remaining must be a number of at least 0; got NaN.")],
  ])("is checked where it comes from outside: %o", async (options, error) => {
    await expect(contextOf(options as ExecuteOptions)).rejects.toThrow(error);
  });
});

const policies: [string, () => SyncPolicy][] = [
  ["a circuit breaker", () => new CircuitBreaker({ clock: new ManualClock() })],
  ["a rate limiter", () => new RateLimiter({ clock: new ManualClock() })],
  ["a watchdog of a run", () => watchdogContext({ clock: new ManualClock() })],
];

describe.each(policies)("%s", (_name, make) => {
  test("hands the context from outside on to the inside, spread or whole", async () => {
    const { signal } = new AbortController();
    const outer = { signal, attempt: 3, remaining: 2 };
    for (const pass of [
      (context: ExecutionContext): ExecuteOptions => context,
      (context: ExecutionContext): ExecuteOptions => ({ ...context }),
    ]) {
      const nested = await make().execute(
        (context) => make().execute(({ attempt, remaining }) => ({ attempt, remaining }), pass(context)),
        outer,
      );
      expect(nested).toEqual({ attempt: 3, remaining: 2 });
    }
    const { attempt, remaining } = make().executeSync((context) => ({ ...context }), outer);
    expect({ attempt, remaining }).toEqual({ attempt: 3, remaining: 2 });
  });

  test("is given up with everything inside when the signal outside aborts", async () => {
    const controller = new AbortController();
    let inside: AbortSignal | undefined;
    const running = make().execute(
      (context) =>
        make().execute(({ signal }) => {
          inside = signal;
          return new Promise(() => {});
        }, context),
      { signal: controller.signal },
    );
    await Promise.resolve();
    controller.abort("enough");
    await expect(running).rejects.toBe("enough");
    expect(inside?.aborted).toBe(true);
  });

  test("runs a synchronous function: its result, its error, and nothing that is aborted or returns a promise", () => {
    const policy = make();
    expect(policy.executeSync(() => 5)).toBe(5);
    expect(() =>
      policy.executeSync(() => {
        throw new Error("mine");
      }),
    ).toThrow("mine");
    let ran = false;
    const work = (): void => {
      ran = true;
    };
    expect(() => policy.executeSync(work, { signal: AbortSignal.abort(new Error("before")) })).toThrow(
      "before",
    );
    expect(ran).toBe(false);
    // @ts-expect-error a function that returns a promise
    expect(() => policy.executeSync(async () => 5)).toThrow(TypeError);
    // @ts-expect-error no function
    expect(() => policy.executeSync(5)).toThrow("executeSync needs a function; got 5.");
  });
});

test("a synchronous execution that its caller has given up counts as ignored by a circuit", () => {
  const breaker = new CircuitBreaker();
  expect(() => breaker.executeSync(() => 5, { signal: AbortSignal.abort("before") })).toThrow("before");
  expect(breaker.stats).toMatchObject({ totalCalls: 1, ignoredCalls: 1 });
});

test("a limited execution waits no longer than the deadline outside allows", async () => {
  const limiter = new RateLimiter({ rate: 1, per: 10, clock: new ManualClock() });
  await limiter.acquire();
  await expect(limiter.execute(() => 5, { remaining: 9 })).rejects.toMatchObject({ retryAfter: 10 });
  expect(() => limiter.executeSync(() => 5, { remaining: 9, timeout: 20 })).toThrow("retry after 10 s");
  expect(limiter.executeSync(() => 5, { remaining: 10, cost: 1 })).toBe(5);
});
