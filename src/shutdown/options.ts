import { type Clock, realClock } from "../kernel/clock.js";
import { type Duration, formatDuration } from "../kernel/duration.js";
import type { OptionRules, SettingsFor } from "../kernel/options.js";
import { checkSignal } from "../kernel/context.js";
import {
  callback,
  custom,
  duration,
  flag,
  having,
  integer,
  numberFrom,
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
   * signal can end it either way, and so does the total deadline when the thread is blocked.
   */
  readonly exitOnSignal?: boolean | undefined;
  /**
   * For how long signals after the first are copies of it, which change nothing: what runs the program (`npm`,
   * `node --watch`, nodemon) passes on what the terminal has sent already. Time in which the thread is blocked
   * does not count. 0 or more. Default 0.5 s.
   */
  readonly repeatGrace?: Duration | undefined;
  /**
   * What a signal means that comes later than that. `"default"`: SIGINT, SIGQUIT and SIGBREAK, which people type,
   * end the process at once, with 128 + the signal's number; all others do so only when nothing is left to do,
   * because their senders have SIGKILL. `"exit"`: all do. `"ignore"`: none does. A function is given
   * `{ signal, first, seconds }` and answers `"exit"` or `"ignore"`; any other answer, or an error, means the
   * default. Of several shutdowns one suffices. Default `"default"`.
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
   * which includes it. After an uncaught error it is not waited, or no longer. Default 0.
   */
  readonly preStopDelay?: Duration | undefined;
  /**
   * The part of the time left that a server, a worker thread or a cluster leaves to the callbacks behind it, so that one
   * stuck client does not cost them: 0 to 0.9. Those that have a `timeout` of their own have that instead, and the last
   * of all leaves nothing. Default 0.33.
   */
  readonly reserve?: number | undefined;
  /** How long a health check may take that has no `timeout` of its own. Above 0. Default 5 s. */
  readonly checkTimeout?: Duration | undefined;
  /** The source of time. Default the clock of the machine. */
  readonly clock?: Clock | undefined;
  /**
   * Called with the exit code instead of `process.exit`. A promise is waited for until the `timeout` is over. When
   * it throws or rejects, the process ends with the code all the same.
   */
  readonly exit?: ((code: number) => unknown) | undefined;
}

/** A signal that came after the one that began the shutdown, and is no copy. */
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
    checkTimeout: number;
    clock: Clock;
    exit: Exit;
  }
>;

function refuse(label: string, allowed: string, value: unknown, type: string): never {
  const Kind = typeof value === type ? RangeError : TypeError;
  throw new Kind(`${label} must be ${allowed}; got ${show(value)}.`);
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
  // A file names instances by their key, not by an option.
  name: { ...text("shutdown"), file: undefined },
  timeout: duration(30),
  signals: signalList(),
  forceExitCode: integer(1, 1, 255),
  exitOnSignal: flag(true),
  repeatGrace: duration(0.5, { zero: true }),
  onSecondSignal: secondSignal(),
  handleUncaught: flag(false),
  preStopDelay: duration(0, { zero: true }),
  reserve: numberFrom(0.33, 0, 0.9),
  checkTimeout: duration(5),
  clock: having<Clock>(realClock, "a clock", ["now", "wallNow", "setTimer", "sleepSync"]),
  // With a fallback, it is always there.
  exit: { ...callback<Exit>(), fallback: (code: number) => process.exit(code) } as Rule<Exit>,
};

/** @throws RangeError when `preStopDelay` leaves no time for callbacks. */
export function checkDelay({ preStopDelay, timeout }: GracefulShutdownSettings): void {
  if (preStopDelay < timeout) return;
  throw new RangeError(
    `preStopDelay must be shorter than timeout (${formatDuration(timeout / 1000)}), which includes it; got ${formatDuration(preStopDelay / 1000)}.`,
  );
}

/** Options of `register`, and of all that can be registered. */
export interface ShutdownCallbackOptions {
  /** Lower runs first; any finite number. Default 100. Ties run in the order of registration. */
  readonly priority?: number | undefined;
  /** The callback's own limit, above 0. Default: what is left of the total; see `reserve` for all but callbacks. */
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
    parse: (value, label) =>
      Number.isFinite(value) ? Number(value) : refuse(label, "a finite number", value, "number"),
  }),
  timeout: optional(duration(undefined)),
};

/** Options of `registerServer`. */
export interface ShutdownServerOptions extends ShutdownCallbackOptions {
  /**
   * How long an HTTP connection without a request stays open for one that is on its way, which is then answered
   * with `Connection: close`. 0 or more; a quarter of the server's time at most counts. Default 0.5 s.
   */
  readonly idleGrace?: Duration | undefined;
}

/** The checked options of a server; times in milliseconds. */
export type ShutdownServerSettings = SettingsFor<
  ShutdownServerOptions,
  { priority: number; timeout: number | undefined; idleGrace: number }
>;

/** What each option of `registerServer` may be. */
export const serverRules: OptionRules<ShutdownServerSettings> = {
  ...callbackRules,
  idleGrace: duration(0.5, { zero: true }),
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
    parse(value) {
      checkSignal(value);
      return value as AbortSignal;
    },
  }),
};
