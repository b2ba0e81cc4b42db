import { type Clock, realClock } from "../../kernel/clock.js";
import type { Duration } from "../../kernel/duration.js";
import type { OptionRules, SettingsFor } from "../../kernel/options.js";
import { duration, flag, having, text } from "../../kernel/rules.js";

/** Options of a `Timeout`. */
export interface TimeoutOptions {
  /** Names the policy in errors and selects `instances.<name>` of the configuration. Default `"timeout"`. */
  readonly name?: string | undefined;
  /** How long a call may take. Default 30 s. */
  readonly timeout?: Duration | undefined;
  /**
   * Whether, once the time is over and the signal is aborted, the call waits until the work has settled; if that still
   * returns a result, the call resolves with it. Default `false`: the call rejects at once.
   */
  readonly cooperative?: boolean | undefined;
  /** The source of time and timers. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** {@link TimeoutOptions} as checked; the timeout in milliseconds. */
export type TimeoutSettings = SettingsFor<
  TimeoutOptions,
  { name: string; timeout: number; cooperative: boolean; clock: Pick<Clock, "now" | "setTimer"> }
>;

export const timeoutRules: OptionRules<TimeoutSettings> = {
  name: text("timeout"),
  timeout: duration(30),
  cooperative: flag(false),
  clock: having<Pick<Clock, "now" | "setTimer">>(realClock, "a clock", ["now", "setTimer"]),
};

/** What `update` can change: options as for the constructor. */
export type TimeoutChanges = Pick<TimeoutOptions, "timeout">;

/** The rules of {@link TimeoutChanges}. */
export const liveRules: Pick<typeof timeoutRules, keyof TimeoutChanges> = {
  timeout: timeoutRules.timeout,
};
