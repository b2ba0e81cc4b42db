import type { Clock } from "../kernel/clock.js";
import type { Duration } from "../kernel/duration.js";
import { clockRule } from "../kernel/object-rules.js";
import { type OptionRules, ownOptions, resolveOptions, type SettingsFor } from "../kernel/options.js";
import { isPlainObject } from "../kernel/plain-object.js";
import {
  choice,
  custom,
  duration,
  integer,
  numberAbove,
  numberFrom,
  optional,
  type Rule,
  text,
} from "../kernel/rules.js";
import { show, unlike } from "../kernel/show.js";
import { type Limits, makeLimits } from "./bucket.js";

/** The limits of a bucket; the options that `update` can change. */
export interface RateLimits {
  /**
   * How many tokens flow into the bucket in each `per`: 0 or more. Default 10. At 0 none does: the tokens in the bucket
   * can be taken, then every request is refused at once, with a `retryAfter` of Infinity. `Infinity` (`.inf` in YAML)
   * is no limit: every cost is admitted and counted, whatever the burst; `tokens` and `burst` are Infinity, which
   * is `null` in JSON. Pauses hold all the same.
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

/** Options of a `RateLimiter`. Missing ones come from the configuration's `rate_limiter`, then the defaults. */
export interface RateLimiterOptions extends RateLimits {
  /** Its name in errors and reports, and of its part of the configuration. Default `"rate-limiter"`. */
  readonly name?: string | undefined;
  /** How many requests may wait; the next one is refused at once. 0 or more. Default: no limit. */
  readonly maxQueue?: number | undefined;
  /** The source of time. Default: the machine's. */
  readonly clock?: Clock | undefined;
}

/** What a `KeyedRateLimiter` does with a new key when it knows `maxKeys` keys and none has a full bucket. */
export type OnFull = "evict" | "deny";

/** Options of a `KeyedRateLimiter`. */
export interface KeyedRateLimiterOptions extends RateLimiterOptions {
  /** The most keys that it knows: 1 to 16,777,216. Default 100,000, about 6 MB beside the keys. */
  readonly maxKeys?: number | undefined;
  /**
   * The longest key that is kept as it is, in UTF-16 units: 64 or more. A longer one is known by the SHA-256 of
   * its UTF-16LE, as `sha256:` and base64url, also in events. Default 1024.
   */
  readonly maxKeyLength?: number | undefined;
  /**
   * What happens to a new key when there is no room and no bucket is full. `"evict"` (default): the bucket
   * closest to full is forgotten, so its key gets the missing tokens early. `"deny"`: the new key is refused.
   */
  readonly onFull?: OnFull | undefined;
  /**
   * Limits of their own for some keys: a table by key, or a function that returns those of a key or `undefined`. `rate`
   * and `per` that are missing are those the limiter was made with; a missing `burst` follows the key's own rate. The
   * function is asked each time a key comes that is not known, with the key as events have it, and what it throws is
   * thrown before a token is taken. Default: all keys have the same limits.
   */
  readonly limits?: LimitsByKey | undefined;
}

/** The limits of single keys. */
export type LimitsByKey = Readonly<Record<string, RateLimits>> | ((key: string) => RateLimits | undefined);

/** Checked limits of a single key, as far as they were given. */
export type SomeLimits = Readonly<Partial<RateLimitsSettings>>;

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

/** Checked {@link KeyedRateLimiterOptions}. */
export type KeyedRateLimiterSettings = SettingsFor<
  KeyedRateLimiterOptions,
  RateLimiterSettings & {
    maxKeys: number;
    maxKeyLength: number;
    onFull: OnFull;
    limits: ReadonlyMap<string, SomeLimits> | ((key: string) => unknown) | undefined;
  }
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

const { rate, per, burst } = rateLimiterRules;

/** The rules of {@link RateLimits}. */
const rateLimitsRules: OptionRules<RateLimitsSettings> = { rate, per, burst };

/**
 * The limits of a single key.
 *
 * @throws TypeError or RangeError that begins with the label when one is unknown, of the wrong type or out of range.
 */
export function parseOwn(value: unknown, label: string): SomeLimits {
  if (!isPlainObject(value)) throw new TypeError(unlike(label, "an object with rate, per or burst", value));
  const own = ownOptions(label, rateLimitsRules, value);
  const parsed = Object.entries(rateLimitsRules)
    .filter(([name]) => own[name] !== undefined)
    .map(([name, rule]) => [name, rule.parse(own[name], `${label}.${name}`)]);
  return Object.fromEntries(parsed) as SomeLimits;
}

const limits: Rule<KeyedRateLimiterSettings["limits"]> = custom({
  allowed: "a table of limits by key, or a function that returns those of a key",
  file: { kind: "record" },
  parse(value, label) {
    if (typeof value === "function") return value as (key: string) => unknown;
    if (!isPlainObject(value)) throw new TypeError(unlike(label, limits.allowed, value));
    const table = Object.entries(value);
    return new Map(table.map(([key, own]) => [key, parseOwn(own, `${label}[${show(key)}]`)]));
  },
});

/** The rules of {@link KeyedRateLimiterOptions}. */
export const keyedRateLimiterRules: OptionRules<KeyedRateLimiterSettings> = {
  ...rateLimiterRules,
  name: text("keyed-rate-limiter"),
  maxKeys: integer(100_000, 1, 2 ** 24),
  maxKeyLength: integer(1024, 64),
  limits,
  onFull: choice<OnFull>("evict", ["evict", "deny"]),
};

/**
 * The settings with some limits changed, for `update`: those not given stay.
 *
 * @throws TypeError or RangeError that names the limit when one is unknown, of the wrong type or out of range.
 */
export function updated(settings: RateLimitsSettings, changes: RateLimits): RateLimitsSettings {
  return resolveOptions("update", rateLimitsRules, changes, [{ ...settings, per: settings.per / 1000 }]);
}

/**
 * The limits of checked settings. The default burst is what one period allows.
 *
 * @throws RangeError when the settings do not fit together.
 */
export function limitsOf(settings: RateLimitsSettings): Limits {
  return makeLimits(settings.rate, settings.per, settings.burst ?? Math.max(1, settings.rate));
}
