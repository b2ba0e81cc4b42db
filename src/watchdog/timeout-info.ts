/**
 * Why a watchdog timed out.
 *
 * - `not-pinged`: the event loop runs, the watched work hangs.
 * - `blocked-js`: the thread runs JavaScript that does not return.
 * - `blocked-native`: the thread is in a system call, waits for a child process or runs native code.
 *
 * Time in which the thread had no CPU (starved) or the process was stopped (suspended) is not counted. Where it would
 * have been a timeout, it is reported as {@link NotCountedInfo}; the details of a timeout say how much was left out.
 */
export type TimeoutKind = "not-pinged" | "blocked-js" | "blocked-native";

/** A child process of the frozen thread. */
export interface ChildProcess {
  readonly pid: number;
  /** Its command line, cut to 200 characters. */
  readonly command: string;
}

/** What is known about a timeout; each key is present only where the platform provides it. */
export interface TimeoutDetails {
  /** The kernel's letter for the thread: `R` running, `S` sleeping, `D` in uninterruptible sleep (Linux). */
  readonly threadState?: string;
  /** The kernel function in which the thread sleeps (Linux). */
  readonly waitingIn?: string;
  /** The number of the system call that the thread is in (Linux). */
  readonly systemCall?: number;
  /** The running child processes that the thread started (Linux). */
  readonly children?: readonly ChildProcess[];
  /** Why there is no stack of a blocked thread. */
  readonly noStack?: string;
  /** Seconds that were not counted because the process was stopped or had no CPU. */
  readonly secondsNotCounted?: number;
}

/** What `onTimeout` and the `timeout` event are given. */
export interface TimeoutInfo {
  readonly name: string;
  /** Seconds without a ping when the timeout was found. */
  readonly secondsInactive: number;
  readonly kind: TimeoutKind;
  /**
   * The JavaScript stack of a blocked thread, if it could be taken. For native code (an `execSync`) it is taken right
   * after that returned.
   */
  readonly stack?: string;
  readonly details: TimeoutDetails;
}

/** What `onRecover` and the `recover` event are given. */
export interface RecoverInfo {
  readonly name: string;
  /**
   * Seconds from the timeout to the ping that ended it. For a freeze they count from when it was found, although
   * `onTimeout` runs only when the thread is back.
   */
  readonly secondsTriggered: number;
}

/**
 * What kept a watchdog from timing out.
 *
 * - `starved`: the thread was runnable and had no CPU: too many processes, or the quota of its container.
 * - `suspended`: the process was stopped (SIGSTOP, a frozen container) or the machine asleep.
 */
export type NotCountedKind = "starved" | "suspended";

/** How much was not counted, in seconds. */
export interface NotCountedDetails {
  readonly secondsStarved: number;
  readonly secondsSuspended: number;
}

/** What `onNotCounted` and the `notCounted` event are given: it would have been a timeout if all time counted. */
export interface NotCountedInfo {
  readonly name: string;
  readonly kind: NotCountedKind;
  /** Seconds of that kind since the last ping. */
  readonly seconds: number;
  readonly details: NotCountedDetails;
}
