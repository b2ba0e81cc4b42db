/// <reference lib="esnext.disposable" preserve="true" />
export * from "./circuit-breaker/index.js";
export * from "./health/index.js";
export * from "./heartbeat/index.js";
export * from "./rate-limiter/index.js";
export * from "./shutdown/index.js";
export * from "./watchdog/index.js";

export { type ConfigSection, configure, type ResilienceConfig } from "./configure.js";
export { Registry, type RegistrySnapshot } from "./registry.js";
export { ConfigError, type ConfigIssue } from "./kernel/config-error.js";
