import type { AsyncWrapper, SyncWrapper } from "../kernel/wrap.js";
import { wrapCalls, type Wrapper, wrapperFunction } from "../kernel/wrapper.js";
import { CircuitBreaker, type Guarded } from "./circuit-breaker.js";
import { RECIPE } from "./iterate.js";
import { type CircuitBreakerOptions, circuitBreakerRules } from "./options.js";

/** Options of {@link circuitBreaker} and {@link circuitBreakerSync}: those of the breaker, and `perInstance`. */
export interface GuardedOptions extends CircuitBreakerOptions {
  /** Whether each instance of a class has a circuit of its own. Default `false`: one for all instances. */
  readonly perInstance?: boolean | undefined;
}

const wrapper: Wrapper<CircuitBreaker, object> = {
  name: "circuitBreaker",
  recipe: RECIPE,
  policyRules: circuitBreakerRules,
  rules: {},
  make: (options) => new CircuitBreaker(options),
  wrapWith: () => (policies, fn) =>
    // With a single breaker, a call allocates nothing but its promise.
    policies.perInstance
      ? wrapCalls("breaker", policies, fn, (breaker, run) => breaker.call(run))
      : policies.shared.wrap(fn),
};

const syncWrapper: Wrapper<CircuitBreaker, object> = {
  ...wrapper,
  name: "circuitBreakerSync",
  wrapWith: () => (policies, fn) =>
    policies.perInstance
      ? wrapCalls("breaker", policies, fn, (breaker, run) => breaker.callSync(run))
      : policies.shared.wrapSync(fn),
};

/**
 * Guards a function, or as a decorator a method, with a circuit breaker of its own; the result
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
export const circuitBreaker: AsyncWrapper<GuardedOptions, Guarded> = wrapperFunction(wrapper) as AsyncWrapper<
  GuardedOptions,
  Guarded
>;

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
export const circuitBreakerSync: SyncWrapper<GuardedOptions, Guarded, PromiseLike<unknown>> = wrapperFunction(
  syncWrapper,
) as SyncWrapper<GuardedOptions, Guarded, PromiseLike<unknown>>;
