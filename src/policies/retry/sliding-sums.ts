const SLOTS = 10;

/** Two sums over the last `window` milliseconds, in ten slots: exact to a tenth of the window. */
export class SlidingSums {
  readonly #length: number;
  readonly #calls = new Float64Array(SLOTS);
  readonly #extras = new Float64Array(SLOTS);
  /** The newest slot, counted from the clock's origin. */
  #newest: number | undefined;
  calls = 0;
  extras = 0;

  constructor(window: number) {
    this.#length = window / SLOTS;
  }

  addCall(now: number): void {
    const slot = this.#slot(now);
    this.#calls[slot] = (this.#calls[slot] ?? 0) + 1;
    this.calls++;
  }

  addExtra(now: number): void {
    const slot = this.#slot(now);
    this.#extras[slot] = (this.#extras[slot] ?? 0) + 1;
    this.extras++;
  }

  /** Clears the slots that are older than the window. */
  forget(now: number): void {
    this.#slot(now);
  }

  #slot(now: number): number {
    const number = Math.floor(now / this.#length);
    this.#newest ??= number;
    for (let steps = Math.min(number - this.#newest, SLOTS); steps > 0; steps--) {
      const slot = (number - steps + 1) % SLOTS;
      this.calls -= this.#calls[slot] ?? 0;
      this.extras -= this.#extras[slot] ?? 0;
      this.#calls[slot] = 0;
      this.#extras[slot] = 0;
    }
    this.#newest = Math.max(this.#newest, number);
    return this.#newest % SLOTS;
  }
}
