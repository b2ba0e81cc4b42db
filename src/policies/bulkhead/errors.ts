import { brandError, ResilienceError } from "../../kernel/errors.js";
import type { Refusal } from "../../kernel/refusal.js";

/** A call was refused: as many as may are under way, and no more may wait, or for no longer. `code`: `ERR_BULKHEAD_FULL`. */
export class BulkheadFullError extends ResilienceError implements Refusal {
  /** The call was not made; see {@link isRefusal}. */
  readonly refused = true;
  /** Nobody can say when a call will end. */
  readonly retryAfter: undefined;

  /** @param owner as messages call it: `bulkhead "api"`. */
  constructor(owner: string, running: number, queued: number) {
    super(
      "ERR_BULKHEAD_FULL",
      `${owner} is full, ${running} under way and ${queued} waiting; the call was not made. Use a fallback, or try again later.`,
    );
  }
}
brandError(BulkheadFullError, "BulkheadFullError");
