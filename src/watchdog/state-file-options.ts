import { clockRule } from "../kernel/object-rules.js";
import type { HeartbeatState } from "../heartbeat-file/state.js";
import type { HeartbeatVerdict } from "../heartbeat-file/verdict.js";
import type { Clock } from "../kernel/clock.js";
import type { Duration } from "../kernel/duration.js";
import type { OptionRules, SettingsFor } from "../kernel/options.js";
import { callback, duration, flag, optional, text } from "../kernel/rules.js";
import { atLeast } from "./options.js";

/** What a look at a heartbeat file says; durations in seconds. */
export interface StateFileVerdict {
  /**
   * `"alive"` is well; `"unknown"` (no file, or none that can be read) is not when it lasts for `maxAge`;
   * `"dead"`, `"frozen"` and `"stopped"` are not; `"stale"` is not unless the watcher stood still itself meanwhile.
   */
  readonly status: HeartbeatVerdict;
  /** The age of the last beat in seconds, when there is one. */
  readonly age?: number | null | undefined;
  /** The beat; its interval says how long the next may take where there is no `maxAge`. */
  readonly state?: Pick<HeartbeatState, "interval"> | null | undefined;
}

/**
 * Reads a heartbeat file and judges it. `Heartbeat.check` is one. One that rejects, or takes longer than
 * `checkInterval`, counts as a file that cannot be read.
 */
export type StateFileCheck = (
  file: string,
  options: { readonly maxAge: Duration | undefined; readonly clock: Clock },
) => Promise<StateFileVerdict>;

/** A process whose heartbeat file says that it is not well. */
export interface StateFileTimeoutInfo {
  readonly name: string;
  readonly file: string;
  /** What the file says; `"unknown"` when it is missing, cannot be read, or the check of it hangs. */
  readonly kind: Exclude<HeartbeatVerdict, "alive">;
  /** Seconds since the last beat, or, where the file says none, since it was last seen alive. */
  readonly secondsInactive: number;
}

/** What `onRecover` of a {@link StateFileWatchdog} is given. */
export interface StateFileRecoverInfo {
  readonly name: string;
  readonly file: string;
  /** Seconds from the timeout to the look that found the file alive. */
  readonly secondsTriggered: number;
}

/** How a {@link StateFileWatchdog} is made; everything is optional. */
export interface StateFileOptions {
  /** Default: the file's absolute path. */
  readonly name?: string | undefined;
  /**
   * How old the last beat may be, at least 1 ms: seconds, or a string with a unit. Default: three times the interval that the
   * file names, or 30 s when it names none.
   */
  readonly maxAge?: Duration | undefined;
  /** How often the file is looked at: at least 1 ms; seconds, or a string with a unit. Default 5 s. */
  readonly checkInterval?: Duration | undefined;
  /** Called once when the process is found not to be well. */
  readonly onTimeout?: ((info: StateFileTimeoutInfo) => unknown) | undefined;
  /** Called when it is found to be well again. */
  readonly onRecover?: ((info: StateFileRecoverInfo) => unknown) | undefined;
  /** Called with `onTimeout`: the channel `"watchdog"`, a sentence, and the information as context. */
  readonly onAlert?:
    | ((channel: string, message: string, context: StateFileTimeoutInfo) => unknown)
    | undefined;
  /** Whether watching keeps the process alive. Default `false`. */
  readonly keepAlive?: boolean | undefined;
  /** How the file is read and judged. Default: as `Heartbeat.check` does. */
  readonly check?: StateFileCheck | undefined;
  /** The source of time. */
  readonly clock?: Clock | undefined;
}

/** What the options come to; durations in milliseconds. */
export type StateFileSettings = SettingsFor<
  StateFileOptions,
  {
    name: string | undefined;
    maxAge: number | undefined;
    checkInterval: number;
    onTimeout: ((info: StateFileTimeoutInfo) => unknown) | undefined;
    onRecover: ((info: StateFileRecoverInfo) => unknown) | undefined;
    onAlert: ((channel: string, message: string, context: StateFileTimeoutInfo) => unknown) | undefined;
    keepAlive: boolean;
    check: StateFileCheck | undefined;
    clock: Clock;
  }
>;

export const stateFileRules: OptionRules<StateFileSettings> = {
  name: text(undefined),
  maxAge: optional(atLeast(1, duration(undefined))),
  checkInterval: atLeast(1, duration(5)),
  onTimeout: callback(),
  onRecover: callback(),
  onAlert: callback(),
  keepAlive: flag(false),
  check: callback<StateFileCheck>(),
  clock: clockRule,
};
