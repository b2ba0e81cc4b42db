import { ResilienceError } from "./errors.js";

/** The error of a policy that did not run the function. */
export interface Refusal extends ResilienceError {
  readonly refused: true;
  /**
   * Seconds after which the call may be admitted; `Infinity` while it is not a matter of time, as with an isolated
   * circuit, and `undefined` when it is not known.
   */
  readonly retryAfter: number | undefined;
}

/**
 * Whether an error is a policy's refusal: the function did not run, so the error says nothing about it. Holds also
 * for what the other build of the package, ESM or CommonJS, has thrown.
 *
 * @example
 * ```ts
 * import { CircuitBreaker, isRefusal } from "@kstlib/resilience";
 *
 * const breaker = new CircuitBreaker({ name: "exchange" });
 * using isolated = breaker.isolate();
 * const error: unknown = await breaker.call(() => 1).catch((reason: unknown) => reason);
 * console.assert(isRefusal(error) && error.retryAfter === Infinity);
 * ```
 */
export function isRefusal(error: unknown): error is Refusal {
  try {
    return error instanceof ResilienceError && Reflect.get(error, "refused") === true;
  } catch {
    // A proxy or a getter that throws.
    return false;
  }
}
