import type { Clock } from "../../kernel/clock.js";
import type { Duration } from "../../kernel/duration.js";
import { clockRule } from "../../kernel/object-rules.js";
import { type OptionRules, ownOptions, resolveOptions, type SettingsFor } from "../../kernel/options.js";
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
} from "../../kernel/rules.js";
import { unlike } from "../../kernel/show.js";
import { rateLimiterRules } from "../../rate-limiter/options.js";
import { type StoreClient, storeClient } from "../store/client.js";
import { TieredLimits } from "./tiered-limits.js";

/** What happens to a request that the store did not decide. */
export type OnStoreError = "open" | "closed" | "local";

/** One of several limits that a request must meet. */
export interface SharedTier {
  /** How many tokens flow into the bucket in each `per`: a number above 0. */
  readonly rate: number;
  /** The period of `rate`. Default 1 s. */
  readonly per?: Duration | undefined;
  /** How many tokens the bucket holds. Default: the rate, at least 1. */
  readonly burst?: number | undefined;
}

/** One of several limits of a `SharedKeyedRateLimiter`. */
export interface SharedKeyedTier<By extends string = string> extends SharedTier {
  /**
   * What its buckets are for, such as `"user"`: the key of a request then has a string of that name. All tiers have it, or
   * none; several may have the same.
   */
  readonly by?: By | undefined;
}

/** Tokens that an instance takes ahead. */
export interface SharedLease {
  /** How many at a time: a whole number of at least 2, up to the burst. */
  readonly tokens: number;
  /** How long they may lie unused, before they go back. Default 1 s. */
  readonly maxAge?: Duration | undefined;
}

/** Options of a `SharedRateLimiter`. `rate`, `per`, `burst` and `maxQueue` that are missing come from the configuration's `rate_limiter`. */
export interface SharedRateLimiterOptions {
  /** The application's client: of `redis` (4 or newer), `ioredis`, `iovalkey` or `@valkey/valkey-glide`. It is never closed here. */
  readonly client: object;
  /** What all instances that share the limit call it; also its name in errors and reports. */
  readonly name: string;
  /** How many tokens flow into the bucket in each `per`: a number above 0, up to 10⁹ a second. Default 10. */
  readonly rate?: number | undefined;
  /** The period of `rate`, up to a year and more. Default 1 s. */
  readonly per?: Duration | undefined;
  /** How many tokens the bucket holds, and so how many can be taken at once. Default: the rate, at least 1. */
  readonly burst?: number | undefined;
  /** Several limits in place of one, 1 to 8: a request takes from the buckets of all of them, or from none. */
  readonly tiers?: readonly SharedTier[] | undefined;
  /**
   * Takes tokens ahead, so that most requests need no round trip; unused ones go back. In any window at most
   * `burst + rate * (t + maxAge)` is admitted. Default: none; every request is decided by the store.
   */
  readonly lease?: SharedLease | undefined;
  /** The time within which the store must have decided. Default 250 ms. */
  readonly storeTimeout?: Duration | undefined;
  /**
   * What happens to a request that the store did not decide in that time, or answered with an error: `"open"` (default)
   * admits it, `"closed"` rejects it with a {@link StoreError}, `"local"` lets a bucket in memory decide, with a rate
   * and burst of one `localShare`-th.
   */
  readonly onStoreError?: OnStoreError | undefined;
  /** How many instances share the limit, for `"local"`: a number of at least 1. Default 1. */
  readonly localShare?: number | undefined;
  /** How many requests of this instance may wait for a key; the next one is refused at once. 0 or more. Default: no limit. */
  readonly maxQueue?: number | undefined;
  /** Stands before each key in the store. Default `"kstlib:"`. */
  readonly keyPrefix?: string | undefined;
  /** Times waits and timeouts; the limit itself runs on the server's clock. Default: the machine's. */
  readonly clock?: Clock | undefined;
}

/** Options of a `SharedKeyedRateLimiter`. */
export interface SharedKeyedRateLimiterOptions<By extends string = never> extends SharedRateLimiterOptions {
  /**
   * Several limits in place of one, 1 to 8: a request takes from the buckets of all of them, or from none. They are all for
   * the key of the request, or with `by` each for a key of its own: `[{ by: "user", rate: 10 }, { by: "tenant", rate: 100 }]`
   * with the keys `{ user, tenant }`. Then one node of a cluster has all keys of the limiter, waiters with different keys
   * have no order among each other, and `onStoreError` cannot be `"local"`.
   */
  readonly tiers?: readonly SharedKeyedTier<By>[] | undefined;
  /** The longest key that is used as it is, in UTF-16 units: 64 or more. A longer one is known by its SHA-256. Default 1024. */
  readonly maxKeyLength?: number | undefined;
}

/** What `update` of a shared limiter can change. Every instance has to be told. */
export interface SharedRateLimitChanges {
  readonly rate?: number | undefined;
  readonly per?: Duration | undefined;
  /** `null`: the burst follows the rate. */
  readonly burst?: number | null | undefined;
  /** `null`: no limit. */
  readonly maxQueue?: number | null | undefined;
}

/** A checked tier; times in milliseconds. */
interface TierSettings {
  readonly rate: number;
  readonly per: number;
  readonly burst: number | undefined;
}

interface KeyedTierSettings extends TierSettings {
  readonly by?: string | undefined;
}

