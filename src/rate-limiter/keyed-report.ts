import type { Snapshot } from "../kernel/component.js";
import type { Listener } from "../kernel/events.js";
import { Printed } from "../kernel/printed.js";
import { idOf } from "./key-hash.js";
import type { KeyedBuckets } from "./keyed-buckets.js";
import type { Metrics, RateLimiterStats } from "./metrics.js";
import type { KeyedRateLimiterSettings, OnFull } from "./keyed-options.js";
import { checkCost } from "./request.js";

/** Totals of a keyed limiter over all keys: a frozen copy. */
export interface KeyedRateLimiterStats extends RateLimiterStats {
  /** How many keys are known now; full buckets are forgotten as new keys come. */
  readonly keys: number;
  /** How many keys were forgotten before their buckets were full. */
  readonly totalEvicted: number;
}

/** The state of a {@link KeyedRateLimiter}. */
export interface KeyedRateLimiterSnapshot extends Snapshot, KeyedRateLimiterStats {
  readonly kind: "keyed-rate-limiter";
  readonly rate: number;
  /** Seconds. */
  readonly per: number;
  readonly burst: number;
  readonly maxKeys: number;
}

/** The events of a {@link KeyedRateLimiter}. */
export interface KeyedRateLimiterEvents {
  /** A request was admitted after `waited` seconds. */
  readonly acquired: { readonly key: string; readonly cost: number; readonly waited: number };
  /** A request was refused; it would be admitted after `retryAfter` seconds (Infinity: never, at a rate of 0). */
  readonly rejected: { readonly key: string; readonly cost: number; readonly retryAfter: number };
  /** A key was forgotten before its bucket was full. */
  readonly evicted: { readonly key: string };
}

/** What a keyed limiter counts. */
export type KeyedMetrics = Metrics<string, { readonly key: string }>;

/** What a {@link KeyedRateLimiter} says about itself. */
export class KeyedReport extends Printed {
  readonly name: string;
  /** The most keys it knows. */
  readonly maxKeys: number;
  /** The longest key that is kept as it is, in UTF-16 units; a longer one is replaced by its hash. */
  readonly maxKeyLength: number;
  /** What happens to a new key when no known bucket is full. */
  readonly onFull: OnFull;
  readonly #buckets: KeyedBuckets;
  readonly #metrics: KeyedMetrics;

  constructor(settings: KeyedRateLimiterSettings, buckets: KeyedBuckets, metrics: KeyedMetrics) {
    super();
    this.name = settings.name;
    this.maxKeys = settings.maxKeys;
    this.maxKeyLength = settings.maxKeyLength;
    this.onFull = settings.onFull;
    this.#buckets = buckets;
    this.#metrics = metrics;
  }

  /** How many tokens flow into each bucket during each {@link per}. */
  get rate(): number {
    return this.#buckets.limits.given.rate;
  }

  /** The period of {@link rate}, in seconds. */
  get per(): number {
    return this.#buckets.limits.given.per / 1000;
  }

  /** How many tokens each bucket holds. */
  get burst(): number {
    return this.#buckets.limits.burst;
  }

  /** How many requests may wait for each key; `undefined` for no limit. */
  get maxQueue(): number | undefined {
    return this.#buckets.settings.maxQueue;
  }

  /** How many keys are known now. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Totals over all keys, as a frozen copy. */
  get stats(): KeyedRateLimiterStats {
    const { size: keys, queued } = this.#buckets;
    return Object.freeze({ ...this.#metrics.stats(queued), keys, totalEvicted: this.#metrics.totalEvicted });
  }

  /** The state at this moment: frozen, JSON-serialisable. */
  snapshot(): KeyedRateLimiterSnapshot {
    const { name, rate, per, burst, maxKeys, stats } = this;
    return Object.freeze({ kind: "keyed-rate-limiter", name, rate, per, burst, maxKeys, ...stats });
  }

  /** How many tokens the key's bucket has now, with fractions. */
  tokens(key: string): number {
    return this.#buckets.tokens(idOf(key, this.maxKeyLength));
  }

  /** Seconds until a request for this key that comes now would be admitted; 0: at once, Infinity: never. */
  timeUntilToken(key: string, cost: number = 1): number {
    const id = idOf(key, this.maxKeyLength);
    checkCost(cost, this.#buckets.limitsFor(id).burst);
    return this.#buckets.wait(id, cost);
  }

  /** Listens to an event; disposing of the result stops it. */
  on<Name extends keyof KeyedRateLimiterEvents>(
    name: Name,
    listener: Listener<KeyedRateLimiterEvents[Name]>,
  ): Disposable {
    return this.#metrics.on(name, listener);
  }
}
