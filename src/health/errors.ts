import { brandError, ResilienceError } from "../kernel/errors.js";

/** The codes of {@link HealthError}. */
export type HealthErrorCode = "ERR_HEALTH_CHECK_TIMEOUT" | "ERR_HEALTH_DUPLICATE";

/**
 * An error of a health check. `code` is
 *
 * - `ERR_HEALTH_CHECK_TIMEOUT`: a check did not answer in time; it is the reason of the check's signal;
 * - `ERR_HEALTH_DUPLICATE`: there is already a check of this name.
 */
export class HealthError extends ResilienceError {
  // Restated so that a switch over the code is exhaustive.
  declare readonly code: HealthErrorCode;
}
brandError(HealthError, "HealthError");
