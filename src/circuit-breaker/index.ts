/// <reference lib="esnext.disposable" preserve="true" />
export * from "../kernel/exports.js";
export { CircuitBreaker, type Guarded } from "./circuit-breaker.js";
export { circuitBreaker, circuitBreakerSync, type GuardedOptions } from "./decorators.js";
export { CircuitBreakerError, CircuitOpenError } from "./errors.js";
export type { Iterated } from "./iterate.js";
export type { CircuitBreakerChanges, CircuitBreakerOptions, GrowingResetTimeout } from "./options.js";
export type { Permit } from "./permit.js";
export {
  failureRate,
  type FailureRateOptions,
  type RateWindow,
  slowCallRate,
  type SlowCallRateOptions,
} from "./rates.js";
export type {
  CircuitBreakerEvents,
  CircuitSnapshot,
  CircuitState,
  CircuitStateReason,
  CircuitStats,
} from "./report.js";
export type { TripRule } from "./trip-rule.js";
