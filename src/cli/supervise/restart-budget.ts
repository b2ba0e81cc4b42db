import type { BackoffSettings } from "./settings.js";

/**
 * How long to wait before each restart, and when there have been too many.
 *
 * The delay doubles from the first to the last, and starts again after a run longer than the longest delay: such a run
 * was not a failed start. There is no jitter, which spreads the load of many clients: this is one program.
 */
export class RestartBudget {
  readonly #settings: BackoffSettings;
  /** When the restarts of the window were granted; the oldest first. */
  #granted: readonly number[] = [];
  #delay: number | undefined;

  constructor(settings: BackoffSettings) {
    this.#settings = settings;
  }

  /** Milliseconds to wait after a run of length `ran` that ended at `now`; `undefined` if there were too many restarts. */
  next(now: number, ran: number): number | undefined {
    const { first, last, maxRestarts, window } = this.#settings;
    this.#granted = this.#granted.filter((time) => now - time < window);
    if (this.#granted.length >= maxRestarts) return undefined;
    if (maxRestarts < Infinity) this.#granted = [...this.#granted, now];
    this.#delay = this.#delay === undefined || ran > last ? first : Math.min(this.#delay * 2, last);
    return this.#delay;
  }
}
