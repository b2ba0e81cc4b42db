/// <reference lib="esnext.disposable" preserve="true" />
export * from "../kernel/exports.js";
export type { Wrapped, Work } from "../kernel/base-policy.js";
export type { PerInstance, PolicyWrapper, SyncPolicyWrapper } from "../kernel/policy-wrapper.js";
export type { InsteadOf } from "../kernel/policy.js";
export {
  Pipeline,
  pipeline,
  type PipelineEvents,
  type PipelineOptions,
  type PipelineSnapshot,
} from "./pipeline/pipeline.js";
export type { AnyPolicy } from "./pipeline/nest.js";
export type { Jitter } from "./retry/backoff.js";
export {
  AdaptiveLimiter,
  type AdaptiveLimiterEvents,
  type AdaptiveLimiterSnapshot,
  type AdaptiveLimiterStats,
} from "./adaptive-limiter/adaptive-limiter.js";
export type { AlgorithmName } from "./adaptive-limiter/algorithms.js";
export { adaptiveLimiter } from "./adaptive-limiter/decorators.js";
export type { AdaptiveLimiterChanges, AdaptiveLimiterOptions } from "./adaptive-limiter/options.js";
export type { AdmissionStats } from "./bulkhead/admission.js";
export {
  Bulkhead,
  type BulkheadEvents,
  type BulkheadSnapshot,
  type BulkheadStats,
} from "./bulkhead/bulkhead.js";
export { bulkhead, bulkheadSync } from "./bulkhead/decorators.js";
export { BulkheadFullError } from "./bulkhead/errors.js";
export type { BulkheadChanges, BulkheadOptions } from "./bulkhead/options.js";
export { Chaos, type ChaosEvents, type ChaosSnapshot, type ChaosStats } from "./chaos/chaos.js";
export { chaos } from "./chaos/decorators.js";
export type { ChaosOptions } from "./chaos/options.js";
export { fallback, fallbackSync } from "./fallback/decorators.js";
export {
  Fallback,
  type FallbackEvents,
  type FallbackSnapshot,
  type FallbackStats,
} from "./fallback/fallback.js";
export type { FallbackOptions, LastGoodOptions } from "./fallback/options.js";
export { hedge } from "./hedge/decorators.js";
export { HedgeLostError } from "./hedge/errors.js";
export { Hedge } from "./hedge/hedge.js";
export type { HedgeChanges, HedgeOptions, PercentileDelay } from "./hedge/options.js";
export type { HedgeEvents, HedgeSnapshot, HedgeStats } from "./hedge/report.js";
export { retry, retrySync } from "./retry/decorators.js";
export type { Backoff, DelayInfo, RetryChanges, RetryOptions } from "./retry/options.js";
export type { RetryEvents, RetrySnapshot, RetryStats } from "./retry/report.js";
export {
  RetryBudget,
  type RetryBudgetChanges,
  type RetryBudgetEvents,
  type RetryBudgetOptions,
  type RetryBudgetSnapshot,
  type RetryBudgetStats,
} from "./retry/retry-budget.js";
export { Retry } from "./retry/retry.js";
export { singleFlight } from "./single-flight/decorators.js";
export type { SingleFlightOptions } from "./single-flight/options.js";
export {
  SingleFlight,
  type SingleFlightEvents,
  type SingleFlightSnapshot,
  type SingleFlightStats,
} from "./single-flight/single-flight.js";
export { timeout } from "./timeout/decorators.js";
export { TimeoutExceededError } from "./timeout/errors.js";
export type { TimeoutChanges, TimeoutOptions } from "./timeout/options.js";
export { Timeout, type TimeoutEvents, type TimeoutSnapshot, type TimeoutStats } from "./timeout/timeout.js";
