// @ts-check
// The bot's own measurements of its calls: when each attempt begins, and how many are retries. It does not use the
// library's figures, because the summary checks the library's promises.

/** The window of a retry budget in milliseconds: the default, which kstlib.conf.yml keeps. */
const WINDOW = 10_000;
/** The budget forgets a tenth of its window at a time: between nine tenths and all of it are counted. */
const SHORTEST = 0.9 * WINDOW;
/** Milliseconds that a busy machine may delay the bot between its reading of the clock and the library's. */
const TOLERANCE = 5;

export class Attempts {
  #budget;
  /** When the calls of the last window, and their retries, began. */
  #calls = /** @type {number[]} */ ([]);
  #retries = /** @type {number[]} */ ([]);
  counts = {
    calls: 0,
    attempts: 0,
    retries: 0,
    /** Attempts that began after the deadline of their call. */
    late: 0,
    /** Retries that no budget allowed. */
    overBudget: 0,
  };
  /** The attempt that began latest after its call, and that call's deadline; in milliseconds. */
  latest = { start: 0, deadline: 0 };
  /** The window in which the retries came closest to what is allowed. */
  busiest = { retries: 0, allowed: 0 };

  /** @param {{ ratio: number, minPerSecond: number }} budget */
  constructor(budget) {
    this.#budget = budget;
  }

  /** A call begins. @returns its time, for {@link begins} */
  called() {
    const now = performance.now();
    this.counts.calls++;
    this.#calls.push(now);
    return now;
  }

  /** An attempt begins. @param {number} called @param {number} attempt from 1 @param {number} deadline milliseconds */
  begins(called, attempt, deadline) {
    const now = performance.now();
    const start = now - called;
    this.counts.attempts++;
    if (start > deadline + TOLERANCE) this.counts.late++;
    if (start > this.latest.start) this.latest = { start, deadline };
    if (attempt > 1) this.#comesAgain(now);
  }

  /** @param {number} now */
  #comesAgain(now) {
    const { ratio, minPerSecond } = this.#budget;
    this.counts.retries++;
    this.#retries.push(now);
    while ((this.#retries[0] ?? now) < now - SHORTEST) this.#retries.shift();
    while ((this.#calls[0] ?? now) < now - WINDOW) this.#calls.shift();
    const retries = this.#retries.length;
    const allowed = ratio * this.#calls.length + (minPerSecond * WINDOW) / 1000;
    if (retries > allowed) this.counts.overBudget++;
    const { busiest } = this;
    if (busiest.allowed === 0 || retries / allowed > busiest.retries / busiest.allowed) {
      this.busiest = { retries, allowed };
    }
  }
}
