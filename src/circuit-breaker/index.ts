/// <reference lib="esnext.disposable" preserve="true" />
export * from "../kernel/exports.js";
export { CircuitBreaker, type Guarded } from "./circuit-breaker.js";
export { circuitBreaker, circuitBreakerSync, type GuardedOptions } from "./decorators.js";
export { CircuitBreakerError, CircuitOpenError } from "./errors.js";
export type { Iterated } from "./iterate.js";
export { allOf, anyOf } from "./combined.js";
export type {
  CircuitBreakerChanges,
  CircuitBreakerOptions,
  CircuitMode,
  GrowingResetTimeout,
  HalfOpen,
  ResetTimeoutInfo,
} from "./options.js";
export type { Permit } from "./permit.js";
export {
  failureRate,
  failuresWithin,
  type FailuresWithinOptions,
  type FailureRateOptions,
  type RateWindow,
  slowCallRate,
  type SlowCallRateOptions,
} from "./rates.js";
export type {
  CircuitBreakerEvents,
  CircuitExport,
  CircuitSnapshot,
  CircuitState,
  CircuitStateReason,
  CircuitStats,
} from "./report.js";
export type { TripFigures, TripRule } from "./trip-rule.js";
