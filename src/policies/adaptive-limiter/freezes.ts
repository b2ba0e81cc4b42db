import type { Clock } from "../../kernel/clock.js";

/** Milliseconds between two ticks. */
const INTERVAL = 20;
/** A timer more than this many milliseconds late shows that this thread was blocked. */
const BLOCKED = 10;

/**
 * Knows when this thread was last blocked for 30 ms or longer, from a timer that ticks while calls are under way. After a
 * block, answers may be read before the late timer fires, so an overdue timer counts as well.
 */
export class Freezes {
  readonly #clock: Pick<Clock, "now" | "setTimer">;
  readonly #isNeeded: () => boolean;
  #due = Infinity;
  #lastEnd = -Infinity;

  /** @param isNeeded whether to keep ticking. */
  constructor(clock: Pick<Clock, "now" | "setTimer">, isNeeded: () => boolean) {
    this.#clock = clock;
    this.#isNeeded = isNeeded;
  }

  /** Starts ticking, unless it does already. */
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
