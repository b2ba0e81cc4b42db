import type { Snapshot } from "../kernel/component.js";
import type { RateLimiterStats } from "./metrics.js";

/** Totals of a keyed limiter over all keys: a frozen copy. */
export interface KeyedRateLimiterStats extends RateLimiterStats {
  /** How many keys are known now; full buckets are forgotten as new keys come. */
  readonly keys: number;
  /** How many keys were forgotten before their buckets were full. */
  readonly totalEvicted: number;
}

/** The state of a {@link KeyedRateLimiter}. */
export interface KeyedRateLimiterSnapshot extends Snapshot, KeyedRateLimiterStats {
  readonly kind: "keyed-rate-limiter";
  readonly rate: number;
  /** Seconds. */
  readonly per: number;
  readonly burst: number;
  readonly maxKeys: number;
}

/** The events of a {@link KeyedRateLimiter}. */
export interface KeyedRateLimiterEvents {
  /** A request was admitted after `waited` seconds. */
  readonly acquired: { readonly key: string; readonly cost: number; readonly waited: number };
  /** A request was refused; it would be admitted after `retryAfter` seconds. */
  readonly rejected: { readonly key: string; readonly cost: number; readonly retryAfter: number };
  /** A key was forgotten before its bucket was full. */
  readonly evicted: { readonly key: string };
}
