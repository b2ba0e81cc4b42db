/// <reference lib="esnext.disposable" preserve="true" />
export * from "../kernel/exports.js";
export type {
  CheckedCircuit,
  CheckedClient,
  CheckedHeartbeat,
  CheckedWatchdog,
  HealthCheck,
  HealthCheckContext,
  HealthCheckFunction,
  HealthCheckOutcome,
} from "./check.js";
export { HealthError, type HealthErrorCode } from "./errors.js";
export type { HealthHandler, HealthRequest, HealthResponse } from "./handler.js";
export { Health } from "./health.js";
export type { HealthChanges, HealthCheckOptions, HealthHandlerOptions, HealthOptions } from "./options.js";
export type {
  HealthCheckResult,
  HealthEvents,
  HealthProbe,
  HealthReport,
  HealthSnapshot,
  HealthStatus,
} from "./report.js";
