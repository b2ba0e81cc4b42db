/**
 * When the beat after the one that was due at `due` is due: the next whole interval from there that lies
 * after `now`. A late timer does not move the ones after it, and a blocked loop is followed by one beat, not
 * by all that it slept through.
 */
export function nextDue(due: number, interval: number, now: number): number {
  return due + interval * Math.max(1, Math.floor((now - due) / interval) + 1);
}
