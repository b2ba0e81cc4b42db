/**
 * Seconds from `now` until `due`, both in milliseconds; 0 if that has passed. Rounded up if seconds cannot express it
 * exactly: `now + seconds * 1000` is never before `due`, so a caller that waits that long is not too early.
 */
export function secondsUntil(due: number, now: number): number {
  if (!(due > now)) return 0;
  let seconds = (due - now) / 1000;
  while (now + seconds * 1000 < due) seconds += seconds * Number.EPSILON;
  return seconds;
}
