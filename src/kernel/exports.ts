// Exported by every entry of the package.
export { type Clock, realClock, type Timer, type TimerOptions } from "./clock.js";
export type { Component, Json, Snapshot } from "./component.js";
export type { ExecuteOptions, ExecutionContext } from "./context.js";
export { asDuration, type Duration } from "./duration.js";
export type { ErrorMatcher } from "./error-matcher.js";
export { ResilienceError } from "./errors.js";
export type { Listener } from "./events.js";
export type { Outcome } from "./outcome.js";
export { isRefusal, type Refusal } from "./refusal.js";
export type { Policy, SyncPolicy } from "./policy.js";
export type { NotAPromise, Synchronous } from "./synchronous.js";
export type {
  AnyFunction,
  AsyncDecorator,
  AsyncOf,
  Promised,
  SyncDecorator,
  SyncOf,
  SyncRest,
} from "./wrap.js";
