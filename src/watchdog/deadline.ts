/**
 * What is known of one watchdog at one look. Times are milliseconds on the clock of whoever looks. A ping has no time of
 * its own; a look only sees whether the count has moved since the last one.
 */
export interface Watch {
  readonly pings: number;
  /** When the count was first seen as it is now: never before the ping itself, so a timeout is never early. */
  readonly since: number;
  /**
   * What has been reported since the last ping: each once, and a freeze again when the loop ran in between. A hang
   * can become a freeze.
   */
  readonly reported: "nothing" | "not-pinged" | "blocked";
}

/** What one look at a watchdog says. `suspect`: quiet for long enough to ask whether the event loop runs. */
export type Verdict = "fine" | "suspect" | "not-pinged" | "blocked";

/** The share of the timeout after which the event loop is asked whether it runs. */
const SUSPECT = 1 / 4;
/** The share of the timeout for which the event loop must have been silent to be called blocked. */
const SILENT = 1 / 2;

/** A watchdog as it is when its period begins. */
export function beginWatch(pings: number, now: number): Watch {
  return { pings, since: now, reported: "nothing" };
}

/** Whether no ping has come for the whole timeout and that was not reported yet. */
export function isOverdue({ reported, since }: Watch, timeout: number, now: number): boolean {
  return reported === "nothing" && now - since >= timeout;
}

/**
 * Takes in the count as it is now.
 *
 * @param loopRan whether the event loop has shown since the last look that it runs.
 */
export function look(watch: Watch, pings: number, loopRan: boolean, now: number): Watch {
  if (pings !== watch.pings) return beginWatch(pings, now);
  // The loop is back, the work is not: a second freeze is a timeout of its own.
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
 * How long until the next look is worth it: a poll away, or sooner when the timeout is nearer, or the moment to ask
 * the event loop: asked later it could not be silent for long enough by then.
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
  /** For how long the monitor did not run. */
  readonly still: number;
  /** For how long the watched thread was runnable without a CPU; may reach back to before the last look. */
  readonly queued: number;
  /** For how long the monitor itself was. */
  readonly ownQueued: number;
}

/** Time that is not the work's fault, in milliseconds. */
export interface LeftOut {
  /** The thread had no CPU. */
  readonly starved: number;
  /** The process was stopped or the machine asleep. */
  readonly suspended: number;
}

/**
 * How much of the time since the last look does not count: what the watched thread spent waiting for a CPU, and
 * what passed while the monitor did not run. If the monitor was waiting for a CPU meanwhile, that was starvation too;
 * otherwise the process was stopped.
 *
 * @param ahead what was taken for starvation so far without the kernel having reported it: it reports a wait only when
 *   the wait is over, so what it reports now may have been left out before.
 */
export function leftOut({ still, queued, ownQueued }: Passed, ahead: number): LeftOut {
  const hadNoCpu = ownQueued >= still / 2;
  return { starved: Math.max(hadNoCpu ? still : 0, queued - ahead), suspended: hadNoCpu ? 0 : still };
}
