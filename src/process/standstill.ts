/** Who is later than this, and than the wait it asked for, was not running at all. */
const LEAST_LATENESS = 50;

/**
 * For how long a watcher stood still itself, in milliseconds: stopped, frozen with its container, asleep with the
 * machine, or without a CPU. What it watches may have stood still as well, so this time is no evidence against it.
 *
 * @param elapsed what has passed since the last look.
 * @param asked what was meant to pass.
 */
export function standstill(elapsed: number, asked: number): number {
  const late = elapsed - asked;
  return late > Math.max(asked, LEAST_LATENESS) ? late : 0;
}
