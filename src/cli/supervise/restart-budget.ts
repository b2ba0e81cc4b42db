import type { BackoffSettings } from "./settings.js";

/**
 * How long to wait before each restart, and when there have been too many.
 *
 * The delay doubles from the first to the last, and begins anew after a run that lasted longer than the longest
 * delay: such a run was no failed start. No randomness: it would spread what many clients do at one time,
 * and here is one program.
 */
export class RestartBudget {
  readonly #settings: BackoffSettings;
  /** When the restarts of the window were granted; the oldest first. */
  #granted: readonly number[] = [];
  #delay: number | undefined;

  constructor(settings: BackoffSettings) {
    this.#settings = settings;
  }

  /** Milliseconds to wait after a run of length `ran` that ended at `now`; `undefined`: one restart too many. */
  next(now: number, ran: number): number | undefined {
    const { first, last, maxRestarts, window } = this.#settings;
    this.#granted = this.#granted.filter((time) => now - time < window);
    if (this.#granted.length >= maxRestarts) return undefined;
    if (maxRestarts < Infinity) this.#granted = [...this.#granted, now];
    this.#delay = this.#delay === undefined || ran > last ? first : Math.min(this.#delay * 2, last);
    return this.#delay;
  }
}
