import type { Snapshot } from "../../kernel/component.js";
import type { Outcome } from "../../kernel/outcome.js";

/** Totals over the lifetime of a retry. */
export interface RetryStats {
  /** Calls that were made; each has one attempt or more. */
  readonly totalCalls: number;
  /** Calls that ended with an outcome not worth another attempt: usually a result. */
  readonly settledCalls: number;
  /** Calls that ended with an outcome worth another attempt, because no attempt or time was left. */
  readonly exhaustedCalls: number;
  /** Calls that ended with an outcome worth another attempt, because the budget was used up. */
  readonly suppressed: number;
  /** Calls that their caller gave up. */
  readonly abortedCalls: number;
  /** Attempts after the first ones. */
  readonly retries: number;
}

/** The state of a retry at one moment. */
export interface RetrySnapshot extends Snapshot {
  readonly kind: "retry";
  readonly attempts: number;
  /** Calls under way. */
  readonly running: number;
  readonly stats: RetryStats;
}

/** The events of a retry and what their listeners get. */
export interface RetryEvents {
  /** Another attempt follows after `delay` seconds. `attempt` is the one that has ended with `outcome`. */
  retry: { readonly attempt: number; readonly delay: number; readonly outcome: Outcome };
  /** There is no attempt or no time left; `outcome` is what the caller gets. */
  exhausted: { readonly attempts: number; readonly outcome: Outcome };
  /** The budget allows no other attempt; `outcome` is what the caller gets. */
  suppressed: { readonly attempts: number; readonly outcome: Outcome };
}
