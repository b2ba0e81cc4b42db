import type { Clock } from "../kernel/clock.js";
import type { Duration } from "../kernel/duration.js";
import { clockRule } from "../kernel/object-rules.js";
import { changeSettings, type OptionRules, type SettingsFor } from "../kernel/options.js";
import { duration, integer, numberAbove, numberFrom, optional, text } from "../kernel/rules.js";
import { type Limits, makeLimits } from "./bucket.js";

/** The limits of a bucket. */
export interface RateLimits {
  /**
   * How many tokens flow into the bucket in each `per`: 0 or more. Default 10. At 0, the tokens in the bucket
   * can be taken, then every request is refused at once, with a `retryAfter` of Infinity. `Infinity` (`.inf` in YAML)
   * means no limit: every cost is admitted and counted, whatever the burst; `tokens` and `burst` are Infinity, which
   * is `null` in JSON. Pauses still apply.
   */
  readonly rate?: number | undefined;
  /** The period of `rate`; may be as long as a month. Default 1 s. */
  readonly per?: Duration | undefined;
  /**
   * How many tokens the bucket holds, and so how many can be taken at once: a number above 0.
   * Default: the rate, at least 1. A burst of 1 spaces requests evenly, but time that a late timer loses is lost.
   */
  readonly burst?: number | undefined;
}

/** Options of a `RateLimiter`. Missing ones come from `rate_limiter` in the configuration, then from the defaults. */
export interface RateLimiterOptions extends RateLimits {
  /** Names the limiter in errors and selects `instances.<name>` of the configuration. Default `"rate-limiter"`. */
  readonly name?: string | undefined;
  /** How many requests may wait; the next one is refused at once. 0 or more. Default: no limit. */
  readonly maxQueue?: number | undefined;
  /** The source of time. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** What `update` of a limiter can change: options as for its constructor, and `null` to unset one. */
export interface RateLimitChanges extends Omit<RateLimits, "burst"> {
  /** `null`: the burst follows the rate, as if it had never been given. */
  readonly burst?: number | null | undefined;
  /** `null`: no limit. Requests that already wait stay. */
  readonly maxQueue?: number | null | undefined;
}

/** Checked limits; `per` in milliseconds. */
export type RateLimitsSettings = SettingsFor<
  RateLimits,
  { rate: number; per: number; burst: number | undefined }
>;

/** Checked {@link RateLimiterOptions}. */
export type RateLimiterSettings = SettingsFor<
  RateLimiterOptions,
  RateLimitsSettings & { name: string; maxQueue: number | undefined; clock: Clock }
>;

/** The rules of {@link RateLimiterOptions}. */
export const rateLimiterRules: OptionRules<RateLimiterSettings> = {
  rate: numberFrom(10, 0, Infinity),
  per: duration(1, { long: true }),
  burst: optional(numberAbove(undefined, 0)),
  maxQueue: optional(integer(undefined, 0)),
  name: text("rate-limiter"),
  clock: clockRule,
};

const { rate, per, burst, maxQueue } = rateLimiterRules;

/** The rules of {@link RateLimits}. */
export const rateLimitsRules: OptionRules<RateLimitsSettings> = { rate, per, burst };

/** The rules of {@link RateLimitChanges}. */
export const liveRules: Pick<typeof rateLimiterRules, keyof RateLimitChanges> = {
  rate,
  per,
  burst,
  maxQueue,
};

/** Settings with the changes of an `update`, which are rejected as a whole when they contradict each other. */
export function updated<Settings extends RateLimiterSettings>(
  settings: Settings,
  changes: RateLimitChanges,
): { readonly settings: Settings; readonly limits: Limits } {
  const changed = changeSettings(liveRules, settings, changes);
  return { settings: changed, limits: limitsOf(changed) };
}

/**
 * The limits of checked settings. The default burst is what one period allows.
 *
 * @throws RangeError when the settings contradict each other.
 */
export function limitsOf(settings: RateLimitsSettings): Limits {
  return makeLimits(settings.rate, settings.per, settings.burst ?? Math.max(1, settings.rate));
}
