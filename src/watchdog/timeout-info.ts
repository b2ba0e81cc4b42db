/**
 * Why a watchdog timed out.
 *
 * - `not-pinged`: the event loop runs, the watched work hangs.
 * - `blocked-js`: the thread runs JavaScript that does not return.
 * - `blocked-native`: the thread is in a system call, waits for a child process or runs native code.
 *
 * Time that a thread spent without a CPU (starved) or that a process spent stopped (suspended) is not counted, so
 * neither is ever a timeout: where it would have been one it is a {@link NotCountedInfo}. How much was left out
 * before a timeout is in the details.
 */
export type TimeoutKind = "not-pinged" | "blocked-js" | "blocked-native";

/** A child process of the frozen thread. */
export interface ChildProcess {
  readonly pid: number;
  /** Its command line, cut to 200 characters. */
  readonly command: string;
}

/** What could be found out about a timeout; each key is there only where the platform provides it. */
export interface TimeoutDetails {
  /** The kernel's letter for the thread: `R` running, `S` sleeping, `D` in uninterruptible sleep (Linux). */
  readonly threadState?: string;
  /** The function of the kernel in which the thread sleeps (Linux). */
  readonly waitingIn?: string;
  /** The number of the system call that the thread is in (Linux). */
  readonly systemCall?: number;
  /** The children that the thread has started and that are still there (Linux). */
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
   * Where the thread was: the JavaScript stack of a blocked thread, when it could be had. Of native code (an
   * `execSync`) it is where the thread was right after that.
   */
  readonly stack?: string;
  readonly details: TimeoutDetails;
}

/** What `onRecover` and the `recover` event are given. */
export interface RecoverInfo {
  readonly name: string;
  /**
   * Seconds from the timeout to the ping that ended it. A frozen thread's timeout is the moment it was found, although
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

/** What was left out, in seconds. */
export interface NotCountedDetails {
  readonly secondsStarved: number;
  readonly secondsSuspended: number;
}

/** What `onNotCounted` and the `notCounted` event are given: it would have been a timeout, had all time counted. */
export interface NotCountedInfo {
  readonly name: string;
  readonly kind: NotCountedKind;
  /** Seconds of that kind since the last ping. */
  readonly seconds: number;
  readonly details: NotCountedDetails;
}
