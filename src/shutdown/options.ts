import { constants } from "node:os";
import { type Clock, realClock } from "../kernel/clock.js";
import type { Duration } from "../kernel/duration.js";
import { formatDuration } from "../kernel/duration.js";
import type { OptionRules, SettingsFor } from "../kernel/options.js";
import {
  callback,
  custom,
  duration,
  flag,
  having,
  integer,
  optional,
  type Rule,
  text,
} from "../kernel/rules.js";
import { show } from "../kernel/show.js";

/** The signals that can begin a shutdown; a platform that does not have one ignores it. */
export type ShutdownSignal =
  | "SIGTERM"
  | "SIGINT"
  | "SIGHUP"
  | "SIGQUIT"
  | "SIGBREAK"
  | "SIGUSR1"
  | "SIGUSR2"
  | "SIGPWR";

const SIGNALS: readonly ShutdownSignal[] = [
  "SIGTERM",
  "SIGINT",
  "SIGHUP",
  "SIGQUIT",
  "SIGBREAK",
  "SIGUSR1",
  "SIGUSR2",
  "SIGPWR",
];

/** The exit code by which a shell tells that a signal ended a program: 128 and the signal's number. */
export function signalExitCode(signal: ShutdownSignal): number {
  const known: Readonly<Record<string, number>> = constants.signals;
  return 128 + (known[signal] ?? constants.signals.SIGTERM);
}

/** Whether the platform can deliver the signal. */
export function isDeliverable(signal: ShutdownSignal): boolean {
  return Object.hasOwn(constants.signals, signal);
}

/** Options of {@link GracefulShutdown}; every one may be left out. */
export interface GracefulShutdownOptions {
  /** What snapshots and messages call it. Default `"shutdown"`. */
  readonly name?: string | undefined;
  /**
   * The time for everything together: `preStopDelay` and all callbacks. Above 0. Default 30 s.
   * Throws a TypeError or RangeError otherwise.
   */
  readonly timeout?: Duration | undefined;
  /** The signals that begin a shutdown. Default SIGTERM and SIGINT; on Windows SIGINT, SIGBREAK and SIGHUP. */
  readonly signals?: readonly ShutdownSignal[] | undefined;
  /** The exit code when a callback failed, timed out or was skipped: a whole number from 1 to 255. Default 1. */
  readonly forceExitCode?: number | undefined;
  /**
   * Whether the process ends once the shutdown that a signal began is complete. Default `true`. A second
   * signal ends it either way, and so does the total deadline when the thread is blocked.
   */
  readonly exitOnSignal?: boolean | undefined;
  /**
   * Whether an uncaught exception or unhandled rejection is printed, begins a shutdown and ends the process
   * with code 1. Default `false`.
   */
  readonly handleUncaught?: boolean | undefined;
  /**
   * How long to go on serving after the shutdown has begun (`isShuttingDown`, `signal` and `begin` say so at
   * once) before the first callback runs: time for a load balancer to notice. 0 or more, below `timeout`,
   * which includes it. Default 0.
   */
  readonly preStopDelay?: Duration | undefined;
  /** The source of time. Default the clock of the machine. */
  readonly clock?: Clock | undefined;
  /** Called with the exit code instead of `process.exit`. */
  readonly exit?: ((code: number) => void) | undefined;
}

/** The checked options; times in milliseconds. */
export type GracefulShutdownSettings = SettingsFor<
  GracefulShutdownOptions,
  {
    name: string;
    timeout: number;
    signals: readonly ShutdownSignal[];
    forceExitCode: number;
    exitOnSignal: boolean;
    handleUncaught: boolean;
    preStopDelay: number;
    clock: Clock;
    exit: ((code: number) => void) | undefined;
  }
>;

function signalList(): Rule<readonly ShutdownSignal[]> {
  const allowed = `a list of different names out of ${SIGNALS.join(", ")}`;
  return custom({
    fallback: process.platform === "win32" ? ["SIGINT", "SIGBREAK", "SIGHUP"] : ["SIGTERM", "SIGINT"],
    allowed,
    file: { kind: "list", values: SIGNALS },
    parse(value, label) {
      if (!Array.isArray(value)) throw new TypeError(`${label} must be ${allowed}; got ${show(value)}.`);
      const given: readonly unknown[] = value;
      const known = SIGNALS.filter((signal) => given.includes(signal));
      if (known.length === given.length) return Object.freeze(known);
      const odd = given.find(
        (name, index) => given.indexOf(name) !== index || !SIGNALS.some((s) => s === name),
      );
      throw new (typeof odd === "string" ? RangeError : TypeError)(
        `${label} must be ${allowed}; got ${show(odd)}${odd === "SIGKILL" || odd === "SIGSTOP" ? ", which no program can catch" : ""}.`,
      );
    },
  });
}

/** What each option of {@link GracefulShutdown} may be. */
export const shutdownRules: OptionRules<GracefulShutdownSettings> = {
  // A file names instances by their key, not by an option.
  name: { ...text("shutdown"), file: undefined },
  timeout: duration(30),
  signals: signalList(),
  forceExitCode: integer(1, 1, 255),
  exitOnSignal: flag(true),
  handleUncaught: flag(false),
  preStopDelay: duration(0, { zero: true }),
  clock: having<Clock>(realClock, "a clock", ["now", "wallNow", "setTimer", "sleepSync"]),
  exit: callback<(code: number) => void>(),
};

/** Throws unless the delay leaves time for the callbacks. */
export function checkDelay({ preStopDelay, timeout }: GracefulShutdownSettings): void {
  if (preStopDelay < timeout) return;
  throw new RangeError(
    `preStopDelay must be shorter than timeout (${formatDuration(timeout / 1000)}), which includes it; got ${formatDuration(preStopDelay / 1000)}.`,
  );
}

/** Options of `register` and `registerServer`. */
export interface ShutdownCallbackOptions {
  /** Lower runs first; any finite number. Default 100. Ties run in the order of registration. */
  readonly priority?: number | undefined;
  /** The callback's own limit, above 0. Default: what is left of the total. */
  readonly timeout?: Duration | undefined;
}

/** The checked options of a callback; times in milliseconds. */
export type ShutdownCallbackSettings = SettingsFor<
  ShutdownCallbackOptions,
  { priority: number; timeout: number | undefined }
>;

/** What each option of `register` may be. */
export const callbackRules: OptionRules<ShutdownCallbackSettings> = {
  priority: custom({
    fallback: 100,
    allowed: "a finite number",
    parse(value, label) {
      if (typeof value === "number" && Number.isFinite(value)) return value;
      throw new (typeof value === "number" ? RangeError : TypeError)(
        `${label} must be a finite number; got ${show(value)}.`,
      );
    },
  }),
  timeout: optional(duration(undefined)),
};

/** Options of `wait`. */
export interface ShutdownWaitOptions {
  /** How long to wait, 0 or more. Default: without end. */
  readonly timeout?: Duration | undefined;
  /** Gives the waiting up: the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** The checked options of `wait`; times in milliseconds. */
export type ShutdownWaitSettings = SettingsFor<
  ShutdownWaitOptions,
  { timeout: number | undefined; signal: AbortSignal | undefined }
>;

/** What each option of `wait` may be. */
export const waitRules: OptionRules<ShutdownWaitSettings> = {
  timeout: optional(duration(undefined, { zero: true })),
  signal: custom({
    allowed: "an AbortSignal",
    parse(value, label) {
      if (value instanceof AbortSignal) return value;
      throw new TypeError(`${label} must be an AbortSignal; got ${show(value)}.`);
    },
  }),
};
