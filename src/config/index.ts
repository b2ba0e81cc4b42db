/// <reference lib="esnext.disposable" preserve="true" />
export type { ConfigSection, ResilienceConfig } from "../descriptors.js";
export { ConfigError, type ConfigIssue } from "../kernel/config-error.js";
export type { Environment } from "./discover.js";
export { loadConfig, type LoadConfigOptions } from "./load.js";
