import { brandError, ResilienceError } from "../../kernel/errors.js";

/**
 * The reason with which the signal of an attempt aborts that another attempt has overtaken. `code`: `ERR_HEDGE_LOST`. The
 * caller never gets it.
 */
export class HedgeLostError extends ResilienceError {
  constructor() {
    super("ERR_HEDGE_LOST", "another attempt of this call was faster.");
  }
}
brandError(HedgeLostError, "HedgeLostError");
