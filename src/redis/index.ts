/// <reference lib="esnext.disposable" preserve="true" />
export * from "../kernel/exports.js";
export { SharedCircuitBreaker, type SharedGuarded } from "./circuit-breaker/shared-circuit-breaker.js";
export type { SharedCircuitBreakerOptions } from "./circuit-breaker/options.js";
export { StoreError } from "./store/store-error.js";
export { RedisHeartbeatSink } from "./heartbeats/redis-heartbeat-sink.js";
export { HeartbeatRegistry } from "./heartbeats/heartbeat-registry.js";
export type { HeartbeatWatch, HeartbeatWatchEvents } from "./heartbeats/heartbeat-watch.js";
export type { HeartbeatInstance } from "./heartbeats/instances.js";
export type {
  HeartbeatRegistryOptions,
  HeartbeatServicesOptions,
  HeartbeatWatchOptions,
  RedisHeartbeatSinkOptions,
} from "./heartbeats/options.js";
export { type SharedClass, SharedComponents, useRedis, type UseRedisOptions } from "./use-redis.js";
export type { StoreEvents } from "./store/store.js";
export type {
  OnStoreError,
  SharedLease,
  SharedKeyedRateLimiterOptions,
  SharedKeyedTier,
  SharedRateLimitChanges,
  SharedRateLimiterOptions,
  SharedTier,
} from "./rate-limiter/shared-options.js";
export { type SharedLimitedOptions, sharedRateLimiter } from "./rate-limiter/shared-decorator.js";
export type { SharedKey } from "./rate-limiter/key-form.js";
export {
  SharedKeyedRateLimiter,
  type SharedKeyedWrapOptions,
} from "./rate-limiter/shared-keyed-rate-limiter.js";
export { SharedRateLimiter } from "./rate-limiter/shared-rate-limiter.js";
export type {
  SharedKeyedRateLimiterEvents,
  SharedKeyedRateLimiterSnapshot,
  SharedRateLimiterEvents,
  SharedRateLimiterSnapshot,
  SharedRateLimiterStats,
} from "./rate-limiter/shared-report.js";
