import {
  type AnyFunction,
  type AsyncDecorator,
  type AsyncOf,
  decorator,
  type SyncDecorator,
  type SyncOf,
  type SyncRest,
} from "../kernel/wrap.js";
import { CircuitBreaker, type Guarded, RECIPE } from "./circuit-breaker.js";
import type { CircuitBreakerOptions } from "./options.js";

/**
 * Guards a function, or as a standard decorator a method, with a circuit breaker of its own; the result
 * always returns a promise and has the breaker as `.breaker`. Without options the configured defaults apply:
 * `circuitBreaker(fn)`, `circuitBreaker()(fn)`, `@circuitBreaker`. One call with options makes one breaker:
 * everything that its result wraps shares it, as do all instances of a class with a decorated method.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { circuitBreaker } from "@kstlib/resilience";
 *
 * const quote = circuitBreaker({ maxFailures: 3, resetTimeout: "30s" })(async (pair: string) => `${pair}: 1`);
 * console.assert((await quote("BTC/USDT")) === "BTC/USDT: 1");
 * console.assert(quote.breaker.state === "closed");
 *
 * class Exchange {
 *   @circuitBreaker({ name: "exchange" })
 *   async balance(account: string): Promise<number> {
 *     return account.length;
 *   }
 * }
 * console.assert((await new Exchange().balance("main")) === 4);
 * ```
 */
export function circuitBreaker<Fn extends AnyFunction>(
  fn: Fn,
  context?: ClassMethodDecoratorContext<never>,
): AsyncOf<Fn> & Guarded;
export function circuitBreaker(options?: CircuitBreakerOptions): AsyncDecorator<Guarded>;
export function circuitBreaker(first?: CircuitBreakerOptions | AnyFunction, context?: unknown): unknown {
  return guardWith("circuitBreaker", (breaker, fn) => breaker.wrap(fn), first, context);
}

/**
 * {@link circuitBreaker} for synchronous functions and methods, which stay synchronous. One that returns a
 * promise is a TypeError when it is called.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { circuitBreakerSync } from "@kstlib/resilience";
 *
 * const parse = circuitBreakerSync({ maxFailures: 3 })((text: string): unknown => JSON.parse(text));
 * console.assert(parse("1") === 1);
 * ```
 */
export function circuitBreakerSync<Fn extends AnyFunction>(
  fn: Fn,
  ...context: SyncRest<Fn, [context?: ClassMethodDecoratorContext<never>]>
): SyncOf<Fn, PromiseLike<unknown>> & Guarded;
export function circuitBreakerSync(
  options?: CircuitBreakerOptions,
): SyncDecorator<Guarded, PromiseLike<unknown>>;
export function circuitBreakerSync(first?: CircuitBreakerOptions | AnyFunction, context?: unknown): unknown {
  return guardWith("circuitBreakerSync", (breaker, fn) => breaker.wrapSync(fn), first, context);
}

/** `first` is either what to guard, as in `name(fn)` and a bare `@name`, or the options. */
function guardWith(
  name: string,
  wrap: (breaker: CircuitBreaker, fn: AnyFunction) => AnyFunction,
  first: CircuitBreakerOptions | AnyFunction | undefined,
  context: unknown,
): unknown {
  const make = (options?: CircuitBreakerOptions): ReturnType<typeof decorator> => {
    const breaker = new CircuitBreaker(options);
    return decorator(name, (fn) => wrap(breaker, fn), RECIPE);
  };
  return typeof first === "function" || context !== undefined ? make()(first, context) : make(first);
}
