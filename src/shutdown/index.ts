/// <reference lib="esnext.disposable" preserve="true" />
export * from "../kernel/exports.js";
export type { ClusterPrimary, ClusterWorker } from "./cluster-workers.js";
export { ShutdownError, type ShutdownErrorCode } from "./errors.js";
export { GracefulShutdown } from "./graceful-shutdown.js";
export type {
  CheckedCircuit,
  CheckedHeartbeat,
  CheckedWatchdog,
  HealthCheck,
  HealthCheckContext,
  HealthCheckFunction,
  HealthCheckOutcome,
} from "./health-check.js";
export type { HealthHandler, HealthRequest, HealthResponse } from "./health-handler.js";
export type { HealthCheckOptions, HealthHandlerOptions } from "./health-options.js";
export type { HealthCheckResult, HealthProbe, HealthReport, HealthStatus } from "./health-report.js";
export type {
  GracefulShutdownOptions,
  OnSecondSignal,
  SecondSignal,
  SecondSignalAnswer,
  ShutdownCallbackOptions,
  ShutdownServerOptions,
  ShutdownSignal,
  ShutdownWaitOptions,
} from "./options.js";
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
export type { ClosableServer } from "./server-parts.js";
export type { ShutdownSnapshot } from "./snapshot.js";
export type { WorkerThread } from "./worker-thread.js";
