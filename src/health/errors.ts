import { brandError, ResilienceError } from "../kernel/errors.js";

/** The codes of {@link HealthError}. */
export type HealthErrorCode = "ERR_HEALTH_CHECK_TIMEOUT" | "ERR_HEALTH_DUPLICATE";

/**
 * What goes wrong around health checks. `code` is
 *
 * - `ERR_HEALTH_CHECK_TIMEOUT`: a check did not answer in time; the reason of its signal;
 * - `ERR_HEALTH_DUPLICATE`: there is a check of this name already.
 */
export class HealthError extends ResilienceError {
  // Restated so that a switch over the code is exhaustive.
  declare readonly code: HealthErrorCode;
}
brandError(HealthError, "HealthError");
