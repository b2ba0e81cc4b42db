import type { FreezeLink } from "../heartbeat-file/freeze-link.js";
import { parsePath, PATH_RULE } from "../heartbeat-file/options.js";
import type { Clock } from "../kernel/clock.js";
import type { Duration } from "../kernel/duration.js";
import { clockRule } from "../kernel/object-rules.js";
import { changeSettings, type OptionRules, resolveOptions, type SettingsFor } from "../kernel/options.js";
import { callback, choice, custom, duration, integer, type Rule, text } from "../kernel/rules.js";
import { show, unlike } from "../kernel/show.js";
import { warn } from "../kernel/warning.js";
import type { NotCountedInfo, RecoverInfo, TimeoutInfo } from "./timeout-info.js";

/** What the monitor does with a process whose thread is frozen, besides reporting it. */
export type OnFreeze = "report" | "exit" | "kill";

/** A heartbeat whose state file says `frozen` while the watched thread is; a `Heartbeat` is one. */
export interface LinkedHeartbeat {
  readonly isRunning: boolean;
  /** How the monitor thread gets at the state file; `undefined` when there is none. */
  readonly freezeLink: FreezeLink | undefined;
  /** Writes the state file now. */
  beat(): Promise<unknown>;
}

/** Options of a {@link Watchdog}. */
export interface WatchdogOptions {
  /** Names the watchdog in reports and picks `instances.<name>` of the configuration. Default `"watchdog"`. */
  readonly name?: string | undefined;
  /**
   * How long the work may go without a ping: seconds, or a string with a unit. Default 30 s. Below 1 s and
   * above 1 h it is moved to that bound, with a `KSTLIB_CLAMPED` process warning.
   *
   * @throws TypeError or RangeError for anything that is not a length of time above 0.
   */
  readonly timeout?: Duration | undefined;
  /** Called at each timeout, on the watched thread: at once when its loop runs, else when it is back. */
  readonly onTimeout?: ((info: TimeoutInfo) => unknown) | undefined;
  /** Called when a ping ends a timeout. */
  readonly onRecover?: ((info: RecoverInfo) => unknown) | undefined;
  /**
   * Called instead of `onTimeout` when the thread had no CPU or the process was stopped for so long that it would
   * have been a timeout. Once for each stop; continued starvation is reported once.
   */
  readonly onNotCounted?: ((info: NotCountedInfo) => unknown) | undefined;
  /** Called at each timeout with the channel `"watchdog"`, a message, and the information as context. */
  readonly onAlert?: ((channel: string, message: string, context: TimeoutInfo) => unknown) | undefined;
  /**
   * What happens to the process while the thread is frozen. `"report"` (the default) writes to stderr,
   * `"exit"` also runs the `exit` listeners and ends with `exitCode`, `"kill"` also sends SIGKILL.
   */
  readonly onFreeze?: OnFreeze | undefined;
  /** The exit code of `onFreeze: "exit"`, 0 to 255. Default 70. */
  readonly exitCode?: number | undefined;
  /**
   * A folder for reports: what goes to stderr during a freeze is also written there as JSON, one file for each watchdog
   * and freeze (mode 0600). A path or a `file:` URL, relative to the working directory at construction; created
   * with mode 0700. A report that cannot be written is a line on stderr. Default: none.
   *
   * @throws TypeError for anything that is no path.
   */
  readonly reportDirectory?: string | URL | undefined;
  /**
   * How many reports are kept in `reportDirectory`, counting those of other processes: at least 1. Each new report
   * removes the oldest beyond that; no other file is touched. Default 50.
   */
  readonly maxReports?: number | undefined;
  /**
   * A heartbeat of the same thread: during a freeze the status in its state file is `frozen`, and it beats as soon
   * as the thread runs again. A heartbeat without a state file is left alone. Default: none.
   */
  readonly heartbeat?: LinkedHeartbeat | undefined;
  /**
   * The time between two looks, from 10 ms to half the timeout; a timeout may be found that much late. Default: a
   * quarter of the timeout, at most 1 s.
   */
  readonly pollInterval?: Duration | undefined;
  /** The source of time. With a custom clock its timers do the watching, and no thread is started. */
  readonly clock?: Clock | undefined;
}

/** The checked options; durations in milliseconds. */
export type WatchdogSettings = SettingsFor<
  WatchdogOptions,
  Required<Pick<WatchdogOptions, "onTimeout" | "onRecover" | "onNotCounted" | "onAlert" | "heartbeat">> & {
    name: string;
    timeout: number;
    onFreeze: OnFreeze;
    exitCode: number;
    reportDirectory: string | undefined;
    maxReports: number;
    pollInterval: number | undefined;
    clock: Clock;
  }
