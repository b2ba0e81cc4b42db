import type { Clock } from "../../kernel/clock.js";

/** Milliseconds between two looks at the clock. */
const INTERVAL = 20;
/** Lateness in milliseconds from which this thread was blocked. */
const BLOCKED = 10;

/**
 * Knows when this thread was last blocked, for 30 ms or longer, by a timer that ticks while calls are under way. After a
 * block, answers may be read before the late timer fires, so that it is overdue counts as well.
 */
export class Freezes {
  readonly #clock: Pick<Clock, "now" | "setTimer">;
  readonly #isNeeded: () => boolean;
  #due = Infinity;
  #lastEnd = -Infinity;

  /** @param isNeeded whether it goes on ticking. */
  constructor(clock: Pick<Clock, "now" | "setTimer">, isNeeded: () => boolean) {
    this.#clock = clock;
    this.#isNeeded = isNeeded;
  }

  /** Ticks from now on. */
  watch(now: number): void {
    if (this.#due < Infinity) return;
    this.#due = now + INTERVAL;
    this.#clock.setTimer(() => this.#tick(), INTERVAL, { ref: false });
  }

  /** Whether the thread was blocked between `began` and `now`. */
  between(began: number, now: number): boolean {
    if (now - this.#due > BLOCKED) this.#lastEnd = now;
    return this.#lastEnd >= began;
  }

  #tick(): void {
    const now = this.#clock.now();
    this.between(now, now);
    this.#due = Infinity;
    if (this.#isNeeded()) this.watch(now);
  }
}
