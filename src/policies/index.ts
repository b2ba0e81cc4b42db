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
export { retry, retrySync } from "./retry/decorators.js";
export type { Backoff, DelayInfo, RetryOptions } from "./retry/options.js";
export type { RetryEvents, RetrySnapshot, RetryStats } from "./retry/report.js";
export {
  RetryBudget,
  type RetryBudgetEvents,
  type RetryBudgetOptions,
  type RetryBudgetSnapshot,
  type RetryBudgetStats,
} from "./retry/retry-budget.js";
export { Retry } from "./retry/retry.js";
export { timeout } from "./timeout/decorators.js";
export { TimeoutExceededError } from "./timeout/errors.js";
export type { TimeoutOptions } from "./timeout/options.js";
export { Timeout, type TimeoutEvents, type TimeoutSnapshot, type TimeoutStats } from "./timeout/timeout.js";
