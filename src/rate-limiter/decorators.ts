import { asDuration, type Duration } from "../kernel/duration.js";
import type { OptionRules, SettingsFor } from "../kernel/options.js";
import { custom, flag } from "../kernel/rules.js";
import type { AnyFunction, AsyncWrapper, SyncWrapper } from "../kernel/wrap.js";
import { type Policies, type Wrapper, wrapperFunction } from "../kernel/wrapper.js";
import { type Limited, limitAsync, limitSync, RECIPE, type AsyncTurns } from "./limited.js";
import { type RateLimiterOptions, rateLimiterRules } from "./options.js";
import { RateLimiter } from "./rate-limiter.js";
import { type AcquireSyncOptions, parseTimeout, type SignalOf, type WrapOptions } from "./request.js";

/** Options of {@link rateLimiterSync}: those of the limiter, and how calls wait. */
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
   * Ends a wait: one signal for all calls, or a function that finds it in the arguments of each. See
   * {@link WrapOptions.signal}.
   */
  readonly signal?: AbortSignal | SignalOf | undefined;
}

/** Checked options of {@link LimitedOptions} that are not the limiter's. */
export type LimitedSettings = SettingsFor<
  Pick<LimitedOptions, "blocking" | "timeout" | "signal">,
  { blocking: boolean; timeout: Duration | undefined; signal: WrapOptions["signal"] }
>;

const blocking = flag(true);
const timeout = custom<Duration | undefined>({
  allowed: "a duration",
  parse(value, label) {
    parseTimeout(value);
    return asDuration(value, label);
  },
});
// Checked when a function is wrapped.
const signal = custom<WrapOptions["signal"]>({
  allowed: "an AbortSignal or a function",
  parse: (value) => value as WrapOptions["signal"],
});

/** The rules of {@link LimitedSettings}. */
export const limitedRules: OptionRules<LimitedSettings> = { blocking, timeout, signal };

/** The options with which calls wait. */
function waitOf(settings: Omit<LimitedSettings, "signal">): AcquireSyncOptions {
  if (settings.blocking) return { timeout: settings.timeout };
  if (settings.timeout === undefined) return { timeout: 0 };
  throw new TypeError("timeout says how long a call may wait, but blocking is false. Leave one of them out.");
}

/** Wraps functions as the settings say, at any limiter. */
export function limitWith<Limiter extends AsyncTurns>(
  settings: LimitedSettings,
): (policies: Policies<Limiter>, fn: AnyFunction) => AnyFunction {
  const { signal: given } = settings;
  const wait = { ...waitOf(settings), ...(given && { signal: given }) };
  return (policies, fn) => limitAsync(policies, wait, fn, (limiter) => limiter);
}

const base = {
  recipe: RECIPE,
  policyRules: rateLimiterRules,
  make: (options: Readonly<Record<string, unknown>>): RateLimiter => new RateLimiter(options),
};

const wrapper: Wrapper<RateLimiter, LimitedSettings> = {
  ...base,
  name: "rateLimiter",
  rules: limitedRules,
  wrapWith: limitWith,
};

const syncWrapper: Wrapper<RateLimiter, Omit<LimitedSettings, "signal">> = {
  ...base,
  name: "rateLimiterSync",
  rules: { blocking, timeout },
  wrapWith(settings) {
    const wait = waitOf(settings);
    return (policies, fn) => limitSync(policies, wait, fn);
  },
};

/**
 * Limits a function, or as a decorator a method. The result always returns a promise and has the
 * limiter as `.limiter`. Without options the configured defaults apply: `rateLimiter(fn)`, `rateLimiter()(fn)`,
 * `@rateLimiter`. One call with options makes one limiter: everything that its result wraps shares it, as do all
 * instances of a class with a decorated method unless `perInstance` is set.
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
export const rateLimiter: AsyncWrapper<LimitedOptions, Limited<RateLimiter>> = wrapperFunction(
  wrapper,
) as AsyncWrapper<LimitedOptions, Limited<RateLimiter>>;

/**
 * {@link rateLimiter} for synchronous functions and methods, which stay synchronous. A call that has to wait
 * blocks the thread, so use this only in scripts and worker threads.
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
export const rateLimiterSync: SyncWrapper<LimitedSyncOptions, Limited<RateLimiter>> = wrapperFunction(
  syncWrapper,
) as SyncWrapper<LimitedSyncOptions, Limited<RateLimiter>>;
