import type { Clock } from "../kernel/clock.js";
import { type Duration, formatDuration } from "../kernel/duration.js";
import { clockRule } from "../kernel/object-rules.js";
import type { OptionRules, SettingsFor } from "../kernel/options.js";
import { callback, custom, duration, flag, integer, numberFrom, type Rule, text } from "../kernel/rules.js";
import { unlike } from "../kernel/show.js";

const SIGNALS = [
  "SIGTERM",
  "SIGINT",
  "SIGHUP",
  "SIGQUIT",
  "SIGBREAK",
  "SIGUSR1",
  "SIGUSR2",
  "SIGPWR",
] as const;

/** The signals that can begin a shutdown; one that the platform does not have is ignored. */
export type ShutdownSignal = (typeof SIGNALS)[number];

/** Options of {@link GracefulShutdown}; every one may be left out. */
export interface GracefulShutdownOptions {
  /** Its name in snapshots and messages. Default `"shutdown"`. */
  readonly name?: string | undefined;
  /**
   * The total time of `preStopDelay` and all callbacks. Above 0. Default 30 s.
   * Throws a TypeError or RangeError otherwise.
   */
  readonly timeout?: Duration | undefined;
  /** The signals that begin a shutdown. Default SIGTERM and SIGINT; on Windows SIGINT, SIGBREAK and SIGHUP. */
  readonly signals?: readonly ShutdownSignal[] | undefined;
  /** The exit code when a callback failed, timed out or was skipped: a whole number from 1 to 255. Default 1. */
  readonly forceExitCode?: number | undefined;
  /**
   * Whether the process ends when a shutdown that a signal began is complete. Default `true`. With `false`, a second
   * signal can still end it, and so does the total time when the thread is blocked.
   */
  readonly exitOnSignal?: boolean | undefined;
  /**
   * How long further signals count as copies of the first, which change nothing: a runner (`npm`, `node --watch`,
   * nodemon) forwards signals that the terminal has also sent to the program. Time during which the thread is blocked
   * does not count. 0 or more. Default 0.5 s.
   */
  readonly repeatGrace?: Duration | undefined;
  /**
   * What a signal after that time means. `"default"`: SIGINT, SIGQUIT and SIGBREAK, which people type, end the
   * process at once, with 128 + the signal's number; all others do so only when the shutdown is complete, because their
   * senders can send SIGKILL. `"exit"`: all do. `"ignore"`: none does. A function gets `{ signal, first, seconds }` and
   * returns `"exit"` or `"ignore"`; anything else, or an error, means the default. If there are several shutdowns, one
   * `"exit"` is enough to end the process. Default `"default"`.
   */
  readonly onSecondSignal?: OnSecondSignal | undefined;
  /**
   * Whether an uncaught exception or unhandled rejection is printed, begins a shutdown and ends the process
   * with code 1; without `preStopDelay`, because a broken process must not keep serving. Default `false`.
   */
  readonly handleUncaught?: boolean | undefined;
  /**
   * How long to keep serving after the shutdown has begun (`isShuttingDown`, `signal` and `begin` show it at once)
   * before the first callback runs, so that a load balancer can notice. 0 or more, below `timeout`, which includes it.
   * An uncaught error ends the delay. Default 0.
   */
  readonly preStopDelay?: Duration | undefined;
  /**
   * The part of the remaining time that a server, a worker thread or a cluster leaves to the callbacks after it, so
   * that one stuck client does not use up their time: 0 to 0.9. Does not apply to one with its own `timeout`, nor to
   * the last. Default 0.33.
   */
  readonly reserve?: number | undefined;
  /** The source of time. Default the clock of the machine. */
  readonly clock?: Clock | undefined;
  /**
   * Called with the exit code instead of `process.exit`. A promise is awaited, for `timeout` at most. If it throws or
   * rejects, the process still ends, with that code.
   */
  readonly exit?: ((code: number) => unknown) | undefined;
}

/** A signal received after the one that began the shutdown, and not a copy of it. */
export interface SecondSignal {
  readonly signal: ShutdownSignal;
  /** The signal that began the shutdown. */
  readonly first: ShutdownSignal;
  /** How long after the first signal, in seconds. */
  readonly seconds: number;
}

