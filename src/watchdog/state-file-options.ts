import { clockRule } from "../kernel/object-rules.js";
import type { HeartbeatVerdict } from "../heartbeat-file/verdict.js";
import type { Clock } from "../kernel/clock.js";
import type { Duration } from "../kernel/duration.js";
import type { OptionRules, SettingsFor } from "../kernel/options.js";
import { callback, duration, flag, optional, text } from "../kernel/rules.js";
import { atLeast } from "./options.js";

/** A process whose heartbeat file says that it is not well. */
export interface StateFileTimeoutInfo {
  readonly name: string;
  readonly file: string;
  /** What the file says; `"unknown"` when it is missing, cannot be read, or reading it hangs. */
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
  /** The source of time. */
  readonly clock?: Clock | undefined;
}

/** What the options come to; durations in milliseconds. */
export type StateFileSettings = SettingsFor<
  StateFileOptions,
  Required<Pick<StateFileOptions, "name" | "onTimeout" | "onRecover" | "onAlert">> & {
    maxAge: number | undefined;
    checkInterval: number;
    keepAlive: boolean;
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
  clock: clockRule,
};
