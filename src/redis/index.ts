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
