/**
 * What is known of one watchdog. Times are milliseconds on the clock of whoever looks. A ping has no time of its own: a
 * look only sees whether the count has moved since the last look.
 */
export interface Watch {
  readonly pings: number;
  /** When the count was first seen as it is now: at or after the ping, so a timeout is never early. */
  readonly since: number;
  /**
   * What has been reported since the last ping: each kind once, and a freeze again if the loop ran in between. A hang
   * can turn into a freeze.
   */
  readonly reported: "nothing" | "not-pinged" | "blocked";
}

/** The result of one look at a watchdog. `suspect`: quiet for long enough to ask whether the event loop runs. */
export type Verdict = "fine" | "suspect" | "not-pinged" | "blocked";

/** The share of the timeout after which the event loop is asked whether it runs. */
const SUSPECT = 1 / 4;
/** The share of the timeout for which the event loop must have been silent to be called blocked. */
const SILENT = 1 / 2;

/** The state at the beginning of a period. */
export function beginWatch(pings: number, now: number): Watch {
  return { pings, since: now, reported: "nothing" };
}

/** Whether the whole timeout has passed without a ping, and that has not been reported. */
export function isOverdue({ reported, since }: Watch, timeout: number, now: number): boolean {
  return reported === "nothing" && now - since >= timeout;
}

/**
 * The state after a look.
 *
 * @param loopRan whether the event loop has answered since the last look.
 */
export function look(watch: Watch, pings: number, loopRan: boolean, now: number): Watch {
  if (pings !== watch.pings) return beginWatch(pings, now);
  // The loop runs again, but the work does not: a second freeze is a separate timeout.
  if (watch.reported === "blocked" && loopRan) return { ...watch, reported: "not-pinged" };
  return watch;
}

/**
 * Decides whether a watchdog has timed out now.
 *
 * @param silent for how many milliseconds the event loop has left a question unanswered.
 */
export function judge(watch: Watch, timeout: number, silent: number, now: number): Verdict {
  if (isOverdue(watch, timeout, now)) return silent >= timeout * SILENT ? "blocked" : "not-pinged";
  if (watch.reported === "nothing") return now - watch.since >= timeout * SUSPECT ? "suspect" : "fine";
  return watch.reported === "not-pinged" && silent >= timeout ? "blocked" : "suspect";
}

/**
 * When to look next: after one poll, or sooner if the timeout comes first, or the time to ask the event loop. If it
 * were asked later, it could not have been silent for long enough when the timeout comes.
 */
export function untilNextLook(
  { reported, since }: Watch,
  timeout: number,
  poll: number,
  now: number,
): number {
  if (reported !== "nothing") return poll;
  const age = now - since;
  const next = age < timeout * SUSPECT ? timeout * SUSPECT : timeout;
  return age < next ? Math.min(poll, next - age) : poll;
}

/** What passed between two looks of the monitor, in milliseconds. */
export interface Passed {
  /** The monitor did not run. */
  readonly still: number;
  /** The watched thread was runnable without a CPU; may reach back to before the last look. */
  readonly queued: number;
  /** The monitor itself was runnable without a CPU. */
  readonly ownQueued: number;
}

/** Time that does not count, in milliseconds. */
export interface LeftOut {
  /** The thread had no CPU. */
  readonly starved: number;
  /** The process was stopped or the machine asleep. */
  readonly suspended: number;
}

/**
 * How much of the time since the last look does not count: the time in which the watched thread waited for a CPU, and
 * that in which the monitor did not run. If the monitor was waiting for a CPU as well, that was starvation too;
 * otherwise the process was stopped.
 *
 * @param ahead starvation that was left out before the kernel reported it: it reports a wait only when the wait is over.
 */
export function leftOut({ still, queued, ownQueued }: Passed, ahead: number): LeftOut {
  const hadNoCpu = ownQueued >= still / 2;
  return { starved: Math.max(hadNoCpu ? still : 0, queued - ahead), suspended: hadNoCpu ? 0 : still };
}
