import { clockRule } from "../kernel/object-rules.js";
import type { HeartbeatVerdict } from "../heartbeat-file/verdict.js";
import type { Clock } from "../kernel/clock.js";
import type { Duration } from "../kernel/duration.js";
import type { OptionRules, SettingsFor } from "../kernel/options.js";
import { callback, duration, flag, optional, text } from "../kernel/rules.js";
import { atLeast } from "./options.js";

/** A process that its heartbeat file shows to be unhealthy. */
export interface StateFileTimeoutInfo {
  readonly name: string;
  readonly file: string;
  /** What the file says; `"unknown"` when it is missing, cannot be read, or reading it hangs. */
  readonly kind: Exclude<HeartbeatVerdict, "alive">;
  /** Seconds since the last beat, or since the file was last seen alive if it has no beat. */
  readonly secondsInactive: number;
}

/** What `onRecover` of a {@link StateFileWatchdog} is given. */
export interface StateFileRecoverInfo {
  readonly name: string;
  readonly file: string;
  /** Seconds from the timeout to the look that found the file alive. */
  readonly secondsTriggered: number;
}

/** Options of a {@link StateFileWatchdog}. */
export interface StateFileOptions {
  /** Default: the file's absolute path. */
  readonly name?: string | undefined;
  /**
   * How old the last beat may be, at least 1 ms: seconds, or a string with a unit. Default: three times the interval that the
   * file names, or 30 s when it names none.
   */
  readonly maxAge?: Duration | undefined;
  /** How often the file is checked: at least 1 ms; seconds, or a string with a unit. Default 5 s. */
  readonly checkInterval?: Duration | undefined;
  /** Called once when the process is found to be unhealthy. */
  readonly onTimeout?: ((info: StateFileTimeoutInfo) => unknown) | undefined;
  /** Called when it is found alive again. */
  readonly onRecover?: ((info: StateFileRecoverInfo) => unknown) | undefined;
  /** Called with `onTimeout`: the channel `"watchdog"`, a message, and the information as context. */
  readonly onAlert?:
    | ((channel: string, message: string, context: StateFileTimeoutInfo) => unknown)
    | undefined;
  /** Whether watching keeps the process alive. Default `false`. */
  readonly keepAlive?: boolean | undefined;
  /** The source of time. */
  readonly clock?: Clock | undefined;
}

/** The checked options; durations in milliseconds. */
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
