import type { Duration } from "../kernel/duration.js";

/** How many messages a channel gets: a token bucket. */
export interface AlertThrottle {
  /** Messages in each `per`. Above 0, up to 1,000; default 10. */
  readonly rate?: number | undefined;
  /** From 1 s to 1 day; default 60 s. */
  readonly per?: Duration | undefined;
  /** How many may follow one another at once. At least 1; default 5. */
  readonly burst?: number | undefined;
}