/** Checked {@link SharedRateLimiterOptions}. */
export type SharedRateLimiterSettings = SettingsFor<
  SharedRateLimiterOptions,
  TierSettings & {
    client: StoreClient;
    name: string;
    tiers: readonly KeyedTierSettings[] | undefined;
    lease: { readonly tokens: number; readonly maxAge: number } | undefined;
    storeTimeout: number;
    onStoreError: OnStoreError;
    localShare: number;
    maxQueue: number | undefined;
    keyPrefix: string;
    clock: Clock;
  }
>;

/** Checked {@link SharedKeyedRateLimiterOptions}. */
export type SharedKeyedRateLimiterSettings = SharedRateLimiterSettings & { readonly maxKeyLength: number };

const tierRules: OptionRules<TierSettings> = {
  rate: numberAbove(10, 0),
  per: rateLimiterRules.per,
  burst: rateLimiterRules.burst,
};

const leaseRules: OptionRules<{ tokens: number; maxAge: number }> = {
  tokens: integer(undefined, 2),
  maxAge: duration(1),
};

function tiersOption<Tier extends TierSettings>(rules: OptionRules<Tier>): Rule<readonly Tier[] | undefined> {
  const allowed = "an array of 1 to 8 objects with rate, per and burst";
  return custom({
    allowed,
    parse(value, label) {
      if (!Array.isArray(value) || value.length < 1 || value.length > 8) {
        throw new TypeError(unlike(label, allowed, value));
      }
      return value.map((tier: object, index) => {
        const own = ownOptions(`${label}[${index}]`, rules, tier);
        return resolveOptions(`${label}[${index}]`, rules, own);
      });
    },
  });
}

const lease: Rule<SharedRateLimiterSettings["lease"]> = custom({
  allowed: "an object with tokens and maxAge",
  parse(value, label) {
    const parsed = resolveOptions(label, leaseRules, ownOptions(label, leaseRules, value));
    if (parsed.tokens === undefined)
      throw new TypeError(unlike(`${label}.tokens`, leaseRules.tokens.allowed, undefined));
    return parsed;
  },
});

/** The rules of {@link SharedRateLimiterOptions}. */
export const sharedRateLimiterRules: OptionRules<SharedRateLimiterSettings> = {
  ...tierRules,
  client: custom({ allowed: "a client of Redis or Valkey", parse: storeClient }),
  name: text(undefined),
  tiers: tiersOption(tierRules),
  lease,
  storeTimeout: duration("250ms"),
  onStoreError: choice<OnStoreError>("open", ["open", "closed", "local"]),
  localShare: numberFrom(1, 1),
  maxQueue: optional(integer(undefined, 0)),
  keyPrefix: text("kstlib:"),
  clock: clockRule,
};

/** The rules of {@link SharedKeyedRateLimiterOptions}. */
export const sharedKeyedRateLimiterRules: OptionRules<SharedKeyedRateLimiterSettings> = {
  ...sharedRateLimiterRules,
  tiers: tiersOption<KeyedTierSettings>({ ...tierRules, by: optional(text(undefined)) }),
  maxKeyLength: integer(1024, 64),
};

/** The rules of {@link SharedRateLimitChanges}. */
export const sharedLiveRules: Pick<typeof sharedRateLimiterRules, keyof SharedRateLimitChanges> = {
  ...tierRules,
  maxQueue: sharedRateLimiterRules.maxQueue,
};

/**
 * Reads the options of a shared limiter.
 *
 * @throws TypeError or RangeError that names the option.
 */
export function resolveShared<Settings extends SharedRateLimiterSettings>(
  component: string,
  rules: OptionRules<Settings>,
  options: object,
): Readonly<Settings> {
  const settings = resolveOptions(component, rules, options, "rateLimiter");
  // They have no default, so that no rule has seen one that is missing.
  if (settings.client === undefined) storeClient(undefined);
  if (settings.name === undefined) {
    throw new TypeError(unlike("name", `${rules.name.allowed}, the same in all instances`, undefined));
  }
  const doubled = ["rate", "per", "burst"].filter(
    (key) => Object.hasOwn(options, key) && Reflect.get(options, key) !== undefined,
  );
  if (settings.tiers !== undefined && doubled.length > 0) {
    throw new TypeError(
      `tiers has the limits, but ${doubled.join(" and ")} is given as well. Leave one of them out.`,
    );
  }
  const withBy = settings.tiers?.filter(({ by }) => by !== undefined).length ?? 0;
  if (withBy > 0 && withBy !== settings.tiers?.length) {
    throw new TypeError("tiers must all have by, or none of them; got some with and some without.");
  }
  if (withBy > 0 && settings.onStoreError === "local") {
    throw new TypeError(
      unlike("onStoreError", '"open" or "closed" where tiers have by', settings.onStoreError),
    );
  }
  const { burst } = new TieredLimits(tiersOf(settings));
  if (settings.lease !== undefined && settings.lease.tokens > burst) {
    throw new RangeError(
      unlike("lease.tokens", `a whole number up to the burst of ${burst}`, settings.lease.tokens),
    );
  }
  return settings;
}

interface Limits {
  readonly rate: number;
  readonly per: number;
  readonly burst: number;
}

const limitsOf = ({ rate, per, burst = Math.max(1, rate) }: TierSettings): Limits => ({ rate, per, burst });

/** The limits of checked settings, of which each burst that was not given is what one period allows. */
export function tiersOf(
  settings: Pick<SharedRateLimiterSettings, "rate" | "per" | "burst" | "tiers">,
): readonly [Limits, ...Limits[]] {
  const [first = settings, ...others] = settings.tiers ?? [];
  return [limitsOf(first), ...others.map(limitsOf)];
}
