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
   * The time for everything together: `preStopDelay` and all callbacks. Above 0. Default 30 s.
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
   * For how long signals after the first are copies of it, which change nothing: what runs the program (`npm`,
   * `node --watch`, nodemon) forwards what the terminal has sent to the program, too. Time during which the thread is
   * blocked does not count. 0 or more. Default 0.5 s.
   */
  readonly repeatGrace?: Duration | undefined;
  /**
   * What a signal after that time means. `"default"`: SIGINT, SIGQUIT and SIGBREAK, which people type, end the
   * process at once, with 128 + the signal's number; all others do so only when the shutdown is complete, because their
   * senders can send a SIGKILL. `"exit"`: all do. `"ignore"`: none does. A function gets `{ signal, first, seconds }`
   * and returns `"exit"` or `"ignore"`; anything else, or an error, means the default. Of several shutdowns one is
   * enough to end the process. Default `"default"`.
   */
  readonly onSecondSignal?: OnSecondSignal | undefined;
  /**
   * Whether an uncaught exception or unhandled rejection is printed, begins a shutdown and ends the process
   * with code 1; without `preStopDelay`, because a broken process must not go on serving. Default `false`.
   */
  readonly handleUncaught?: boolean | undefined;
  /**
   * How long to go on serving after the shutdown has begun (`isShuttingDown`, `signal` and `begin` say so at
   * once) before the first callback runs: time for a load balancer to notice. 0 or more, below `timeout`,
   * which includes it. An uncaught error ends the delay. Default 0.
   */
  readonly preStopDelay?: Duration | undefined;
  /**
   * The part of the remaining time that a server, a worker thread or a cluster leaves to the callbacks after it, so that
   * one stuck client does not take theirs: 0 to 0.9. One with a `timeout` of its own has that instead, and the last one
   * leaves nothing. Default 0.33.
   */
  readonly reserve?: number | undefined;
  /** The source of time. Default the clock of the machine. */
  readonly clock?: Clock | undefined;
  /**
   * Called with the exit code instead of `process.exit`. A promise is awaited, for `timeout` at most. When it throws or
   * rejects, the process ends with the code all the same.
   */
  readonly exit?: ((code: number) => unknown) | undefined;
}

/** A signal that came after the one that began the shutdown and is no copy of it. */
export interface SecondSignal {
  readonly signal: ShutdownSignal;
  /** The one that began the shutdown. */
  readonly first: ShutdownSignal;
  /** How long after the first it came, in seconds. */
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

/** What each option of {@link GracefulShutdown} may be. */
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

/** What `update` can change: options as for the constructor. */
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
