const KEPT = 200;
const FEWEST = 20;
/** The percentile is computed again after this many latencies: sorting for each call would cost more than the call. */
const REFRESH = 10;

/** A percentile of the last 200 latencies. */
export class Latencies {
  readonly #kept: number[] = [];
  #next = 0;
  #fresh = 0;
  #percentile: number | undefined;

  add(milliseconds: number): void {
    this.#kept[this.#next] = milliseconds;
    this.#next = (this.#next + 1) % KEPT;
    if (++this.#fresh >= REFRESH) this.#percentile = undefined;
  }

  /** The latency that at most `1 - share` of the latencies exceed; `undefined` while fewer than 20 are known. */
  percentile(share: number): number | undefined {
    if (this.#kept.length < FEWEST) return undefined;
    if (this.#percentile === undefined) {
      const sorted = Float64Array.from(this.#kept).toSorted();
      this.#percentile = sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length))] ?? 0;
      this.#fresh = 0;
    }
    return this.#percentile;
  }
}
