import { ConfigWatcher } from "./config-watcher.js";
import type { WatchConfigOptions } from "./watch-options.js";

/**
 * Reads the configuration as `loadConfig` does and follows its files: what they change later is applied to live
 * components, which keep their state. An open circuit stays open, tokens stay, waiters get new turns. A file that
 * cannot be used changes nothing and is an `error` event.
 *
 * With `registry` its components follow the file, those that exist already, too. Without one it is the process-wide
 * configuration, as with `configure`, and what constructors make from now on follows it: call it before.
 *
 * The files are read at each `interval` and their texts compared; no file system events are used, which network file
 * systems, container mounts and replaced links do not have reliably. A change is applied when two checks have found the
 * same text. It does not keep the process alive.
 *
 * @throws TypeError or RangeError for an option that is unknown, of the wrong type or out of range.
 * @throws ConfigError when the files cannot be used at the start.
 * @example
 * ```ts
 * import { RateLimiter } from "@kstlib/resilience";
 * import { watchConfig } from "@kstlib/resilience/config";
 *
 * using watcher = watchConfig({ interval: "2s" });
 * const limiter = new RateLimiter({ name: "exchange" });
 * watcher.on("change", ({ components }) => {
 *   for (const { kind, name, changed, ignored } of components) console.log(kind, name, changed, ignored);
 * });
 * watcher.on("error", (error) => console.error(error.message)); // file:line:column, and what is allowed there
 * await limiter.acquire();
 * ```
 */
export function watchConfig(options?: WatchConfigOptions): ConfigWatcher {
  return new ConfigWatcher(options);
}
