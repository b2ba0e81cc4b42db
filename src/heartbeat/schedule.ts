import type { Clock, Timer } from "../kernel/clock.js";

/**
 * When the beat after the one at `due` is due, a whole number of intervals later and after `now`. A late timer does
 * not delay the next ones, and after a blocked loop there is one beat, not one per missed interval.
 */
export function nextDue(due: number, interval: number, now: number): number {
  return due + interval * Math.max(1, Math.floor((now - due) / interval) + 1);
}

/** Calls `tick` at each interval until cancelled; does not keep the process alive. */
export function every(clock: Clock, interval: number, tick: () => void): Timer {
  let due = clock.now();
  let timer: Timer;
  const arm = (): void => {
    const now = clock.now();
    due = nextDue(due, interval, now);
    timer = clock.setTimer(fire, due - now, { ref: false });
  };
  const fire = (): void => {
    arm();
    tick();
  };
  arm();
  return { cancel: () => timer.cancel() };
}
