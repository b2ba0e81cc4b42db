import type { Clock, Timer } from "../kernel/clock.js";

/** One timer, set to the time at which something is due next. */
export class DueTimer {
  readonly #clock: Clock;
  readonly #fire: () => void;
  #timer: Timer | undefined;
  #due: number | undefined;

  constructor(clock: Clock, fire: () => void) {
    this.#clock = clock;
    this.#fire = fire;
  }

  /** Replaces the time at which it fires, in milliseconds of the clock; `undefined`: never. */
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
