/**
 * Seconds from `now` until `due`, both in milliseconds; 0 when it is over. Rounded up where seconds cannot say
 * it: `now + seconds * 1000` is never before `due`, so whoever comes back then finds that it is time.
 */
export function secondsUntil(due: number, now: number): number {
  if (!(due > now)) return 0;
  let seconds = (due - now) / 1000;
  while (now + seconds * 1000 < due) seconds += seconds * Number.EPSILON;
  return seconds;
}
