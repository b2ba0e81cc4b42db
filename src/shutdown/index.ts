/// <reference lib="esnext.disposable" preserve="true" />
export * from "../kernel/exports.js";
export type { ClusterPrimary, ClusterWorker } from "./members/cluster-workers.js";
export { ShutdownError, type ShutdownErrorCode } from "./errors.js";
export { GracefulShutdown } from "./graceful-shutdown.js";
export type {
  GracefulShutdownOptions,
  OnSecondSignal,
  SecondSignal,
  SecondSignalAnswer,
  ShutdownChanges,
  ShutdownSignal,
} from "./options.js";
export type { ShutdownCallbackOptions, ShutdownServerOptions } from "./registration-options.js";
export type { ShutdownWaitOptions } from "./wait.js";
export type { ShutdownKind } from "./plan.js";
export type {
  ShutdownCallback,
  ShutdownContext,
  ShutdownEvents,
  ShutdownCut,
  ShutdownMember,
  ShutdownReport,
  ShutdownResult,
  ShutdownStatus,
} from "./report.js";
export type { ClosableServer } from "./servers/frameworks.js";
export type { ShutdownSnapshot } from "./snapshot.js";
export type { WorkerThread } from "./members/worker-thread.js";
