import { expectTypeOf, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { resilientFetch } from "../../src/http/client/resilient-fetch.js";
import type { Outcome } from "../../src/kernel/outcome.js";
import type { AdaptiveLimiter } from "../../src/policies/adaptive-limiter/adaptive-limiter.js";
import { Chaos } from "../../src/policies/chaos/chaos.js";
import { fallback, fallbackSync } from "../../src/policies/fallback/decorators.js";
import { Fallback } from "../../src/policies/fallback/fallback.js";
import { hedge } from "../../src/policies/hedge/decorators.js";
import { Hedge } from "../../src/policies/hedge/hedge.js";
import { pipeline } from "../../src/policies/pipeline/pipeline.js";
import { retry, retrySync } from "../../src/policies/retry/decorators.js";
import type { RetryOptions } from "../../src/policies/retry/options.js";
import { Retry } from "../../src/policies/retry/retry.js";
import { singleFlight } from "../../src/policies/single-flight/decorators.js";
import { timeout } from "../../src/policies/timeout/decorators.js";
import { Timeout } from "../../src/policies/timeout/timeout.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import type { RetryStats } from "../../src/policies/retry/report.js";
import { Registry } from "../../src/registry.js";
import { resilient } from "../../src/resilient.js";
import type { ResilientOptions } from "../../src/resilient-options.js";

declare function fetchTicker(pair: string, depth?: number): Promise<{ price: number }>;
declare function parse(text: string): Date;
declare function identity<Value>(value: Value): Promise<Value>;

const plain = pipeline(new Retry(), new CircuitBreaker(), new Timeout());

test("a policy gives the function's result: execute, call and wrap", () => {
  for (const policy of [new Retry(), new Timeout(), new Hedge()] as const) {
    expectTypeOf(policy.execute(() => 5)).toEqualTypeOf<Promise<number>>();
    expectTypeOf(policy.execute(async () => "text")).toEqualTypeOf<Promise<string>>();
    expectTypeOf(policy.call(fetchTicker, "BTC")).toEqualTypeOf<Promise<{ price: number }>>();
    expectTypeOf(policy.wrap(parse)("text")).toEqualTypeOf<Promise<Date>>();
    expectTypeOf(policy.wrap(identity)(5)).toEqualTypeOf<Promise<number>>();
  }
  // @ts-expect-error a parameter of the wrong type
  void new Retry().call(fetchTicker, 1);
});

test("the result type flows through a pipeline, in any order of its policies", () => {
  expectTypeOf(plain.execute(() => 5)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(plain.call(fetchTicker, "BTC", 5)).toEqualTypeOf<Promise<{ price: number }>>();
  expectTypeOf(plain.wrap(fetchTicker)).parameters.toEqualTypeOf<Parameters<typeof fetchTicker>>();
  expectTypeOf(plain.wrap(identity)("a")).toEqualTypeOf<Promise<string>>();
  const odd = pipeline(new Timeout(), new Retry(), new RateLimiter(), new Retry(), new Hedge());
  expectTypeOf(odd.execute(() => 5)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(pipeline({ name: "api" }, plain, odd).execute(() => 5)).toEqualTypeOf<Promise<number>>();
  // @ts-expect-error no policy
  pipeline(5);
  // @ts-expect-error no such option
  pipeline({ nam: "api" }, new Retry());
});

test("what a fallback returns is in the result type, wherever it is", () => {
  const to = new Fallback({ to: null });
  expectTypeOf(to.call(parse, "x")).toEqualTypeOf<Promise<Date | null>>();
  expectTypeOf(pipeline(to, new Retry()).call(parse, "x")).toEqualTypeOf<Promise<Date | null>>();
  expectTypeOf(pipeline(new Retry(), pipeline(to)).call(parse, "x")).toEqualTypeOf<Promise<Date | null>>();
  const made = new Fallback({ to: async () => 5 });
  expectTypeOf(pipeline(made, to).execute(() => "a")).toEqualTypeOf<Promise<string | number | null>>();
  const last = new Fallback({ lastGood: { maxAge: "1m" } });
  expectTypeOf(last.execute(() => "a")).toEqualTypeOf<Promise<string>>();
  expectTypeOf(new Chaos({ value: 5 }).execute(() => "a")).toEqualTypeOf<Promise<string | number>>();
});

test("the result type flows through resilient, which has the given parts", () => {
  const api = resilient({ name: "api", fallback: { to: null }, retry: { attempts: 3 }, timeout: "2s" });
  expectTypeOf(api.call(fetchTicker, "BTC")).toEqualTypeOf<Promise<{ price: number } | null>>();
  expectTypeOf(api.retry).toEqualTypeOf<Retry>();
  expectTypeOf(api.timeout).toEqualTypeOf<Timeout>();
  // @ts-expect-error not given
  void api.circuitBreaker;
  const other = resilient({
    timeout: 2,
    retry: true,
    circuitBreaker: "payment-api",
    adaptiveLimiter: { max: 50 },
  });
  expectTypeOf(other.adaptiveLimiter).toEqualTypeOf<AdaptiveLimiter>();
  expectTypeOf(other.execute(() => 5)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(other.circuitBreaker).toEqualTypeOf<CircuitBreaker>();
});

test("a part whose option may be undefined may be so itself", () => {
  const retries = undefined as { attempts: number } | undefined;
  const api = resilient({ retry: retries, fallback: { to: null }, timeout: 1 });
  expectTypeOf(api.retry).toEqualTypeOf<Retry | undefined>();
  expectTypeOf(api.execute(() => 5)).toEqualTypeOf<Promise<number | null>>();
  expectTypeOf(resilient({} as ResilientOptions).timeout).toEqualTypeOf<Timeout | undefined>();
});

test("the stats of each part have their type", () => {
  const api = resilient({ fallback: { to: null }, retry: true, circuitBreaker: "payment-api", timeout: 1 });
  expectTypeOf(api.stats.retry).toEqualTypeOf<RetryStats>();
  expectTypeOf(api.stats.circuitBreaker.failedCalls).toEqualTypeOf<number>();
  expectTypeOf(api.stats.fallback.fromLastGood).toEqualTypeOf<number>();
  // @ts-expect-error not given
  void api.stats.bulkhead.queuedCalls;
  expectTypeOf(resilient({} as ResilientOptions).stats.retry).toEqualTypeOf<RetryStats | undefined>();
  expectTypeOf(new Registry().pipeline("api").stats.retry).toEqualTypeOf<RetryStats | undefined>();
  expectTypeOf(resilientFetch().stats()["https://a.example"]?.parts.retry).toEqualTypeOf<
    RetryStats | undefined
  >();
  expectTypeOf(plain.stats["retry"]).toBeUnknown();
});

test("a wrong option is an error", () => {
  expectTypeOf<{ attempt: number }>().not.toExtend<RetryOptions>();
  const wrong = [
    // @ts-expect-error no such option
    new Retry({ attempt: 3 }),
    // @ts-expect-error no duration
    new Timeout({ timeout: "soon" }),
    // @ts-expect-error no such jitter
    new Retry({ delay: { jitter: "some" } }),
    // @ts-expect-error neither a budget nor the name of one
    new Retry({ budget: 5 }),
    // @ts-expect-error a string
    new Hedge({ maxHedges: "1" }),
    // @ts-expect-error maxAge is missing
    new Fallback({ lastGood: {} }),
    // @ts-expect-error no such part
    resilient({ retries: true }),
    // @ts-expect-error no such option of a part
    resilient({ retry: { attempt: 3 } }),
    // @ts-expect-error no such algorithm
    resilient({ adaptiveLimiter: { algorithm: "bbr" } }),
    // @ts-expect-error no such option
    retry({ attempt: 3 }),
  ];
  expectTypeOf(wrong).toBeArray();
});

test("wrappers keep parameters, type parameters and own properties", () => {
  expectTypeOf(retry({ attempts: 2 })(identity)(5)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(retry(fetchTicker)("BTC")).toEqualTypeOf<Promise<{ price: number }>>();
  expectTypeOf(retry(fetchTicker).policy).toEqualTypeOf<Retry>();
  expectTypeOf(timeout({ timeout: 1 })(parse)("x")).toEqualTypeOf<Promise<Date>>();
  expectTypeOf(fallback({ to: null })(parse)("x")).toEqualTypeOf<Promise<Date | null>>();
  expectTypeOf(retrySync(parse)("x")).toEqualTypeOf<Date>();
  expectTypeOf(fallbackSync({ to: null })(parse)("x")).toEqualTypeOf<Date | null>();
});

test("decorators fit methods that return promises, and those without Sync fit all", () => {
  class Api {
    @retry
    @timeout({ timeout: 1 })
    async one(pair: string): Promise<number> {
      return pair.length;
    }

    @hedge({ delay: "50ms" })
    @singleFlight
    async two<Value>(value: Value): Promise<Value> {
      return value;
    }

    @retrySync({ delay: 0 })
    three(): number {
      return 3;
    }

    @plain.decorator
    async four(): Promise<string> {
      return "4";
    }

    // @ts-expect-error the decorated method returns a promise
    @retry
    five(): number {
      return 5;
    }

    // @ts-expect-error use retry
    @retrySync
    async six(): Promise<number> {
      return 6;
    }
  }
  expectTypeOf(new Api().one("BTC")).toEqualTypeOf<Promise<number>>();
  expectTypeOf(new Api().two("a")).toEqualTypeOf<Promise<string>>();
});

test("no synchronous form takes a function that returns a promise", () => {
  expectTypeOf(new Retry().callSync(parse, "x")).toEqualTypeOf<Date>();
  expectTypeOf(new Fallback({ to: null }).executeSync(() => 5)).toEqualTypeOf<number | null>();
  // @ts-expect-error use call
  new Retry().callSync(fetchTicker, "BTC");
  // @ts-expect-error use execute
  plain.executeSync(async () => 5);
  // @ts-expect-error use wrap
  plain.wrapSync(fetchTicker);
  // @ts-expect-error there is none
  void new Timeout().executeSync;
  // @ts-expect-error there is none
  void new Hedge().callSync;
});

test("an outcome can be destructured, and its status tells which of its properties is there", () => {
  const narrowed = new Retry({
    retryIf: ({ status, value, reason }) => {
      if (status === "fulfilled") expectTypeOf(reason).toEqualTypeOf<undefined>();
      else expectTypeOf(value).toEqualTypeOf<undefined>();
      return status === "rejected" && reason instanceof Error;
    },
  });
  expectTypeOf(narrowed).toEqualTypeOf<Retry>();
  expectTypeOf<PromiseSettledResult<unknown>>().toExtend<Outcome>();
});

test("a fallback's function gets the arguments, of the types it names", () => {
  const old = new Fallback({ to: ({ reason }, _context, pair: string) => [reason, pair] });
  expectTypeOf(old.wrap(fetchTicker)).returns.resolves.toEqualTypeOf<{ price: number } | unknown[]>();
});
