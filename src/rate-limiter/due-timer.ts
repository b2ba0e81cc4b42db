import type { Clock, Timer } from "../kernel/clock.js";

/** One timer, moved to the time at which something is due next. */
export class DueTimer {
  readonly #clock: Clock;
  readonly #fire: () => void;
  #timer: Timer | undefined;
  #due: number | undefined;

  constructor(clock: Clock, fire: () => void) {
    this.#clock = clock;
    this.#fire = fire;
  }

  /** Fires at this time instead of the last one, in milliseconds of the clock; never, when `undefined`. */
  set(due: number | undefined, now: number): void {
    if (due === this.#due) return;
    this.#timer?.cancel();
    this.#due = due;
    if (due === undefined) return;
    this.#timer = this.#clock.setTimer(() => {
      this.#due = undefined;
      this.#fire();
    }, due - now);
  }
}
