/// <reference lib="esnext.disposable" preserve="true" />
export * from "../kernel/exports.js";
export { type LimitedOptions, type LimitedSyncOptions, rateLimiter, rateLimiterSync } from "./decorators.js";
export { RateLimitError, RateLimitExceededError } from "./errors.js";
export { KeyedRateLimiter } from "./keyed-rate-limiter.js";
export type {
  KeyedRateLimiterEvents,
  KeyedRateLimiterSnapshot,
  KeyedRateLimiterStats,
} from "./keyed-report.js";
export type { Limited } from "./limited.js";
export type { KeyedRateLimiterOptions, LimitsByKey, OnFull } from "./keyed-options.js";
export type { RateLimitChanges, RateLimiterOptions, RateLimits } from "./options.js";
export type { RateLimiterStats } from "./metrics.js";
export { RateLimiter } from "./rate-limiter.js";
export type { RateLimiterEvents, RateLimiterSnapshot } from "./report.js";
export type { LimitedExecuteOptions } from "./execution.js";
export type {
  AcquireOptions,
  AcquireSyncOptions,
  KeyedWrapOptions,
  ReserveOptions,
  SignalOf,
  WrapOptions,
} from "./request.js";
export type { Reservation } from "./reservation.js";
export { SharedBucket } from "./shared-bucket.js";
export type { SharedBucketHandle, SharedBucketOptions } from "./shared-bucket-options.js";
export { type RetryAfterSource, retryAfterSeconds } from "../kernel/retry-after.js";
