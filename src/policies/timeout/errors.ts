import { brandError, ResilienceError } from "../../kernel/errors.js";

/** A call took longer than its timeout. `code`: `ERR_TIMEOUT_EXCEEDED`. */
export class TimeoutExceededError extends ResilienceError {
  /** Seconds that the call was allowed. */
  readonly seconds: number;
  /**
   * Seconds by which the timer was late, because this thread was blocked: if that is a large part of `seconds`,
   * the timeout says little about the service. A circuit breaker ignores a timeout that was late by more than half of
   * its `seconds`, and one of 0 `seconds`, for which nothing was called.
   */
  readonly late: number;

  /** @param name what was exceeded, for the message. */
  constructor(name: string, seconds: number, late: number, options?: ErrorOptions) {
    super("ERR_TIMEOUT_EXCEEDED", `${name} was exceeded: no result within ${seconds} s.`, options);
    this.seconds = seconds;
    this.late = late;
  }
}
brandError(TimeoutExceededError, "TimeoutExceededError");
