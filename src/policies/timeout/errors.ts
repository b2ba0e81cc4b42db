import { brandError, ResilienceError } from "../../kernel/errors.js";

/** A call took longer than its timeout. `code`: `ERR_TIMEOUT_EXCEEDED`. */
export class TimeoutExceededError extends ResilienceError {
  /** Seconds that the call had. */
  readonly seconds: number;
  /**
   * Seconds by which the timer was late, because this thread was blocked: if that is much of `seconds`, the timeout says
   * little about what was called. A circuit breaker ignores one that was late by more than half of its `seconds`.
   */
  readonly late: number;

  /** @param name of the timeout policy. */
  constructor(name: string, seconds: number, late: number, options?: ErrorOptions) {
    super("ERR_TIMEOUT_EXCEEDED", `${name} was exceeded: no result within ${seconds} s.`, options);
    this.seconds = seconds;
    this.late = late;
  }
}
brandError(TimeoutExceededError, "TimeoutExceededError");
