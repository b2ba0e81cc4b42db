import type { Limits } from "./bucket.js";
import { idOf } from "./key-hash.js";
import { type KeyedRateLimiterSettings, parseOwn, type SomeLimits } from "./keyed-options.js";
import { limitsOf, type RateLimitsSettings } from "./options.js";

/** The separate limits of a key; `undefined`: it has those of all keys. */
export type OwnLimits = (key: string) => Limits | undefined;

/** The limits of one key; missing ones are those the limiter was made with. A missing burst follows the key's own rate. */
function over(general: RateLimitsSettings, own: SomeLimits): Limits {
  const { rate = general.rate, per = general.per } = own;
  const burst = own.burst ?? (own.rate === undefined ? general.burst : undefined);
  return limitsOf({ rate, per, burst });
}

/**
 * Finds the separate limits of a key; `undefined` when no key can have any.
 *
 * @throws RangeError when the limits of a key contradict each other.
 */
export function ownLimits(settings: KeyedRateLimiterSettings): OwnLimits | undefined {
  const { limits, maxKeyLength } = settings;
  if (limits === undefined) return undefined;
  if (typeof limits === "function") {
    return (key) => {
      const given: unknown = limits(key);
      return given === undefined ? undefined : over(settings, parseOwn(given, "the result of limits"));
    };
  }
  const table = new Map<string, Limits>();
  for (const [key, own] of limits) table.set(idOf(key, maxKeyLength), over(settings, own));
  return (key) => table.get(key);
}
