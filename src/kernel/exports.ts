// What every entry of the package exports beside its own.
export { type Clock, realClock, type Timer, type TimerOptions } from "./clock.js";
export type { Component, Json, Snapshot } from "./component.js";
export { asDuration, type Duration } from "./duration.js";
export type { ErrorMatcher } from "./error-matcher.js";
export { ResilienceError } from "./errors.js";
export type { Listener } from "./events.js";
export type { Outcome } from "./outcome.js";
export type { ExecuteOptions, ExecutionContext, Policy } from "./policy.js";
export type {
  AnyFunction,
  AsyncDecorator,
  AsyncOf,
  Promised,
  SyncDecorator,
  Synchronous,
  SyncOf,
  SyncRest,
} from "./wrap.js";
