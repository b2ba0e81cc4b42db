import { brandError, ResilienceError } from "../kernel/errors.js";

/** The codes of {@link ShutdownError}. */
export type ShutdownErrorCode =
  | "ERR_SHUTDOWN_DUPLICATE"
  | "ERR_SHUTDOWN_IN_PROGRESS"
  | "ERR_SHUTDOWN_TIMEOUT"
  | "ERR_SHUTDOWN_MEMBER";

/**
 * An error of a shutdown. `code` is
 *
 * - `ERR_SHUTDOWN_DUPLICATE`: a callback of this name is already registered;
 * - `ERR_SHUTDOWN_IN_PROGRESS`: too late, the shutdown has begun; also the reason of `shutdown.signal`;
 * - `ERR_SHUTDOWN_TIMEOUT`: a callback did not settle in time; in its result, and the reason of its signal;
 * - `ERR_SHUTDOWN_MEMBER`: a registered thread or process did not end well; in the result, with the exit code.
 */
export class ShutdownError extends ResilienceError {
  // Restated so that a switch over the code is exhaustive.
  declare readonly code: ShutdownErrorCode;
}
brandError(ShutdownError, "ShutdownError");
