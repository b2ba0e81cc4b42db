/**
 * What is known of one watchdog at one look. Times are milliseconds on the clock of whoever looks; nobody
 * asks for the time of a ping, only whether the count has moved since the last look.
 */
export interface Watch {
  readonly pings: number;
  /** When the count was first seen as it is now: never before the ping itself, so a timeout never comes early. */
  readonly since: number;
  /** What has been reported since the last ping. */
  readonly told: "nothing" | "not-pinged" | "blocked";
}

/** What one look at a watchdog says. `suspect`: quiet for long enough to ask whether the event loop runs. */
export type Verdict = "fine" | "suspect" | "not-pinged" | "blocked";

/** The share of the timeout after which the event loop is asked whether it runs. */
const SUSPECT = 1 / 4;
/** The share of the timeout for which the event loop must have been silent to be called blocked. */
const SILENT = 1 / 2;

/** A watchdog as it is when its period begins. */
export function beginWatch(pings: number, now: number): Watch {
  return { pings, since: now, told: "nothing" };
}

/** Whether nothing has come for the whole timeout and nobody was told. */
export function isOverdue({ told, since }: Watch, timeout: number, now: number): boolean {
  return told === "nothing" && now - since >= timeout;
}

/**
 * Takes in the count as it is now.
 *
 * @param loopRan whether the event loop has shown since the last look that it runs.
 */
export function look(watch: Watch, pings: number, loopRan: boolean, now: number): Watch {
  if (pings !== watch.pings) return beginWatch(pings, now);
  // The loop is back, the work is not: a second freeze is a timeout of its own.
  if (watch.told === "blocked" && loopRan) return { ...watch, told: "not-pinged" };
  return watch;
}

/**
 * Decides whether a watchdog has timed out now.
 *
 * @param silent for how many milliseconds the event loop has left a question unanswered.
 */
export function judge(watch: Watch, timeout: number, silent: number, now: number): Verdict {
  if (isOverdue(watch, timeout, now)) return silent >= timeout * SILENT ? "blocked" : "not-pinged";
  if (watch.told === "nothing") return now - watch.since >= timeout * SUSPECT ? "suspect" : "fine";
  return watch.told === "not-pinged" && silent >= timeout ? "blocked" : "suspect";
}

/** How long until the next look is worth it: a poll away, or sooner when the timeout is nearer. */
export function untilNextLook(watch: Watch, timeout: number, poll: number, now: number): number {
  const left = watch.since + timeout - now;
  return watch.told === "nothing" && left > 0 ? Math.min(poll, left) : poll;
}

/** A monitor later than this, and than the wait it asked for, was not running at all. */
const LEAST_LATENESS = 50;

/**
 * How much of the time since the last look counts: not what passed while the process was suspended or the
 * machine asleep (the monitor itself woke late), and not what the watched thread spent waiting for a CPU.
 *
 * @param elapsed milliseconds that passed.
 * @param asked milliseconds that the monitor meant to wait.
 * @param queued milliseconds that the watched thread was runnable without running.
 */
export function countedTime(elapsed: number, asked: number, queued: number): number {
  const late = elapsed - asked;
  const suspended = late > Math.max(asked, LEAST_LATENESS) ? late : 0;
  return elapsed - Math.min(elapsed, Math.max(suspended, queued));
}
