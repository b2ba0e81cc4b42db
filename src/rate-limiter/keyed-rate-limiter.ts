import type { Component } from "../kernel/component.js";
import type { Duration } from "../kernel/duration.js";
import type { Listener } from "../kernel/events.js";
import { tellMade } from "../kernel/configured.js";
import { resolveOptions } from "../kernel/options.js";
import { Printed } from "../kernel/printed.js";
import { unlike } from "../kernel/show.js";
import { RateLimitExceededError } from "./errors.js";
import { digestOf } from "./key-hash.js";
import { KeyedBuckets } from "./keyed-buckets.js";
import type {
  KeyedRateLimiterEvents,
  KeyedRateLimiterSnapshot,
  KeyedRateLimiterStats,
} from "./keyed-report.js";
import type { QueuedLimiter } from "./queued-limiter.js";
import {
  type KeyedRateLimiterOptions,
  keyedRateLimiterRules,
  limitsOf,
  type OnFull,
  type RateLimitChanges,
  type KeyedRateLimiterSettings,
  updated,
} from "./options.js";
import { type AcquireOptions, checkCost, parsePause, readRequest, type Request } from "./request.js";
import type { Reservation } from "./reservation.js";
import { Metrics } from "./metrics.js";

export type {
  KeyedRateLimiterEvents,
  KeyedRateLimiterSnapshot,
  KeyedRateLimiterStats,
} from "./keyed-report.js";

/**
 * One bucket per key, all with the same limits: for limits per client, user or address. An unknown key has a
 * full bucket, so forgetting a full bucket changes no decision.
 *
 * It knows at most `maxKeys` keys, in less than 60 bytes each beside a copy of the key itself, and has timers
 * only for keys that somebody waits for with `acquire`. With `onFull: "evict"`, an attacker who invents keys can
 * push out others, whose buckets are then full too early; with `"deny"`, he can lock out new keys instead.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { KeyedRateLimiter } from "@kstlib/resilience";
 *
 * const perClient = new KeyedRateLimiter({ rate: 5, per: "1m", maxKeys: 10_000 });
 * for (let request = 0; request < 5; request++) console.assert(perClient.tryAcquire("198.51.100.7"));
 * console.assert(!perClient.tryAcquire("198.51.100.7"));
 * console.assert(perClient.tryAcquire("203.0.113.9"));
 * ```
 */
export class KeyedRateLimiter extends Printed implements Component {
  readonly name: string;
  /** The most keys that it knows. */
  readonly maxKeys: number;
  /** The longest key that is kept as it is, in UTF-16 units; a longer one is known by its hash. */
  readonly maxKeyLength: number;
  /** What happens to a new key when no known bucket is full. */
  readonly onFull: OnFull;
  readonly #buckets: KeyedBuckets;
  readonly #metrics: Metrics<string, { readonly key: string }>;
  #settings: KeyedRateLimiterSettings;

  constructor(options?: KeyedRateLimiterOptions) {
    super();
    const settings = resolveOptions("KeyedRateLimiter", keyedRateLimiterRules, options, "rateLimiter");
    this.name = settings.name;
    this.maxKeys = settings.maxKeys;
    this.maxKeyLength = settings.maxKeyLength;
    this.onFull = settings.onFull;
    this.#settings = settings;
    const events = ["acquired", "rejected", "evicted"] as const;
    const source = { kind: "keyed-rate-limiter", name: this.name } as const;
    this.#metrics = new Metrics(source, events, (key) => ({ key }));
    this.#buckets = new KeyedBuckets(settings, limitsOf(settings), this.#metrics);
    tellMade(this, "keyed-rate-limiter", options);
  }

  /** How many tokens flow into each bucket in each {@link per}. */
  get rate(): number {
    return this.#buckets.limits.rate;
  }

  /** The period of {@link rate}, in seconds. */
  get per(): number {
    return this.#buckets.limits.per / 1000;
  }

  /** How many tokens each bucket holds. */
  get burst(): number {
    return this.#buckets.limits.burst;
  }

