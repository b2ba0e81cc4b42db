const DAY = 86_400_000;
/** 5 January 1970, the first Monday. */
const MONDAY = 4 * DAY;

/**
 * The boundaries of a clock that never changes its offset, numbered. All times are local milliseconds: what the clock
 * shows, as if it were UTC.
 *
 * Steps of up to a day are counted anew from each midnight, so that every day has the same times; where they do not
 * divide the day, the last one is shorter. Longer steps are counted from a Monday.
 */
export class Steps {
  readonly every: number;
  readonly #origin: number;
  readonly #period: number;
  readonly #perPeriod: number;

  /** @param offset moves all boundaries later. */
  constructor(every: number, offset: number) {
    this.every = every;
    this.#origin = MONDAY + offset;
    this.#period = Math.max(every, DAY);
    this.#perPeriod = Math.ceil(this.#period / every);
  }

  /** The number of the last boundary at or before `local`. */
  indexAt(local: number): number {
    const since = local - this.#origin;
    const period = Math.floor(since / this.#period);
    return period * this.#perPeriod + Math.floor((since - period * this.#period) / this.every);
  }

  /** The time of a boundary. */
  timeOf(index: number): number {
    const period = Math.floor(index / this.#perPeriod);
    return this.#origin + period * this.#period + (index - period * this.#perPeriod) * this.every;
  }

  /** The first boundary at or after `local`. */
  from(local: number): number {
    return this.timeOf(this.indexAt(local - 1) + 1);
  }
}
