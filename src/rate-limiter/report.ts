import type { Snapshot } from "../kernel/component.js";
import type { RateLimiterStats } from "./metrics.js";

/** The state of a `RateLimiter`. */
export interface RateLimiterSnapshot extends Snapshot, RateLimiterStats {
  readonly kind: "rate-limiter";
  readonly rate: number;
  /** Seconds. */
  readonly per: number;
  readonly burst: number;
  readonly tokens: number;
}

/** The events of a `RateLimiter`. */
export interface RateLimiterEvents {
  /** A request was admitted after `waited` seconds. */
  readonly acquired: { readonly cost: number; readonly waited: number };
  /** A request was refused; it would be admitted after `retryAfter` seconds. */
  readonly rejected: { readonly cost: number; readonly retryAfter: number };
}
