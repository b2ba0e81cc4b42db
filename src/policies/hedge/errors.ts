import { brandError, ResilienceError } from "../../kernel/errors.js";

/**
 * The abort reason of an attempt that was slower than another one. `code`: `ERR_HEDGE_LOST`. The caller never gets it.
 */
export class HedgeLostError extends ResilienceError {
  constructor() {
    super("ERR_HEDGE_LOST", "another attempt of this call was faster.");
  }
}
brandError(HedgeLostError, "HedgeLostError");
