import { brandError, ResilienceError } from "../kernel/errors.js";
import type { Refusal } from "../kernel/refusal.js";
import { show } from "../kernel/show.js";

/**
 * An error of a limiter for any reason but the rate. `code`:
 *
 * - `ERR_RATE_LIMIT_COST`: the cost is above the burst, so waiting would not help;
 * - `ERR_RATE_LIMIT_SETTLED`: a reservation was committed after an earlier commit or cancel;
 * - `ERR_RATE_LIMIT_DISPOSED`: the limiter was disposed of, so the request cannot wait any longer.
 */
export class RateLimitError extends ResilienceError {
  /** Whether a request was refused; false for the misuse of a reservation. See {@link isRefusal}. */
  readonly refused: boolean;
  /** Seconds after which the same request is admitted if no other comes first; `undefined`: waiting does not help. */
  readonly retryAfter: number | undefined;

  constructor(code: string, message: string, retryAfter?: number) {
    super(code, message);
    this.refused = code !== "ERR_RATE_LIMIT_SETTLED";
    this.retryAfter = retryAfter;
  }
}
brandError(RateLimitError, "RateLimitError");

/** The rate does not allow the request in the time it has. `code`: `ERR_RATE_LIMIT_EXCEEDED`. */
export class RateLimitExceededError extends RateLimitError implements Refusal {
  declare readonly refused: true;
  declare readonly retryAfter: number;

  /**
   * @param limiterName the limiter's `name`, for the message.
   * @param retryAfter seconds; Infinity: never, at a rate of 0.
   * @param why the reason, as a clause.
   */
  constructor(limiterName: string, retryAfter: number, why: string = "not enough tokens for this request") {
    const when =
      retryAfter === Infinity
        ? "no more will come at a rate of 0"
        : `retry after ${Number(retryAfter.toPrecision(4))} s`;
    super("ERR_RATE_LIMIT_EXCEEDED", `${limiterName}: ${why}; ${when}.`, retryAfter);
  }
}
brandError(RateLimitExceededError, "RateLimitExceededError");

/** The error for a cost that the bucket can never hold. */
export function costError(cost: unknown, burst: number): Error {
  const message = `cost must be a number above 0, up to the burst of ${burst}; got ${show(cost)}.`;
  if (typeof cost !== "number") return new TypeError(message);
  if (cost > burst && cost < Infinity) return new RateLimitError("ERR_RATE_LIMIT_COST", message);
  return new RangeError(message);
}

/** The error for a request that waits, or would have to, at a limiter that was disposed of. */
export function disposedError(limiterName: string): RateLimitError {
  return new RateLimitError(
    "ERR_RATE_LIMIT_DISPOSED",
    `${limiterName}: the limiter was disposed of; requests can no longer wait.`,
  );
}
