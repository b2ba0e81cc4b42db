import type { Context } from "../../kernel/context.js";
import type { RetryBudget } from "./retry-budget.js";

/** One call, from its first attempt to its last. */
export interface RetryCall {
  /** The context of the first attempt. */
  readonly context: Context;
  /** When it began, by the clock; 0 without `maxDuration`. */
  readonly started: number;
  /** The budget that counts it; `undefined` if an outer policy has counted it. */
  readonly countedBy: RetryBudget | undefined;
  attempt: number;
  /** The last delay, in milliseconds. */
  previous: number | undefined;
  /** Whether the budget has allowed the current or next attempt as an extra one. */
  isExtra: boolean;
  isOver: boolean;
}
