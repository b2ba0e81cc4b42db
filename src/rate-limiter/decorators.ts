import { asDuration, type Duration } from "../kernel/duration.js";
import { type OptionRules, resolveOptions, type SettingsFor } from "../kernel/options.js";
import { sharedOrEach } from "../kernel/per-instance.js";
import { custom, flag, optional } from "../kernel/rules.js";
import {
  type AnyFunction,
  type AsyncDecorator,
  type AsyncOf,
  decorator,
  type SyncDecorator,
  type SyncOf,
  type SyncRest,
} from "../kernel/wrap.js";
import { type Limited, limitAsync, limitSync, RECIPE } from "./limited.js";
import { type RateLimiterOptions, rateLimiterRules } from "./options.js";
import { RateLimiter } from "./rate-limiter.js";
import { parseTimeout, type SignalOf, type WrapOptions } from "./request.js";

/** Options of {@link rateLimiterSync}: those of the limiter, and how to wait at it. */
export interface LimitedSyncOptions extends RateLimiterOptions {
  /** Whether a call waits for its turn (default) or is refused when it cannot run at once. */
  readonly blocking?: boolean | undefined;
  /** How long a call may wait. Default: as long as it takes. */
  readonly timeout?: Duration | undefined;
  /** Whether each instance of a class has a bucket of its own. Default `false`: one for all instances. */
  readonly perInstance?: boolean | undefined;
}

/** Options of {@link rateLimiter}. */
export interface LimitedOptions extends LimitedSyncOptions {
  /**
   * Gives waits up: one signal for all calls, or a function that picks the call's own out of its arguments. See
   * {@link WrapOptions.signal}.
   */
  readonly signal?: AbortSignal | SignalOf | undefined;
}

type LimitedSyncSettings = SettingsFor<
  LimitedSyncOptions,
  { [Key in keyof RateLimiterOptions]-?: unknown } & {
    blocking: boolean;
    timeout: Duration | undefined;
    perInstance: boolean;
  }
>;

// The limiter checks its own options; here they are only told apart.
const passed = custom<unknown>({ allowed: "checked by the limiter", parse: (value) => value });

const limitedSyncRules: OptionRules<LimitedSyncSettings> = {
  rate: passed,
  per: passed,
  burst: passed,
  maxQueue: passed,
  name: passed,
  clock: passed,
  blocking: flag(true),
  timeout: optional(
    custom<Duration | undefined>({
      allowed: "a duration",
      parse(value, label) {
        parseTimeout(value);
        return asDuration(value, label);
      },
    }),
  ),
  perInstance: flag(false),
};

const limitedRules: OptionRules<SettingsFor<LimitedOptions, LimitedSyncSettings & { signal: unknown }>> = {
  ...limitedSyncRules,
  signal: passed,
};

/**
 * Limits a function, or as a standard decorator a method; the result always returns a promise and has the
 * limiter as `.limiter`. Without options the configured defaults apply: `rateLimiter(fn)`, `rateLimiter()(fn)`,
 * `@rateLimiter`. One call with options makes one limiter: everything that its result wraps shares it, as do all
 * instances of a class with a decorated method, unless `perInstance` is set.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { rateLimiter, RateLimitExceededError } from "@kstlib/resilience";
 *
 * const callApi = rateLimiter({ rate: 100, per: 60 })(async (endpoint: string) => `GET ${endpoint}`);
 * console.assert((await callApi("/time")) === "GET /time");
 *
 * class Api {
 *   @rateLimiter({ rate: 1, per: 60, blocking: false })
 *   async post(data: string): Promise<number> {
 *     return data.length;
 *   }
 * }
 * await new Api().post("a");
 * const refused = await new Api().post("b").catch((error: unknown) => error);
 * console.assert(refused instanceof RateLimitExceededError && refused.retryAfter > 59);
 * ```
 */
export function rateLimiter<Fn extends AnyFunction>(
  fn: Fn,
  context?: ClassMethodDecoratorContext<never>,
): AsyncOf<Fn> & Limited<RateLimiter>;
export function rateLimiter(options?: LimitedOptions): AsyncDecorator<Limited<RateLimiter>>;
export function rateLimiter(first?: LimitedOptions | AnyFunction, context?: unknown): unknown {
  return limitWith("rateLimiter", limitAsync, limitedRules, first, context);
}

/**
 * {@link rateLimiter} for synchronous functions and methods, which stay synchronous: a call that has to wait
 * blocks the thread, so this is for scripts and worker threads.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { rateLimiterSync } from "@kstlib/resilience";
 *
 * const write = rateLimiterSync({ rate: 100, burst: 1 })((text: string): number => text.length);
 * console.assert(write("one") + write("two") === 6);
 * ```
 */
export function rateLimiterSync<Fn extends AnyFunction>(
  fn: Fn,
  ...context: SyncRest<Fn, [context?: ClassMethodDecoratorContext<never>]>
): SyncOf<Fn> & Limited<RateLimiter>;
export function rateLimiterSync(options?: LimitedSyncOptions): SyncDecorator<Limited<RateLimiter>>;
export function rateLimiterSync(first?: LimitedSyncOptions | AnyFunction, context?: unknown): unknown {
  return limitWith("rateLimiterSync", limitSync, limitedSyncRules, first, context);
}

type Limit = (
  limiter: RateLimiter,
  limiterOf: (instance: unknown) => RateLimiter,
  wait: WrapOptions,
  fn: AnyFunction,
) => AnyFunction;

/** `first` is either what to limit, as in `name(fn)` and a bare `@name`, or the options. */
function limitWith(
  name: string,
  limit: Limit,
  rules: OptionRules<LimitedSyncSettings>,
  first: LimitedOptions | AnyFunction | undefined,
  context: unknown,
): unknown {
  if (typeof first === "function" || context !== undefined) {
    return limitedDecorator(name, limit, rules, undefined)(first, context);
  }
  return limitedDecorator(name, limit, rules, first);
}

function limitedDecorator(
  name: string,
  limit: Limit,
  rules: OptionRules<LimitedSyncSettings>,
  options: LimitedOptions | undefined,
): ReturnType<typeof decorator> {
  const { blocking, timeout, perInstance } = resolveOptions(name, rules, options);
  if (!blocking && timeout !== undefined) {
    throw new TypeError(
      "timeout says how long a call may wait, but blocking is false. Leave one of them out.",
    );
  }
  const limiterOptions: Record<string, unknown> = {};
  for (const key of Object.keys(rateLimiterRules)) {
    const value: unknown = options === undefined ? undefined : Reflect.get(options, key);
    if (value !== undefined) limiterOptions[key] = value;
  }
  const make = (): RateLimiter => new RateLimiter(limiterOptions);
  const { shared, of } = sharedOrEach(make, perInstance);
  const signal = options?.signal;
  const wait: WrapOptions = { timeout: blocking ? timeout : 0, ...(signal && { signal }) };
  return decorator(name, (fn) => limit(shared, of, wait, fn), RECIPE);
}
