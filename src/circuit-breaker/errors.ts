import { brandError, ResilienceError } from "../kernel/errors.js";
import type { Refusal } from "../kernel/refusal.js";

/** The base of the circuit breaker's own errors; never an error of the protected function. */
export class CircuitBreakerError extends ResilienceError {}
brandError(CircuitBreakerError, "CircuitBreakerError");

/**
 * A call was refused without being made: the circuit is open, isolated, or half-open with all its probes
 * under way. `code`: `ERR_CIRCUIT_OPEN`. `cause` is the last failure that counted, when there was one.
 */
export class CircuitOpenError extends CircuitBreakerError implements Refusal {
  /** The call was not made; see {@link isRefusal}. */
  readonly refused = true;
  /** The `name` of the circuit breaker. */
  readonly circuitName: string;
  /**
   * Seconds until a call may be admitted: what is left of the reset timeout, or of the earliest probe's
   * timeout when the circuit is half-open; `Infinity` while it is isolated.
   */
  readonly remainingSeconds: number;
  /** The same as {@link remainingSeconds}, by the name that all refusals have. */
  readonly retryAfter: number;

  /** @param condition the state of the circuit, in the words of the message: `"open"`. */
  constructor(
    circuitName: string,
    remainingSeconds: number,
    condition: string = "open",
    options?: ErrorOptions,
  ) {
    const advice = Number.isFinite(remainingSeconds)
      ? `Use a fallback, or try again in ${Math.ceil(remainingSeconds * 10) / 10} s.`
      : "Use a fallback until the isolation is released.";
    super(
      "ERR_CIRCUIT_OPEN",
      `circuit "${circuitName}" is ${condition}; the call was not made. ${advice}`,
      options,
    );
    this.circuitName = circuitName;
    this.remainingSeconds = remainingSeconds;
    this.retryAfter = remainingSeconds;
  }
}
brandError(CircuitOpenError, "CircuitOpenError");
