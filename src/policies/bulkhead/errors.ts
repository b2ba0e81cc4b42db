import { brandError, ResilienceError } from "../../kernel/errors.js";
import type { Refusal } from "../../kernel/refusal.js";

/** The limit of running calls is reached, and the queue is full or the wait was too long. `code`: `ERR_BULKHEAD_FULL`. */
export class BulkheadFullError extends ResilienceError implements Refusal {
  readonly refused = true;
  /** Unknown: it depends on when a call ends. */
  readonly retryAfter = undefined;

  /**
   * @param owner the policy that refuses, for the message.
   * @param why the reason, as a clause.
   */
  constructor(owner: string, why: string) {
    super("ERR_BULKHEAD_FULL", `${owner} is full: ${why}.`);
  }
}
brandError(BulkheadFullError, "BulkheadFullError");
