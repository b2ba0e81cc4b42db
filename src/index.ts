/// <reference lib="esnext.disposable" preserve="true" />
export { CircuitBreaker, type Guarded } from "./circuit-breaker/circuit-breaker.js";
export { circuitBreaker, circuitBreakerSync, type GuardedOptions } from "./circuit-breaker/decorators.js";
export { CircuitBreakerError, CircuitOpenError } from "./circuit-breaker/errors.js";
export type { Iterated } from "./circuit-breaker/iterate.js";
export type { CircuitBreakerOptions, GrowingResetTimeout } from "./circuit-breaker/options.js";
export type { Permit } from "./circuit-breaker/permit.js";
export {
  failureRate,
  type FailureRateOptions,
  type RateWindow,
  slowCallRate,
  type SlowCallRateOptions,
} from "./circuit-breaker/rates.js";
export type {
  CircuitBreakerEvents,
  CircuitSnapshot,
  CircuitState,
  CircuitStateReason,
  CircuitStats,
} from "./circuit-breaker/report.js";
export type { TripRule } from "./circuit-breaker/trip-rule.js";

export { type ConfigSection, configure, type ResilienceConfig } from "./configure.js";

export type { FreezeLink } from "./heartbeat-file/freeze-link.js";
export type { HeartbeatCheckOptions } from "./heartbeat-file/options.js";
export type { UnreadableReason } from "./heartbeat-file/read-file.js";
export type { HeartbeatMetadata, HeartbeatState, HeartbeatStatus } from "./heartbeat-file/state.js";
export type { HeartbeatCheck, HeartbeatVerdict } from "./heartbeat-file/verdict.js";
export type { HeartbeatEvents, HeartbeatSnapshot } from "./heartbeat/announcer.js";
export { HeartbeatError, type HeartbeatErrorCode } from "./heartbeat/errors.js";
export { Heartbeat } from "./heartbeat/heartbeat.js";
export type { HeartbeatOptions, HeartbeatStartOptions, HeartbeatTarget } from "./heartbeat/options.js";

export { type Clock, realClock, type Timer, type TimerOptions } from "./kernel/clock.js";
export type { Component, Json, Snapshot } from "./kernel/component.js";
export { ConfigError, type ConfigIssue } from "./kernel/config-error.js";
export type { ExecuteOptions, ExecutionContext } from "./kernel/context.js";
export { asDuration, type Duration } from "./kernel/duration.js";
export type { ErrorMatcher } from "./kernel/error-matcher.js";
export { ResilienceError } from "./kernel/errors.js";
export type { Listener } from "./kernel/events.js";
export type { Outcome } from "./kernel/outcome.js";
export { isRefusal, type Refusal } from "./kernel/refusal.js";
export type { Policy, SyncPolicy } from "./kernel/policy.js";
export type { NotAPromise, Synchronous } from "./kernel/synchronous.js";
export type {
  AnyFunction,
  AsyncDecorator,
  AsyncOf,
  Promised,
  SyncDecorator,
  SyncOf,
  SyncRest,
} from "./kernel/wrap.js";

export {
  type LimitedOptions,
  type LimitedSyncOptions,
  rateLimiter,
  rateLimiterSync,
} from "./rate-limiter/decorators.js";
export { RateLimitError, RateLimitExceededError } from "./rate-limiter/errors.js";
export {
  KeyedRateLimiter,
  type KeyedRateLimiterEvents,
  type KeyedRateLimiterSnapshot,
  type KeyedRateLimiterStats,
} from "./rate-limiter/keyed-rate-limiter.js";
export type { Limited } from "./rate-limiter/limited.js";
export type {
  KeyedRateLimiterOptions,
  OnFull,
  RateLimiterOptions,
  RateLimits,
} from "./rate-limiter/options.js";
export {
  RateLimiter,
  type RateLimiterEvents,
  type RateLimiterSnapshot,
  type RateLimiterStats,
} from "./rate-limiter/rate-limiter.js";
export type { LimitedExecuteOptions } from "./rate-limiter/execution.js";
export type { AcquireOptions, AcquireSyncOptions, SignalOf, WrapOptions } from "./rate-limiter/request.js";
export type { Reservation } from "./rate-limiter/reservation.js";
export { type RetryAfterSource, retryAfterSeconds } from "./rate-limiter/retry-after.js";

export { Registry, type RegistrySnapshot } from "./registry.js";

export type { ClusterPrimary, ClusterWorker } from "./shutdown/cluster-workers.js";
export { ShutdownError, type ShutdownErrorCode } from "./shutdown/errors.js";
export { GracefulShutdown } from "./shutdown/graceful-shutdown.js";
export type {
  CheckedCircuit,
  CheckedHeartbeat,
  CheckedWatchdog,
  HealthCheck,
  HealthCheckContext,
  HealthCheckFunction,
  HealthCheckOutcome,
} from "./shutdown/health-check.js";
export type { HealthHandler, HealthRequest, HealthResponse } from "./shutdown/health-handler.js";
export type { HealthCheckOptions, HealthHandlerOptions } from "./shutdown/health-options.js";
export type { HealthCheckResult, HealthProbe, HealthReport, HealthStatus } from "./shutdown/health-report.js";
export type {
  GracefulShutdownOptions,
  OnSecondSignal,
  SecondSignal,
  SecondSignalAnswer,
  ShutdownCallbackOptions,
  ShutdownServerOptions,
  ShutdownSignal,
  ShutdownWaitOptions,
} from "./shutdown/options.js";
export type { ShutdownKind } from "./shutdown/plan.js";
export type {
  ShutdownCallback,
  ShutdownContext,
  ShutdownEvents,
  ShutdownCut,
  ShutdownMember,
  ShutdownReport,
  ShutdownResult,
  ShutdownStatus,
} from "./shutdown/report.js";
export type { ClosableServer } from "./shutdown/server-parts.js";
export type { ShutdownSnapshot } from "./shutdown/snapshot.js";
export type { WorkerThread } from "./shutdown/worker-thread.js";

export {
  type RunWatchdog,
  type WatchdogContext,
  watchdogContext,
  type WatchdogContextOptions,
} from "./watchdog/context.js";
export { WatchdogError, WatchdogTimeoutError } from "./watchdog/errors.js";
export type { LinkedHeartbeat, OnFreeze, WatchdogOptions } from "./watchdog/options.js";
export type {
  StateFileCheck,
  StateFileOptions,
  StateFileRecoverInfo,
  StateFileTimeoutInfo,
  StateFileVerdict,
} from "./watchdog/state-file-options.js";
export {
  StateFileWatchdog,
  type StateFileWatchdogEvents,
  type StateFileWatchdogSnapshot,
} from "./watchdog/state-file-watchdog.js";
export type {
  ChildProcess,
  NotCountedDetails,
  NotCountedInfo,
  NotCountedKind,
  RecoverInfo,
  TimeoutDetails,
  TimeoutInfo,
  TimeoutKind,
} from "./watchdog/timeout-info.js";
export { Watchdog } from "./watchdog/watchdog.js";
export type { WatchdogEvents, WatchdogSnapshot, WatchdogStats } from "./watchdog/snapshot.js";
export type { WatchedFileOptions } from "./watchdog/watched-file.js";
