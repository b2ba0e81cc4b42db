import type { Window } from "./trip-rule.js";

/** The last `size` calls, one byte each. */
export class CallWindow implements Window {
  readonly #calls: Uint8Array;
  #next = 0;
  #total = 0;
  #bad = 0;

  constructor(size: number) {
    this.#calls = new Uint8Array(size);
  }

  get total(): number {
    return this.#total;
  }

  get bad(): number {
    return this.#bad;
  }

  add(bad: boolean): void {
    const calls = this.#calls;
    const value = bad ? 1 : 0;
    // A slot that was never used holds 0, so the same line forgets the oldest call and fills an empty slot.
    this.#bad += value - (calls[this.#next] ?? 0);
    calls[this.#next] = value;
    this.#next = (this.#next + 1) % calls.length;
    if (this.#total < calls.length) this.#total++;
  }

  forget(): void {}
}

const BUCKETS = 100;

/**
 * The calls of the last `length` milliseconds, in 100 buckets: a call is forgotten when it is between 99 and
 * 100 hundredths of the window old. Memory does not grow with the number of calls.
 */
export class TimeWindow implements Window {
  readonly #width: number;
  readonly #totals = new Uint32Array(BUCKETS);
  readonly #bads = new Uint32Array(BUCKETS);
  #head = -Infinity;
  #total = 0;
  #bad = 0;

  constructor(length: number) {
    this.#width = length / BUCKETS;
  }

  get total(): number {
    return this.#total;
  }

  get bad(): number {
    return this.#bad;
  }

  add(bad: boolean, now: number): void {
    this.forget(now);
    const slot = this.#slot(this.#head);
    this.#totals[slot] = (this.#totals[slot] ?? 0) + 1;
    this.#total++;
    if (!bad) return;
    this.#bads[slot] = (this.#bads[slot] ?? 0) + 1;
    this.#bad++;
  }

  forget(now: number): void {
    const head = Math.floor(now / this.#width);
    // Counted down: a bucket's number may be too large for the next one to be another.
    for (let behind = Math.min(head - this.#head, BUCKETS) - 1; behind >= 0; behind--) {
      const slot = this.#slot(head - behind);
      this.#total -= this.#totals[slot] ?? 0;
      this.#bad -= this.#bads[slot] ?? 0;
      this.#totals[slot] = 0;
      this.#bads[slot] = 0;
    }
    this.#head = Math.max(this.#head, head);
  }

  #slot(bucket: number): number {
    // The origin of a monotonic clock is arbitrary: bucket numbers may be negative.
    return ((bucket % BUCKETS) + BUCKETS) % BUCKETS;
  }
}
