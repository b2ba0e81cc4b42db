import type { BackoffSettings } from "./settings.js";

/**
 * How long to wait before each restart, and when there have been too many.
 *
 * The delay doubles up to the longest, and is reset by a run that lasts longer than that: such a run was not a failed
 * start. There is no jitter, which serves to spread the load of many clients.
 */
export class RestartBudget {
  readonly #settings: BackoffSettings;
  /** The times of the restarts in the window, oldest first. */
  #granted: readonly number[] = [];
  #delay: number | undefined;

  constructor(settings: BackoffSettings) {
    this.#settings = settings;
  }

  /** Milliseconds to wait after a run of `ran` ms that ended at `now`; `undefined` after too many restarts. */
  next(now: number, ran: number): number | undefined {
    const { first, last, maxRestarts, window } = this.#settings;
    this.#granted = this.#granted.filter((time) => now - time < window);
    if (this.#granted.length >= maxRestarts) return undefined;
    if (maxRestarts < Infinity) this.#granted = [...this.#granted, now];
    this.#delay = this.#delay === undefined || ran > last ? first : Math.min(this.#delay * 2, last);
    return this.#delay;
  }
}
