import type { Context } from "../../kernel/context.js";
import type { RetryBudget } from "./retry-budget.js";

/** One call, from its first attempt to its last. */
export interface Course {
  /** Of the first attempt. */
  readonly context: Context;
  /** When it began, by the clock; only where it has a longest duration. */
  readonly started: number;
  /** The budget that counts it, unless it was counted outside. */
  readonly countedBy: RetryBudget | undefined;
  attempt: number;
  /** Milliseconds of the last delay. */
  previous: number | undefined;
  /** The budget has allowed the attempt that is coming or under way. */
  isExtra: boolean;
  isOver: boolean;
}
