/// <reference lib="esnext.disposable" preserve="true" />
export * from "./circuit-breaker/index.js";
export * from "./health/index.js";
export * from "./heartbeat/index.js";
export * from "./policies/index.js";
export * from "./rate-limiter/index.js";
export * from "./shutdown/index.js";
export * from "./watchdog/index.js";

export { configure } from "./configure.js";
export type { ConfigSection, ResilienceConfig } from "./descriptors.js";
export { Registry } from "./registry.js";
export type { RegistryEvent, RegistrySnapshot } from "./registry-report.js";
export { logEvents, type LogEventsOptions, type Logger } from "./log-events.js";
export type { LogLevel } from "./kernel/log-rule.js";
export { type PartedPipeline, resilient, type ResilientPipeline } from "./resilient.js";
export type { Part, PartStats, ResilientOptions, ResilientParts } from "./resilient-options.js";
export { ConfigError, type ConfigIssue } from "./kernel/config-error.js";
