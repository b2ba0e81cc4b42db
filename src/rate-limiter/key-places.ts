import { idOf } from "./key-hash.js";
import type { KeyPlace } from "./key-index.js";
import type { KeyedBuckets } from "./keyed-buckets.js";
import type { KeyedMetrics } from "./keyed-report.js";

/** The keys of a keyed limiter for callers that ask about the same ones often, and keep where their buckets are. */
export class KeyPlaces {
  readonly #buckets: KeyedBuckets;
  readonly #metrics: KeyedMetrics;
  readonly #maxKeyLength: number;

  constructor(buckets: KeyedBuckets, metrics: KeyedMetrics, maxKeyLength: number) {
    this.#buckets = buckets;
    this.#metrics = metrics;
    this.#maxKeyLength = maxKeyLength;
  }

  of(key: string): KeyPlace {
    return { key: idOf(key, this.#maxKeyLength), slot: -1 };
  }

  /** Takes 1 token. @returns seconds until the bucket is full; -1: not taken, which does not count as a refusal. */
  takeOne(place: KeyPlace): number {
    const seconds = this.#buckets.takeOne(place);
    if (seconds >= 0) this.#metrics.admitted(1, 0, place.key);
    return seconds;
  }
}