/** Whether a second signal ends the process at once, or changes nothing. */
export type SecondSignalAnswer = "exit" | "ignore";

/** What a second signal means. */
export type OnSecondSignal =
  | "default"
  | SecondSignalAnswer
  | ((second: SecondSignal) => SecondSignalAnswer | undefined);

type Exit = (code: number) => unknown;

/** The checked options; times in milliseconds. */
export type GracefulShutdownSettings = SettingsFor<
  GracefulShutdownOptions,
  {
    name: string;
    timeout: number;
    signals: readonly ShutdownSignal[];
    forceExitCode: number;
    exitOnSignal: boolean;
    repeatGrace: number;
    onSecondSignal: OnSecondSignal;
    handleUncaught: boolean;
    preStopDelay: number;
    reserve: number;
    clock: Clock;
    exit: Exit;
  }
>;

function refuse(label: string, allowed: string, value: unknown, type: string): never {
  const Kind = typeof value === type ? RangeError : TypeError;
  throw new Kind(unlike(label, allowed, value));
}

function signalList(): Rule<readonly ShutdownSignal[]> {
  const allowed = `a list of different names out of ${SIGNALS.join(", ")}`;
  return custom({
    fallback: process.platform === "win32" ? ["SIGINT", "SIGBREAK", "SIGHUP"] : ["SIGTERM", "SIGINT"],
    allowed,
    file: { kind: "list", values: SIGNALS },
    parse(value, label) {
      if (!Array.isArray(value)) return refuse(label, allowed, value, "string");
      const odd = value.findIndex((name, index) => !SIGNALS.includes(name) || value.indexOf(name) < index);
      return odd === -1 ? Object.freeze([...value]) : refuse(label, allowed, value[odd], "string");
    },
  });
}

function secondSignal(): Rule<OnSecondSignal> {
  const words = ["default", "exit", "ignore"];
  const allowed = `one of ${words.map((word) => JSON.stringify(word)).join(", ")}, or a function`;
  return custom({
    fallback: "default",
    allowed,
    file: { kind: "choice", values: words },
    parse: (value, label) =>
      typeof value === "function" || words.some((word) => word === value)
        ? (value as OnSecondSignal)
        : refuse(label, allowed, value, "string"),
  });
}

/** The allowed values of each option of {@link GracefulShutdown}. */
export const shutdownRules: OptionRules<GracefulShutdownSettings> = {
  name: text("shutdown"),
  timeout: duration(30),
  signals: signalList(),
  forceExitCode: integer(1, 1, 255),
  exitOnSignal: flag(true),
  repeatGrace: duration(0.5, { zero: true }),
  onSecondSignal: secondSignal(),
  handleUncaught: flag(false),
  preStopDelay: duration(0, { zero: true }),
  reserve: numberFrom(0.33, 0, 0.9),
  clock: clockRule,
  // Always defined, because there is a fallback.
  exit: { ...callback<Exit>(), fallback: (code: number) => process.exit(code) } as Rule<Exit>,
};

/** @throws RangeError when `preStopDelay` leaves no time for callbacks. */
export function checkDelay({ preStopDelay, timeout }: GracefulShutdownSettings): void {
  if (preStopDelay < timeout) return;
  throw new RangeError(
    `preStopDelay must be shorter than timeout (${formatDuration(timeout / 1000)}), which includes it; got ${formatDuration(preStopDelay / 1000)}.`,
  );
}

/** The options that `update` can change, as for the constructor. */
export type ShutdownChanges = Pick<
  GracefulShutdownOptions,
  "timeout" | "forceExitCode" | "exitOnSignal" | "preStopDelay" | "reserve"
>;

const { timeout, forceExitCode, exitOnSignal, preStopDelay, reserve } = shutdownRules;

/** The rules of {@link ShutdownChanges}. */
export const liveRules: Pick<typeof shutdownRules, keyof ShutdownChanges> = {
  timeout,
  forceExitCode,
  exitOnSignal,
  preStopDelay,
  reserve,
};
