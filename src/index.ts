export type { Clock, Timer, TimerOptions } from "./kernel/clock.js";
export { realClock } from "./kernel/clock.js";
export type { Component, Snapshot } from "./kernel/component.js";
export type { Duration } from "./kernel/duration.js";
export { NotAvailableError, ResilienceError } from "./kernel/errors.js";
export type { Listener } from "./kernel/events.js";
export type { ExecuteOptions, ExecutionContext, Policy } from "./kernel/policy.js";
