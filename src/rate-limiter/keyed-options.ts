import { type OptionRules, ownOptions, type SettingsFor } from "../kernel/options.js";
import { isPlainObject } from "../kernel/plain-object.js";
import { choice, custom, integer, type Rule, text } from "../kernel/rules.js";
import { show, unlike } from "../kernel/show.js";
import {
  type RateLimiterOptions,
  rateLimiterRules,
  type RateLimiterSettings,
  type RateLimits,
  rateLimitsRules,
  type RateLimitsSettings,
} from "./options.js";

/** What a `KeyedRateLimiter` does with a new key when it knows `maxKeys` keys and none has a full bucket. */
export type OnFull = "evict" | "deny";

/** Options of a `KeyedRateLimiter`. */
export interface KeyedRateLimiterOptions extends RateLimiterOptions {
  /** The most keys it knows: 1 to 16,777,216. Default 100,000, about 6 MB in addition to the keys. */
  readonly maxKeys?: number | undefined;
  /**
   * The longest key that is kept as it is, in UTF-16 units: 64 or more. A longer key is replaced, also in events, by
   * `sha256:` and the base64url SHA-256 of its UTF-16LE bytes. Default 1024.
   */
  readonly maxKeyLength?: number | undefined;
  /**
   * What happens to a new key when there is no room and no bucket is full. `"evict"` (default): the bucket
   * closest to full is forgotten, so that key gets the missing tokens early. `"deny"`: the new key is refused.
   */
  readonly onFull?: OnFull | undefined;
  /**
   * Separate limits for some keys: a table by key, or a function that returns those of a key or `undefined`. A missing
   * `rate` or `per` is the one the limiter was made with; a missing `burst` follows the key's own rate. The function is
   * called for each unknown key, with the key as in events; what it throws is thrown before a token is taken. Default:
   * all keys have the same limits.
   */
  readonly limits?: LimitsByKey | undefined;
}

/** The limits of single keys. */
export type LimitsByKey = Readonly<Record<string, RateLimits>> | ((key: string) => RateLimits | undefined);

/** Checked limits of a single key; those not given are missing. */
export type SomeLimits = Readonly<Partial<RateLimitsSettings>>;

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
