/// <reference lib="esnext.disposable" preserve="true" />
export type * from "../heartbeat-file/exports.js";
export * from "../kernel/exports.js";
export type { HeartbeatEvents, HeartbeatSnapshot } from "./events.js";
export { HeartbeatError, type HeartbeatErrorCode } from "./errors.js";
export { Heartbeat } from "./heartbeat.js";
export type {
  HeartbeatChanges,
  HeartbeatOptions,
  HeartbeatStartOptions,
  HeartbeatTarget,
} from "./options.js";
export type { HeartbeatSink } from "./sink.js";