>;

const SHORTEST = 1000;
const LONGEST = 3_600_000;

/** A duration of at least so many milliseconds. */
export function atLeast(least: number, rule: Rule<number>): Rule<number> {
  return {
    ...rule,
    allowed: `${rule.allowed}, at least ${least} ms`,
    parse: (value, label) => {
      const given = rule.parse(value, label);
      if (given < least) throw new RangeError(`${label} must be at least ${least} ms; got ${show(value)}.`);
      return given;
    },
  };
}

const HEARTBEAT_RULE = "a Heartbeat, or an object with isRunning, freezeLink and beat()";

function isHeartbeat(value: unknown): value is LinkedHeartbeat {
  if (typeof value !== "object" || value === null) return false;
  return "freezeLink" in value && "isRunning" in value && "beat" in value && typeof value.beat === "function";
}

function clamped(timeout: number): number {
  return Math.min(Math.max(timeout, SHORTEST), LONGEST);
}

export const watchdogRules: OptionRules<WatchdogSettings> = {
  name: text("watchdog"),
  timeout: duration(30, { long: true }),
  onTimeout: callback(),
  onRecover: callback(),
  onNotCounted: callback(),
  onAlert: callback(),
  onFreeze: choice<OnFreeze>("report", ["report", "exit", "kill"]),
  exitCode: integer(70, 0, 255),
  reportDirectory: custom<string | undefined>({
    allowed: PATH_RULE,
    file: { kind: "text" },
    parse: parsePath,
  }),
  maxReports: integer(50, 1),
  heartbeat: custom<LinkedHeartbeat | undefined>({
    allowed: HEARTBEAT_RULE,
    parse: (value, label) => {
      if (isHeartbeat(value)) return value;
      throw new TypeError(unlike(label, HEARTBEAT_RULE, value));
    },
  }),
  pollInterval: atLeast(10, duration(undefined)),
  clock: clockRule,
};

/** @throws RangeError when `pollInterval` is too long to see the timeout. */
export function checkTogether({ pollInterval, timeout }: WatchdogSettings): void {
  if (pollInterval === undefined || pollInterval <= clamped(timeout) / 2) return;
  throw new RangeError(
    `pollInterval must be at most half the timeout of ${clamped(timeout) / 1000} s; got ${pollInterval / 1000} s.`,
  );
}

/** What `update` can change: options as for the constructor, and `null` for none. */
export interface WatchdogChanges extends Pick<
  WatchdogOptions,
  "timeout" | "onFreeze" | "exitCode" | "maxReports"
> {
  /** `null`: a part of the timeout, as one that was never given. */
  readonly pollInterval?: Duration | null | undefined;
}

const { timeout, onFreeze, exitCode, maxReports, pollInterval } = watchdogRules;

/** The rules of {@link WatchdogChanges}. */
export const liveRules: Pick<typeof watchdogRules, keyof WatchdogChanges> = {
  timeout,
  onFreeze,
  exitCode,
  maxReports,
  pollInterval,
};

/** The settings of a watchdog with the changes of an `update`. */
export function changeWatchdog(settings: WatchdogSettings, changes: WatchdogChanges): WatchdogSettings {
  return withinBounds(changeSettings(liveRules, settings, changes));
}

/** Reads the options of a watchdog, or of something that takes more options. */
export function resolveWatchdog<Settings extends WatchdogSettings>(
  component: string,
  rules: OptionRules<Settings>,
  options: WatchdogOptions | undefined,
): Settings {
  return withinBounds(resolveOptions<Settings>(component, rules, options, "watchdog"));
}

function withinBounds<Settings extends WatchdogSettings>(settings: Settings): Settings {
  checkTogether(settings);
  // Not in the rule, which also checks configuration files: there is to be one warning for each watchdog.
  const within = clamped(settings.timeout);
  if (within === settings.timeout) return settings;
  const seconds = settings.timeout / 1000;
  const hint = settings.timeout > LONGEST ? ` A number is seconds: did you mean "${seconds}ms"?` : "";
  warn(
    "KSTLIB_CLAMPED",
    `timeout of a watchdog is from 1 s to 1 h; ${seconds} s became ${within / 1000} s.${hint}`,
  );
  return Object.freeze({ ...settings, timeout: within });
}
