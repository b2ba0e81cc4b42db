/// <reference lib="esnext.disposable" preserve="true" />
export type * from "../heartbeat-file/exports.js";
export * from "../kernel/exports.js";
export {
  type RunWatchdog,
  type WatchdogContext,
  watchdogContext,
  type WatchdogContextOptions,
} from "./context.js";
export { WatchdogError, WatchdogTimeoutError } from "./errors.js";
export type { LinkedHeartbeat, OnFreeze, WatchdogChanges, WatchdogOptions } from "./options.js";
export type { StateFileOptions, StateFileRecoverInfo, StateFileTimeoutInfo } from "./state-file-options.js";
export {
  StateFileWatchdog,
  type StateFileWatchdogEvents,
  type StateFileWatchdogSnapshot,
} from "./state-file-watchdog.js";
export type {
  ChildProcess,
  NotCountedDetails,
  NotCountedInfo,
  NotCountedKind,
  RecoverInfo,
  TimeoutDetails,
  TimeoutInfo,
  TimeoutKind,
} from "./timeout-info.js";
export { watchEventLoop } from "./watch-event-loop.js";
export { Watchdog } from "./watchdog.js";
export type { WatchdogEvents, WatchdogSnapshot, WatchdogStats } from "./snapshot.js";
export type { WatchedFileOptions } from "./watched-file.js";
