/// <reference lib="esnext.disposable" preserve="true" />
export type { ConfigSection, ResilienceConfig } from "../descriptors.js";
export { ConfigError, type ConfigIssue } from "../kernel/config-error.js";
export type { Environment } from "./discover.js";
export { loadConfig, type LoadConfigOptions } from "./load.js";
export type { ConfigWatcher } from "./config-watcher.js";
export type { ComponentChange } from "./live-configuration.js";
export { watchConfig } from "./watch.js";
export type {
  ConfigChange,
  ConfigWatcherEvents,
  ConfigWatcherSnapshot,
  WatchConfigOptions,
} from "./watch-options.js";
