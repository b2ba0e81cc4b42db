import { brandError, ResilienceError } from "../kernel/errors.js";
import type { Refusal } from "../kernel/refusal.js";
import { show } from "../kernel/show.js";

/**
 * What a limiter refuses for another reason than the rate. `code`:
 *
 * - `ERR_RATE_LIMIT_COST`: the cost is above the burst, so no waiting would ever help;
 * - `ERR_RATE_LIMIT_SETTLED`: a reservation was committed a second time or after its cancellation;
 * - `ERR_RATE_LIMIT_DISPOSED`: the limiter was disposed of while the request waited.
 */
export class RateLimitError extends ResilienceError {
  /** Whether a call was not made; false for the misuse of a reservation. See {@link isRefusal}. */
  readonly refused: boolean;
  /** Seconds after which the same request is admitted, if nobody else asks before; `undefined`: no waiting helps. */
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
   * @param retryAfter seconds; Infinity: no token will come, since the rate is 0.
   * @param why what stands in the way, as a clause.
   */
  constructor(limiterName: string, retryAfter: number, why: string = "no token is left for this request") {
    const when =
      retryAfter === Infinity
        ? "no more will come at a rate of 0"
        : `retry after ${Number(retryAfter.toPrecision(4))} s`;
    super("ERR_RATE_LIMIT_EXCEEDED", `${limiterName}: ${why}; ${when}.`, retryAfter);
  }
}
brandError(RateLimitExceededError, "RateLimitExceededError");

/** The error of a cost that the bucket can never hold. */
export function costError(cost: unknown, burst: number): Error {
  const message = `cost must be a number above 0, up to the burst of ${burst}; got ${show(cost)}.`;
  if (typeof cost !== "number") return new TypeError(message);
  if (cost > burst && cost < Infinity) return new RateLimitError("ERR_RATE_LIMIT_COST", message);
  return new RangeError(message);
}

/** The error of a waiter whose limiter was disposed of. */
export function disposedError(limiterName: string): RateLimitError {
  return new RateLimitError(
    "ERR_RATE_LIMIT_DISPOSED",
    `${limiterName}: disposed of; nobody waits here any more.`,
  );
}
