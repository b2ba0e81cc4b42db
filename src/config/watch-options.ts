import type { ResilienceConfig } from "../descriptors.js";
import type { Clock } from "../kernel/clock.js";
import type { Snapshot } from "../kernel/component.js";
import type { ConfigError } from "../kernel/config-error.js";
import type { Duration } from "../kernel/duration.js";
import { clockRule } from "../kernel/object-rules.js";
import type { OptionRules, SettingsFor } from "../kernel/options.js";
import { custom, duration, flag } from "../kernel/rules.js";
import { unlike } from "../kernel/show.js";
import type { Registry } from "../registry.js";
import type { ComponentChange } from "./live-configuration.js";
import { type LoadConfigOptions, loadRules, type LoadSettings } from "./load.js";

/** Options of {@link watchConfig}: those of `loadConfig`, and these. */
export interface WatchConfigOptions extends LoadConfigOptions {
  /** The registry whose components follow the file. Default: what constructors make, from now on. */
  readonly registry?: Registry | undefined;
  /** The time between two checks of the files. A change is applied by the second check that finds it. Default 1 s. */
  readonly interval?: Duration | undefined;
  /** Whether a file that was named may be missing at the start: built-in defaults until it is there. Default `false`. */
  readonly optional?: boolean | undefined;
  /** The source of time. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** A configuration that has become the current one. */
export interface ConfigChange {
  readonly config: ResilienceConfig;
  /** The live components that it affects. */
  readonly components: readonly ComponentChange[];
}

/** The events of a {@link ConfigWatcher}. */
export interface ConfigWatcherEvents {
  /** The content of the files has changed, or is valid again after an `error`. */
  readonly change: ConfigChange;
  /** The files cannot be used: nothing has changed. */
  readonly error: ConfigError;
}

/** The state of a {@link ConfigWatcher} at one moment. */
export interface ConfigWatcherSnapshot extends Snapshot {
  readonly kind: "config";
  readonly isWatching: boolean;
  /** The file that was read last; `null` when there is none. */
  readonly file: string | null;
  /** How many changes there were. */
  readonly changes: number;
  /** The mistakes in the files as they are now; `null` when they are in use. */
  readonly error: string | null;
}

/** Checked {@link WatchConfigOptions}; the interval in milliseconds. */
export type WatchSettings = SettingsFor<
  WatchConfigOptions,
  LoadSettings & { registry: Registry | undefined; interval: number; optional: boolean; clock: Clock }
>;

const REGISTRY_RULE = "a Registry";

/** What each option of {@link watchConfig} may be. */
export const watchRules: OptionRules<WatchSettings> = {
  ...loadRules,
  registry: custom<Registry | undefined>({
    allowed: REGISTRY_RULE,
    parse(value, label) {
      // Of this build or the other one.
      if (typeof value === "object" && value !== null && "follow" in value) return value as Registry;
      throw new TypeError(unlike(label, REGISTRY_RULE, value));
    },
  }),
  interval: duration(1),
  optional: flag(false),
  clock: clockRule,
};
