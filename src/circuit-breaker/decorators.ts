import { ownOptions } from "../kernel/options.js";
import { sharedOrEach } from "../kernel/per-instance.js";
import { flag } from "../kernel/rules.js";
import {
  type AnyFunction,
  type AsyncDecorator,
  type AsyncOf,
  decorator,
  disguise,
  type SyncDecorator,
  type SyncOf,
  type SyncRest,
} from "../kernel/wrap.js";
import { CircuitBreaker, type Guarded } from "./circuit-breaker.js";
import { RECIPE } from "./iterate.js";
import { type CircuitBreakerOptions, circuitBreakerRules } from "./options.js";

/** Options of {@link circuitBreaker} and {@link circuitBreakerSync}: those of the breaker, and whose it is. */
export interface GuardedOptions extends CircuitBreakerOptions {
  /** Whether each instance of a class has a circuit of its own. Default `false`: one for all instances. */
  readonly perInstance?: boolean | undefined;
}

const guardedRules = { ...circuitBreakerRules, perInstance: flag(false) };

/**
 * Guards a function, or as a standard decorator a method, with a circuit breaker of its own; the result
 * always returns a promise and has the breaker as `.breaker`. Without options the configured defaults apply:
 * `circuitBreaker(fn)`, `circuitBreaker()(fn)`, `@circuitBreaker`. One call with options makes one breaker:
 * everything that its result wraps shares it, as do all instances of a class with a decorated method, unless
 * `perInstance` is set.
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
export function circuitBreaker(options?: GuardedOptions): AsyncDecorator<Guarded>;
export function circuitBreaker(first?: GuardedOptions | AnyFunction, context?: unknown): unknown {
  return guardWith(
    "circuitBreaker",
    (breaker, fn) => breaker.wrap(fn),
    (breaker, fn) => breaker.call(fn),
    first,
    context,
  );
}

/**
 * {@link circuitBreaker} for synchronous functions and methods, which stay synchronous. One that returns a
 * promise does not compile, and is a TypeError when it is called.
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
export function circuitBreakerSync(options?: GuardedOptions): SyncDecorator<Guarded, PromiseLike<unknown>>;
export function circuitBreakerSync(first?: GuardedOptions | AnyFunction, context?: unknown): unknown {
  return guardWith(
    "circuitBreakerSync",
    (breaker, fn) => breaker.wrapSync(fn),
    (breaker, fn) => breaker.callSync(fn),
    first,
    context,
  );
}

type Call = (breaker: CircuitBreaker, fn: () => unknown) => unknown;

/** `first` is either what to guard, as in `name(fn)` and a bare `@name`, or the options. */
function guardWith(
  name: string,
  wrap: (breaker: CircuitBreaker, fn: AnyFunction) => AnyFunction,
  call: Call,
  first: GuardedOptions | AnyFunction | undefined,
  context: unknown,
): unknown {
  if (typeof first === "function" || context !== undefined) {
    const breaker = new CircuitBreaker();
    return decorator(name, (fn) => wrap(breaker, fn), RECIPE)(first, context);
  }
  const { perInstance: given, ...options } = first === undefined ? {} : ownOptions(name, guardedRules, first);
  const isEach = given !== undefined && guardedRules.perInstance.parse(given, "perInstance");
  const { shared, of } = sharedOrEach(() => new CircuitBreaker(options), isEach);
  return decorator(name, (fn) => (isEach ? wrapEach(shared, of, call, fn) : wrap(shared, fn)), RECIPE);
}

function wrapEach(
  breaker: CircuitBreaker,
  breakerOf: (instance: unknown) => CircuitBreaker,
  call: Call,
  fn: AnyFunction,
): AnyFunction {
  const guarded = function (this: never, ...args: never): unknown {
    return call(breakerOf(this), () => fn.apply(this, args));
  };
  return disguise(guarded, fn, { breaker, breakerOf });
}
