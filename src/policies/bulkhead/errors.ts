import { brandError, ResilienceError } from "../../kernel/errors.js";
import type { Refusal } from "../../kernel/refusal.js";

/** As many calls run as may, and there is no place to wait, or the wait was too long. `code`: `ERR_BULKHEAD_FULL`. */
export class BulkheadFullError extends ResilienceError implements Refusal {
  readonly refused = true;
  /** When a call will end, nobody can say. */
  readonly retryAfter = undefined;

  /**
   * @param owner what refuses, as messages call it.
   * @param why as a clause.
   */
  constructor(owner: string, why: string) {
    super("ERR_BULKHEAD_FULL", `${owner} is full: ${why}.`);
  }
}
brandError(BulkheadFullError, "BulkheadFullError");
