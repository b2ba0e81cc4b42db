import { expectTypeOf, test } from "vitest";
import { rateLimiter, rateLimiterSync } from "../../src/rate-limiter/decorators.js";
import { KeyedRateLimiter } from "../../src/rate-limiter/keyed-rate-limiter.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";

const fetchTicker = async (pair: string, depth?: number): Promise<{ price: number }> => ({
  price: pair.length + (depth ?? 0),
});

test("a wrapped function has the same parameters and a promise of the same result", () => {
  const wrapped = new RateLimiter().wrap(fetchTicker);
  expectTypeOf(wrapped).parameters.toEqualTypeOf<Parameters<typeof fetchTicker>>();
  expectTypeOf(wrapped).returns.toEqualTypeOf<Promise<{ price: number }>>();
  expectTypeOf(wrapped.limiter).toEqualTypeOf<RateLimiter>();
  const limited = rateLimiter({ rate: 1 })(fetchTicker);
  expectTypeOf(limited).parameters.toEqualTypeOf<Parameters<typeof fetchTicker>>();
  expectTypeOf(limited).returns.toEqualTypeOf<Promise<{ price: number }>>();
  const direct = rateLimiter(fetchTicker);
  expectTypeOf(direct).parameters.toEqualTypeOf<Parameters<typeof fetchTicker>>();
  expectTypeOf(direct.limiter).toEqualTypeOf<RateLimiter>();
  expectTypeOf(rateLimiter()((text: string) => text.length)).returns.toEqualTypeOf<Promise<number>>();
});

test("a synchronous function stays synchronous", () => {
  expectTypeOf(rateLimiterSync((text: string) => text.length)).returns.toEqualTypeOf<number>();
  expectTypeOf(rateLimiterSync({ rate: 1 })((text: string) => text.length)).returns.toEqualTypeOf<number>();
  expectTypeOf(new RateLimiter().wrapSync((text: string) => text.length)).parameters.toEqualTypeOf<
    [text: string]
  >();
});

test("no form that blocks the thread takes a function that returns a promise", () => {
  // @ts-expect-error use wrap
  new RateLimiter().wrapSync(fetchTicker);
  // @ts-expect-error use wrap
  new RateLimiter().wrapSync(fetchTicker, { timeout: 1 });
  // @ts-expect-error use rateLimiter
  rateLimiterSync(fetchTicker);
  // @ts-expect-error use rateLimiter
  rateLimiterSync({ rate: 1 })(fetchTicker);
  expectTypeOf(new RateLimiter().wrapSync((n: number) => n, { timeout: 1 })(1)).toEqualTypeOf<number>();
});

test("generic functions and methods stay generic", () => {
  expectTypeOf(new RateLimiter().wrap(async <T>(value: T) => value)(5)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(rateLimiter({ rate: 1 })(async <T>(value: T) => value)("a")).toEqualTypeOf<Promise<string>>();
  expectTypeOf(new RateLimiter().wrapSync(<T>(value: T) => value)(5)).toEqualTypeOf<number>();
  class Api {
    @rateLimiter({ rate: 1 })
    async get<T>(key: T): Promise<T> {
      return key;
    }
    @rateLimiterSync({ rate: 1 })
    peek<T>(key: T): T {
      return key;
    }
  }
  expectTypeOf(new Api().get(1)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(new Api().peek("a")).toEqualTypeOf<string>();
});

test("execute resolves with the result of the function", () => {
  expectTypeOf(new RateLimiter().execute(() => 1)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(new RateLimiter().execute(async ({ signal }) => signal)).toEqualTypeOf<Promise<AbortSignal>>();
});

test("a signal is found in the arguments that the function has", () => {
  const limiter = new RateLimiter();
  const { signal } = new AbortController();
  expectTypeOf(limiter.wrap(fetchTicker, { signal })).parameters.toEqualTypeOf<
    Parameters<typeof fetchTicker>
  >();
  limiter.wrap(fetchTicker, {
    signal: (pair, depth) => {
      expectTypeOf(pair).toEqualTypeOf<string>();
      expectTypeOf(depth).toEqualTypeOf<number | undefined>();
      return signal;
    },
  });
  expectTypeOf(limiter.wrap(async <T>(value: T) => value, { signal })(5)).toEqualTypeOf<Promise<number>>();
  rateLimiter({ signal: (_pair: string, depth?: number) => (depth === 0 ? signal : undefined) })(fetchTicker);
  // @ts-expect-error blocking the thread cannot be aborted
  limiter.wrapSync((text: string) => text.length, { signal });
  // @ts-expect-error nor can a decorated function that blocks it
  rateLimiterSync({ signal });
});

test("a keyed limiter wraps a function and knows its parameters in the key function", () => {
  const limiter = new KeyedRateLimiter();
  const wrapped = limiter.wrap(fetchTicker, {
    key(pair, depth) {
      expectTypeOf(depth).toEqualTypeOf<number | undefined>();
      return pair;
    },
  });
  expectTypeOf(wrapped).parameters.toEqualTypeOf<Parameters<typeof fetchTicker>>();
  expectTypeOf(wrapped).returns.toEqualTypeOf<Promise<{ price: number }>>();
  expectTypeOf(wrapped.limiter).toEqualTypeOf<KeyedRateLimiter>();
  expectTypeOf(limiter.execute("key", () => 1)).toEqualTypeOf<Promise<number>>();
});

test("wrong uses do not compile", () => {
  // @ts-expect-error a keyed limiter has to be told how to find the key
  void new KeyedRateLimiter().wrap(fetchTicker);
  // @ts-expect-error a key is a string
  void new KeyedRateLimiter().wrap(fetchTicker, { key: (_pair, depth) => depth });
  // @ts-expect-error a limiter has no such option
  void new RateLimiter({ bursts: 1 });
  // @ts-expect-error blocking the thread cannot be aborted
  new RateLimiter().acquireSync({ signal: AbortSignal.abort() });
  class Api {
    // @ts-expect-error an asynchronous limit cannot decorate a synchronous method
    @rateLimiter({ rate: 1 })
    get(): number {
      return 1;
    }
  }
  expectTypeOf(new Api().get()).toEqualTypeOf<number>();
});
