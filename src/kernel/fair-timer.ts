import type { Clock, Timer, TimerOptions } from "./clock.js";

/** A timer this many milliseconds late may mean a blocked event loop; less is normal. */
export const BLOCKED = 10;

/**
 * A timer for the time by which something from outside must have come. When this thread was blocked and the timer fires
 * late, what came meanwhile counts: the event loop reads it before the next timer, and the code that it reaches can cancel
 * this one.
 */
export function setFairTimer(
  clock: Pick<Clock, "now" | "setTimer">,
  callback: () => void,
  delay: number,
  options?: TimerOptions,
): Timer {
  const due = clock.now() + delay;
  const fire = (): void => {
    if (clock.now() - due < BLOCKED) callback();
    else timer = clock.setTimer(callback, 0, options);
  };
  let timer = clock.setTimer(fire, delay, options);
  return { cancel: () => timer.cancel() };
}
