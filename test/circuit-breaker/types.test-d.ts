// oxlint-disable typescript/no-unnecessary-type-parameters -- such functions are what is tested
import { expectTypeOf, test } from "vitest";
import type { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { circuitBreaker, circuitBreakerSync } from "../../src/circuit-breaker/decorators.js";
import type { CircuitBreakerOptions } from "../../src/circuit-breaker/options.js";
import type { Permit } from "../../src/circuit-breaker/permit.js";
import { watchdogContext } from "../../src/watchdog/context.js";

declare const breaker: CircuitBreaker;
declare function fetchTicker(pair: string, depth?: number): Promise<{ price: number }>;
declare function parse(text: string): Date;
declare function either(): Date | Promise<Date>;

test("call passes the parameters on and always gives one promise", () => {
  expectTypeOf(breaker.call(fetchTicker, "BTC")).toEqualTypeOf<Promise<{ price: number }>>();
  expectTypeOf(breaker.call(parse, "text")).toEqualTypeOf<Promise<Date>>();
  expectTypeOf(breaker.call(either)).toEqualTypeOf<Promise<Date>>();
  // @ts-expect-error a parameter of the wrong type
  void breaker.call(fetchTicker, 1);
  // @ts-expect-error a missing parameter
  void breaker.call(fetchTicker);
});

test("callSync never gives a promise", () => {
  expectTypeOf(breaker.callSync(parse, "text")).toEqualTypeOf<Date>();
  expectTypeOf(breaker.callSync(either)).toEqualTypeOf<Date>();
  expectTypeOf(breaker.callSync(() => undefined as unknown)).toEqualTypeOf<unknown>();
});

declare const json: typeof JSON.parse;
declare function twice(text: string): string;
declare function twice(n: number): number;

test("nothing synchronous takes a function that returns a promise", () => {
  // @ts-expect-error use call
  breaker.callSync(fetchTicker, "BTC");
  // @ts-expect-error use call
  breaker.callSync(async () => {});
  // @ts-expect-error use call
  breaker.callSync((): PromiseLike<number> => Promise.resolve(1));
  // @ts-expect-error use call
  breaker.callSync((): Promise<never> => Promise.reject(new Error("down")));
  // @ts-expect-error use call
  breaker.callSync(() => (Math.random() > 2 ? Promise.resolve(1) : Promise.resolve("")));
  // @ts-expect-error use wrap
  breaker.wrapSync(fetchTicker);
  // @ts-expect-error use wrap
  breaker.wrapSync(async <Value>(value: Value) => value);
  // @ts-expect-error use circuitBreaker
  circuitBreakerSync(fetchTicker);
  // @ts-expect-error use circuitBreaker
  circuitBreakerSync()(fetchTicker);
  // @ts-expect-error use circuitBreaker
  circuitBreakerSync({ maxFailures: 1 })(fetchTicker);
  // @ts-expect-error use run
  void watchdogContext().runSync(async () => {});
  // @ts-expect-error use run
  void watchdogContext().runSync((watchdog) => Promise.resolve(watchdog.ping()));

  class Service {
    // @ts-expect-error use circuitBreaker
    @circuitBreakerSync
    async one(): Promise<void> {}

    // @ts-expect-error use circuitBreaker
    @circuitBreakerSync({ maxFailures: 1 })
    async two(): Promise<void> {}
  }
  expectTypeOf(new Service().one()).toEqualTypeOf<Promise<void>>();
});

test("callSync still infers parameters and results", () => {
  expectTypeOf(breaker.callSync((n, text) => text.length + n, 1, "a")).toEqualTypeOf<number>();
  expectTypeOf(breaker.callSync(<Value>(value: Value) => [value], 1)).toEqualTypeOf<number[]>();
  expectTypeOf(breaker.callSync(twice, 1)).toEqualTypeOf<number>();
  expectTypeOf(breaker.callSync(() => {})).toEqualTypeOf<void>();
  expectTypeOf(breaker.callSync((): never => process.exit())).toEqualTypeOf<never>();
  expectTypeOf(breaker.callSync(json, "1")).toBeAny();
  expectTypeOf(breaker.callSync(() => null)).toEqualTypeOf<null>();
  expectTypeOf(watchdogContext().runSync((watchdog) => watchdog.isRunning)).toEqualTypeOf<boolean>();
  expectTypeOf(breaker.wrapSync(twice)(1)).toEqualTypeOf<number>();
  expectTypeOf(breaker.wrapSync(twice)("")).toEqualTypeOf<string>();
  expectTypeOf(breaker.wrapSync(json)("1")).toBeAny();
  expectTypeOf(breaker.wrapSync((): never => process.exit())()).toEqualTypeOf<never>();
  // @ts-expect-error a parameter of the wrong type
  breaker.callSync(parse, 1);
  // @ts-expect-error a missing parameter
  breaker.callSync(parse);
});

test("a function whose type is a parameter itself can be passed on", () => {
  const direct = <Result>(fn: () => Result): unknown => breaker.callSync(fn);
  const run = <Result>(fn: () => Result): unknown => watchdogContext().runSync(fn);
  const withArguments = <Args extends unknown[], Result>(
    fn: (...args: Args) => Result,
    ...args: Args
  ): unknown => breaker.callSync(fn, ...args);
  const wrapped = <Fn extends (...args: never[]) => unknown>(fn: Fn): unknown => breaker.wrapSync(fn);
  const decorated = <Fn extends (...args: never[]) => unknown>(fn: Fn): unknown => circuitBreakerSync({})(fn);
  // @ts-expect-error but not one that returns a promise of it
  const later = <Result>(fn: () => Promise<Result>): unknown => breaker.callSync(fn);
  expectTypeOf([direct, run, withArguments, wrapped, decorated, later]).toBeArray();
});

test("iterate passes the parameters on and gives the items", () => {
  const count = function* (to: number) {
    yield to;
  };
  expectTypeOf(breaker.iterate(count, 3)).toEqualTypeOf<AsyncGenerator<number, void, undefined>>();
  expectTypeOf(breaker.iterate(async () => new Map([["a", 1]]))).toEqualTypeOf<
    AsyncGenerator<[string, number], void, undefined>
  >();
  // @ts-expect-error a parameter of the wrong type
  breaker.iterate(count, "3");
  // @ts-expect-error nothing to iterate over
  breaker.iterate(() => 5);
});

test("wrap keeps parameters and result", () => {
  const safe = breaker.wrap(fetchTicker);
  expectTypeOf(safe).parameters.toEqualTypeOf<Parameters<typeof fetchTicker>>();
  expectTypeOf(safe("BTC")).toEqualTypeOf<Promise<{ price: number }>>();
  expectTypeOf(safe.breaker).toEqualTypeOf<CircuitBreaker>();
  expectTypeOf(breaker.wrap(parse)("x")).toEqualTypeOf<Promise<Date>>();
  expectTypeOf(breaker.wrapSync(parse)("x")).toEqualTypeOf<Date>();
});

test("wrap keeps this", () => {
  const wrapped = breaker.wrap(function (this: { id: number }, n: number) {
    return this.id + n;
  });
  expectTypeOf(wrapped).thisParameter.toEqualTypeOf<{ id: number }>();
});

test("execute gives a signal and the result", () => {
  expectTypeOf(breaker.execute(({ signal }) => signal.aborted)).toEqualTypeOf<Promise<boolean>>();
  expectTypeOf(breaker.execute(async () => 1)).toEqualTypeOf<Promise<number>>();
});

test("a permit may be refused, and is disposable", () => {
  expectTypeOf(breaker.tryPermit()).toEqualTypeOf<Permit | undefined>();
  expectTypeOf<Permit>().toExtend<Disposable>();
});

test("circuitBreaker wraps functions with, without and with empty options", () => {
  for (const wrapped of [
    circuitBreaker(fetchTicker),
    circuitBreaker()(fetchTicker),
    circuitBreaker({})(fetchTicker),
  ]) {
    expectTypeOf(wrapped).parameters.toEqualTypeOf<Parameters<typeof fetchTicker>>();
    expectTypeOf(wrapped("BTC")).toEqualTypeOf<Promise<{ price: number }>>();
    expectTypeOf(wrapped.breaker).toEqualTypeOf<CircuitBreaker>();
  }
  expectTypeOf(circuitBreakerSync(parse)("x")).toEqualTypeOf<Date>();
  expectTypeOf(circuitBreakerSync({})(parse)("x")).toEqualTypeOf<Date>();
});

test("the decorators fit methods and nothing else", () => {
  class Service {
    @circuitBreaker({ maxFailures: 1 })
    async one(n: number): Promise<number> {
      return n;
    }

    @circuitBreaker
    async two(this: Service): Promise<string> {
      return "";
    }

    @circuitBreakerSync()
    three(): Date {
      return new Date();
    }

    @circuitBreakerSync
    static four(): void {}

    // @ts-expect-error a synchronous method would silently become asynchronous
    @circuitBreaker()
    five(): number {
      return 5;
    }

    // @ts-expect-error a field is not a method
    @circuitBreaker()
    six = 6;
  }
  expectTypeOf<Service["one"]>().toEqualTypeOf<(n: number) => Promise<number>>();
});

test("options take undefined and refuse what was not made by a factory", () => {
  expectTypeOf<{ maxFailures: undefined }>().toExtend<CircuitBreakerOptions>();
  expectTypeOf<{ trip: object }>().not.toExtend<CircuitBreakerOptions>();
  expectTypeOf<{
    excludedErrors: [typeof TypeError, (error: unknown) => boolean];
  }>().toExtend<CircuitBreakerOptions>();
});

declare function price(pair: string): Promise<string>;
declare function price(pair: number): Promise<number>;

test("a wrapper keeps type parameters and overloads", () => {
  const identity = async <Value>(value: Value): Promise<Value> => value;
  for (const wrapped of [
    breaker.wrap(identity),
    circuitBreaker(identity),
    circuitBreaker()(identity),
    circuitBreaker({})(identity),
  ]) {
    expectTypeOf(wrapped(5)).toEqualTypeOf<Promise<number>>();
    expectTypeOf(wrapped.breaker).toEqualTypeOf<CircuitBreaker>();
  }
  expectTypeOf(breaker.wrap(price)("BTC")).toEqualTypeOf<Promise<string>>();
  expectTypeOf(breaker.wrap(price)(1)).toEqualTypeOf<Promise<number>>();
  const same = <Value>(value: Value): Value => value;
  for (const wrapped of [
    breaker.wrapSync(same),
    circuitBreakerSync(same),
    circuitBreakerSync()(same),
    circuitBreakerSync({})(same),
  ]) {
    expectTypeOf(wrapped(new Date())).toEqualTypeOf<Date>();
    expectTypeOf(wrapped.breaker).toEqualTypeOf<CircuitBreaker>();
  }
});

test("a wrapper promises no more than it has", () => {
  class Process extends Promise<number> {
    kill(): void {}
  }
  expectTypeOf(breaker.wrap(() => new Process(() => {}))()).toEqualTypeOf<Promise<number>>();
  expectTypeOf(breaker.wrap(either)()).toEqualTypeOf<Promise<Date>>();
  expectTypeOf(breaker.wrap((): unknown => 1)()).toEqualTypeOf<Promise<unknown>>();
  expectTypeOf(breaker.wrap((): never => process.exit())()).toEqualTypeOf<Promise<never>>();
  const described = Object.assign(async (n: number) => n, { version: 1 });
  expectTypeOf(breaker.wrap(described)).not.toHaveProperty("version");
  expectTypeOf(breaker.wrap(described)(1)).toEqualTypeOf<Promise<number>>();
  const describedSync = Object.assign((n: number) => n, { version: 1 });
  expectTypeOf(breaker.wrapSync(describedSync)).not.toHaveProperty("version");
  expectTypeOf(circuitBreakerSync(describedSync)(1)).toEqualTypeOf<number>();
  expectTypeOf(circuitBreakerSync({})(describedSync)).not.toHaveProperty("version");
  expectTypeOf(breaker.wrapSync(either)()).toEqualTypeOf<Date>();
  expectTypeOf(circuitBreakerSync({})(either)()).toEqualTypeOf<Date>();
});

test("the decorators fit generic and overloaded methods", () => {
  class Store {
    @circuitBreaker({})
    async get<Key>(key: Key): Promise<Key> {
      return key;
    }

    @circuitBreaker
    static async all<Key>(this: typeof Store, key: Key): Promise<Key[]> {
      return [key];
    }

    find(key: string): Promise<string>;
    find(key: number): Promise<number>;
    @circuitBreaker()
    async find(key: unknown): Promise<never> {
      throw key;
    }

    @circuitBreakerSync({})
    peek<Key>(key: Key): Key {
      return key;
    }

    @circuitBreakerSync
    first<Key>(keys: Key[]): Key | undefined {
      return keys[0];
    }

    // @ts-expect-error a synchronous method would silently become asynchronous
    @circuitBreaker
    now(): number {
      return 5;
    }
  }
  expectTypeOf(new Store().get(5)).toEqualTypeOf<Promise<number>>();
});
