import type { Limits } from "./bucket.js";
import { idOf } from "./key-hash.js";
import { type KeyedRateLimiterSettings, parseOwn, type SomeLimits } from "./keyed-options.js";
import { limitsOf, type RateLimitsSettings } from "./options.js";

/** The limits of a key's own; `undefined`: it has those of all keys. */
export type OwnLimits = (key: string) => Limits | undefined;

/** Its own limits of one key over those that the limiter was made with. A burst that is not given follows its own rate. */
function over(general: RateLimitsSettings, own: SomeLimits): Limits {
  const { rate = general.rate, per = general.per } = own;
  const burst = own.burst ?? (own.rate === undefined ? general.burst : undefined);
  return limitsOf({ rate, per, burst });
}

/**
 * Finds the limits of a key's own; `undefined` when no key can have any.
 *
 * @throws RangeError when those of a key do not go together.
 */
export function ownLimits(settings: KeyedRateLimiterSettings): OwnLimits | undefined {
  const { limits, maxKeyLength } = settings;
  if (limits === undefined) return undefined;
  if (typeof limits === "function") {
    return (key) => {
      const given: unknown = limits(key);
      return given === undefined ? undefined : over(settings, parseOwn(given, "what limits returns"));
    };
  }
  const table = new Map<string, Limits>();
  for (const [key, own] of limits) table.set(idOf(key, maxKeyLength), over(settings, own));
  return (key) => table.get(key);
}
