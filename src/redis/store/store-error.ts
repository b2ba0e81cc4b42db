import { brandError, ResilienceError } from "../../kernel/errors.js";
import type { Refusal } from "../../kernel/refusal.js";

/**
 * The store did not answer in time, or answered with an error; `cause` is what the client said. `code`: `ERR_STORE`.
 * What was asked of the store may have been done all the same: a command that was sent cannot be taken back.
 */
export class StoreError extends ResilienceError implements Refusal {
  declare readonly refused: true;
  /** Not known: the store is asked again in the background, and calls are admitted as soon as it answers. */
  readonly retryAfter: undefined;

  constructor(message: string, options?: ErrorOptions) {
    super("ERR_STORE", message, options);
    this.refused = true;
  }
}
brandError(StoreError, "StoreError");
