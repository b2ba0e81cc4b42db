import type { Counter, TripFigures, Window } from "./trip-rule.js";

/** Counts the calls of one rule in its window. */
export class WindowCounter implements Counter {
  readonly #rule: TripFigures["rule"];
  readonly #window: Window;
  readonly #isBad: (failed: boolean, took: number) => boolean;
  readonly #trips: (window: Window) => boolean;

  constructor(
    rule: TripFigures["rule"],
    window: Window,
    isBad: (failed: boolean, took: number) => boolean,
    trips: (window: Window) => boolean,
  ) {
    this.#rule = rule;
    this.#window = window;
    this.#isBad = isBad;
    this.#trips = trips;
  }

  get bad(): number {
    return this.#window.bad;
  }

  get isMet(): boolean {
    return this.#trips(this.#window);
  }

  add(failed: boolean, took: number, now: number): void {
    this.#window.add(this.#isBad(failed, took), now);
  }

  figures(now: number): readonly TripFigures[] {
    this.#window.forget(now);
    const { total: calls, bad: counted } = this.#window;
    return [Object.freeze({ rule: this.#rule, calls, counted, rate: calls === 0 ? 0 : counted / calls })];
  }
}
