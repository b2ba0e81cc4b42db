import { brandError, ResilienceError } from "../kernel/errors.js";

/** The codes of {@link HeartbeatError}. */
export type HeartbeatErrorCode = "ERR_HEARTBEAT_WRITE" | "ERR_HEARTBEAT_RUNNING" | "ERR_HEARTBEAT_STOPPED";

/**
 * An operation of a heartbeat failed. `code`: `ERR_HEARTBEAT_WRITE` (the state file was not written; `cause` says why),
 * `ERR_HEARTBEAT_RUNNING` (`start()` while running), `ERR_HEARTBEAT_STOPPED` (`beat()` after `stop()`).
 */
export class HeartbeatError extends ResilienceError {
  declare readonly code: HeartbeatErrorCode;
}
brandError(HeartbeatError, "HeartbeatError");