  /** How many requests may wait for each key; `undefined` for no limit. */
  get maxQueue(): number | undefined {
    return this.#settings.maxQueue;
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

  /** What the limiter is at this moment: frozen, JSON-serialisable. */
  snapshot(): KeyedRateLimiterSnapshot {
    const { name, rate, per, burst, maxKeys, stats } = this;
    return Object.freeze({ kind: "keyed-rate-limiter", name, rate, per, burst, maxKeys, ...stats });
  }

  /**
   * Takes the tokens from the key's bucket if they are there and nobody waits for them; a refusal changes nothing.
   *
   * @param key any string: it may be empty, very long, or a part of a longer string.
   * @param cost a number above 0, up to the burst.
   * @throws TypeError or RangeError when the key or the cost makes no sense.
   * @throws RateLimitError with `ERR_RATE_LIMIT_COST` when the cost is above the burst.
   */
  tryAcquire(key: string, cost: number = 1): boolean {
    const id = this.#idOf(key);
    checkCost(cost, this.burst);
    const admitted = this.#buckets.tryTake(id, cost);
    if (admitted) this.#metrics.admitted(cost, 0, id);
    else this.#metrics.refused(cost, this.#metrics.tellsRefusals ? this.#buckets.wait(id, cost) : 0, id);
    return admitted;
  }

  /**
   * Resolves when the tokens were taken, in the order of the calls for this key.
   *
   * @throws never synchronously; rejects with a {@link RateLimitExceededError} at once when the turn cannot
   * come before the timeout, `maxQueue` requests wait for the key, or there is no room for a new key; with a
   * `RateLimitError` when the cost is above the burst; with `signal.reason` when the wait is aborted.
   */
  async acquire(key: string, options?: AcquireOptions): Promise<void> {
    const id = this.#idOf(key);
    const request = readRequest("acquire", options, this.burst);
    const { cost, signal } = request;
    signal?.throwIfAborted();
    if (this.#buckets.tryTake(id, cost)) {
      this.#metrics.admitted(cost, 0, id);
      return;
    }
    const limiter = this.#open(id, cost);
    // Not awaited here: that would keep the caller's key, and the longer string it was cut from, in memory.
    return this.#waitIn(limiter, request);
  }

  /**
   * Takes the tokens and returns at once; use them after `delay` seconds, as with `RateLimiter.reserve`. A key
   * with a reservation is not forgotten before its bucket is full.
   *
   * @throws RateLimitExceededError when `maxQueue` requests wait for the key, there is no room for a new key, or
   *   in a pause without an end.
   * @throws RateLimitError with `ERR_RATE_LIMIT_COST` when the cost is above the burst.
   * @example
   * ```ts
   * import { KeyedRateLimiter } from "@kstlib/resilience";
   *
   * const tokensPerTenant = new KeyedRateLimiter({ rate: 1000, per: "1m" });
   * const reservation = tokensPerTenant.reserve("tenant 7", 800);
   * reservation.commit(300);
   * console.assert(tokensPerTenant.tokens("tenant 7") >= 700);
   * ```
   */
  reserve(key: string, cost: number = 1): Reservation {
    const id = this.#idOf(key);
    checkCost(cost, this.burst);
    return this.#buckets.reserve(this.#open(id, cost), cost);
  }

  /**
   * Admits nobody for this key for this long, as with `RateLimiter.pauseFor`. The key is not forgotten until
   * then, so a pause without an end keeps its place until {@link reset}.
   *
   * @throws TypeError when the duration is neither a number nor a string with a unit.
   * @throws RateLimitExceededError when there is no room for a new key.
   */
  pauseFor(key: string, duration: Duration | null | undefined): void {
    const id = this.#idOf(key);
    const milliseconds = parsePause(duration);
    if (milliseconds > 0) this.#open(id).pause(milliseconds);
  }

  /** How many tokens the key's bucket has now, with fractions. */
  tokens(key: string): number {
    return this.#buckets.tokens(this.#idOf(key));
  }

  /** Seconds until a request for this key that comes now would be admitted; 0: at once. */
  timeUntilToken(key: string, cost: number = 1): number {
    const id = this.#idOf(key);
    checkCost(cost, this.burst);
    return this.#buckets.wait(id, cost);
  }

  /**
   * Changes the limits of all keys. Those not given stay, and a burst that was never given follows the rate. A
   * full bucket stays full; of the others the tokens are kept, up to the new burst. Waiters keep their order;
   * one whose cost is above the new burst, or whose timeout can no longer be met, is refused at once.
   *
   * It goes through all keys, and blocks the thread meanwhile.
   *
   * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
   */
  update(changes: RateLimitChanges): void {
    const { settings, limits } = updated(this.#settings, changes);
    // Before the change: a listener of a refusal may update them again.
    this.#settings = settings;
    this.#buckets.change(limits, settings);
  }

  /** Fills the bucket of one key, or all buckets; waiters are served as far as it goes. Totals are kept. */
  reset(key?: string): void {
    if (key === undefined) this.#buckets.resetAll();
    else this.#buckets.reset(this.#idOf(key));
  }

  /** Listens to an event; disposing of the result stops it. */
  on<Name extends keyof KeyedRateLimiterEvents>(
    name: Name,
    listener: Listener<KeyedRateLimiterEvents[Name]>,
  ): Disposable {
    return this.#metrics.on(name, listener);
  }

  /**
   * Refuses all waiters with a `RateLimitError` (`ERR_RATE_LIMIT_DISPOSED`), and from now on whoever would have
   * to wait. No timer is left.
   */
  [Symbol.dispose](): void {
    this.#buckets.dispose();
  }

  /** The limiter of a key; throws when there is no room for it. */
  #open(id: string, cost?: number): QueuedLimiter<string> {
    const limiter = this.#buckets.open(id);
    if (limiter !== undefined) return limiter;
    const wait = this.#buckets.wait(id, cost ?? this.burst);
    if (cost !== undefined) this.#metrics.refused(cost, wait, id);
    throw new RateLimitExceededError(this.name, wait, `all ${this.maxKeys} keys are in use`);
  }

  async #waitIn(limiter: QueuedLimiter<string>, request: Request): Promise<void> {
    try {
      await limiter.admit(request);
    } finally {
      this.#buckets.close(limiter);
    }
  }

  /** The key as the table knows it: itself, or its hash if it is too long. */
  #idOf(key: unknown): string {
    if (typeof key !== "string") throw new TypeError(unlike("key", "a string", key));
    return key.length <= this.maxKeyLength ? key : digestOf(key);
  }
}
