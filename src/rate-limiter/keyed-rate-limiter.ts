import type { Clock } from "../kernel/clock.js";
import type { Component } from "../kernel/component.js";
import type { Listener } from "../kernel/events.js";
import { resolveOptions } from "../kernel/options.js";
import { Printed } from "../kernel/printed.js";
import { unlike } from "../kernel/show.js";
import { secondsUntil } from "../kernel/seconds.js";
import { availableAt, type Limits, tokensIn } from "./bucket.js";
import { RateLimitExceededError } from "./errors.js";
import { digestOf } from "./key-hash.js";
import { KeyTable } from "./key-table.js";
import type {
  KeyedRateLimiterEvents,
  KeyedRateLimiterSnapshot,
  KeyedRateLimiterStats,
} from "./keyed-report.js";
import { QueuedLimiter } from "./queued-limiter.js";
import {
  type KeyedRateLimiterOptions,
  type KeyedRateLimiterSettings,
  keyedRateLimiterRules,
  limitsOf,
  type OnFull,
} from "./options.js";
import { type AcquireOptions, checkCost, readRequest, type Request } from "./request.js";
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
  /** How many requests may wait for each key; `undefined` for no limit. */
  readonly maxQueue: number | undefined;
  readonly #settings: KeyedRateLimiterSettings;
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #table: KeyTable;
  /** By key, where somebody waits; these buckets are pinned in the table. */
  readonly #waiting = new Map<string, QueuedLimiter<string>>();
  readonly #metrics: Metrics<string, { readonly key: string }>;
  #disposed = false;
  #evicted = 0;

  constructor(options?: KeyedRateLimiterOptions) {
    super();
    const settings = resolveOptions("KeyedRateLimiter", keyedRateLimiterRules, options, "rateLimiter");
    this.name = settings.name;
    this.maxKeys = settings.maxKeys;
    this.maxKeyLength = settings.maxKeyLength;
    this.onFull = settings.onFull;
    this.maxQueue = settings.maxQueue;
    this.#settings = settings;
    this.#clock = settings.clock;
    this.#limits = limitsOf(settings);
    this.#table = new KeyTable(settings.maxKeys, this.#limits);
    const events = ["acquired", "rejected", "evicted"] as const;
    this.#metrics = new Metrics(`keyed rate limiter ${this.name}`, events, (key) => ({ key }));
  }

  /** How many tokens flow into each bucket in each {@link per}. */
  get rate(): number {
    return this.#limits.rate;
  }

  /** The period of {@link rate}, in seconds. */
  get per(): number {
    return this.#limits.per / 1000;
  }

  /** How many tokens each bucket holds. */
  get burst(): number {
    return this.#limits.burst;
  }

  /** How many keys are known now. */
  get size(): number {
    return this.#table.size;
  }

  /** Totals over all keys, as a frozen copy. */
  get stats(): KeyedRateLimiterStats {
    let queued = 0;
    for (const limiter of this.#waiting.values()) queued += limiter.queued;
    const { size: keys } = this;
    return Object.freeze({ ...this.#metrics.stats(queued), keys, totalEvicted: this.#evicted });
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
    const admitted = this.#take(id, cost);
    if (admitted) this.#metrics.admitted(cost, 0, id);
    else this.#metrics.refused(cost, this.#metrics.events === undefined ? 0 : this.#wait(id, cost), id);
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
    let limiter = this.#waiting.get(id);
    if (limiter === undefined) {
      if (this.#take(id, cost)) {
        this.#metrics.admitted(cost, 0, id);
        return;
      }
      const slot = this.#table.find(id);
      if (slot < 0) {
        const wait = this.#wait(id, cost);
        this.#metrics.refused(cost, wait, id);
        throw new RateLimitExceededError(this.name, wait, `all ${this.maxKeys} keys are in use`);
      }
      limiter = this.#open(slot);
    }
    // Not awaited here: that would keep the caller's key, and the longer string it was cut from, in memory.
    return this.#waitIn(limiter, request);
  }

  /** How many tokens the key's bucket has now, with fractions. */
  tokens(key: string): number {
    const id = this.#idOf(key);
    const limiter = this.#waiting.get(id);
    if (limiter !== undefined) return limiter.tokens();
    return tokensIn(this.#table.levelOf(this.#table.find(id)), 0, this.#clock.now(), this.#limits);
  }

  /** Seconds until a request for this key that comes now would be admitted; 0: at once. */
  timeUntilToken(key: string, cost: number = 1): number {
    const id = this.#idOf(key);
    checkCost(cost, this.burst);
    return this.#wait(id, cost);
  }

  /** Fills the bucket of one key, or all buckets; waiters are served as far as it goes. Totals are kept. */
  reset(key?: string): void {
    if (key === undefined) {
      this.#table.clear();
      for (const limiter of this.#waiting.values()) limiter.reset();
      return;
    }
    const id = this.#idOf(key);
    const limiter = this.#waiting.get(id);
    if (limiter !== undefined) {
      limiter.reset();
      return;
    }
    const slot = this.#table.find(id);
    if (slot >= 0) this.#table.remove(slot);
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
    this.#disposed = true;
    for (const limiter of this.#waiting.values()) limiter.dispose();
  }

  #take(key: string, cost: number): boolean {
    const limiter = this.#waiting.size > 0 ? this.#waiting.get(key) : undefined;
    if (limiter !== undefined) return limiter.take(cost);
    const now = this.#clock.now();
    const table = this.#table;
    const hash = table.hash(key);
    const slot = table.find(key, hash);
    if (slot < 0) return this.#add(key, hash, cost, now);
    return table.tryTake(slot, cost, now);
  }

  /** Adds a key whose first request takes from a full bucket, if there is room or it can be made. */
  #add(key: string, hash: number, cost: number, now: number): boolean {
    const table = this.#table;
    // Two for each new key: full buckets do not pile up, and no call pays for many.
    table.forgetFull(now, 2);
    let evicted: string | undefined;
    if (this.size >= this.maxKeys) {
      const slot = table.closestToFull();
      if (slot < 0) return false;
      if (!table.isFull(slot, now)) {
        if (this.onFull === "deny") return false;
        evicted = table.keyOf(slot);
      }
      table.remove(slot);
    }
    table.add(key, now, cost, hash);
    if (evicted !== undefined) {
      this.#evicted++;
      this.#metrics.events?.emit("evicted", { key: evicted });
    }
    return true;
  }

  /** Seconds until a request for the key that comes now would be admitted. */
  #wait(key: string, cost: number): number {
    const limiter = this.#waiting.get(key);
    if (limiter !== undefined) return limiter.wait(cost);
    const table = this.#table;
    const now = this.#clock.now();
    const slot = table.find(key);
    if (slot >= 0) return secondsUntil(availableAt(table.levelOf(slot), 0, cost, now, this.#limits), now);
    if (this.size < this.maxKeys) return 0;
    const first = table.closestToFull();
    // All keys are waited for: there is no room before the next token.
    if (first < 0) return this.#limits.interval / 1000;
    if (this.onFull === "evict") return 0;
    // When it is full.
    return secondsUntil(availableAt(table.levelOf(first), 0, this.burst, now, this.#limits), now);
  }

  /** Lets requests wait for the key in a slot. */
  #open(slot: number): QueuedLimiter<string> {
    // The table's key is a copy in memory of its own.
    const key = this.#table.keyOf(slot);
    const limiter = new QueuedLimiter(this.#settings, this.#table.pin(slot), this.#metrics, key);
    if (this.#disposed) limiter.dispose();
    this.#waiting.set(key, limiter);
    return limiter;
  }

  async #waitIn(limiter: QueuedLimiter<string>, request: Request): Promise<void> {
    try {
      await limiter.admit(request);
    } finally {
      const { key } = limiter;
      if (limiter.queued === 0 && this.#waiting.get(key) === limiter) {
        this.#waiting.delete(key);
        this.#table.unpin(key);
      }
    }
  }

  /** The key as the table knows it: itself, or its hash if it is too long. */
  #idOf(key: unknown): string {
    if (typeof key !== "string") throw new TypeError(unlike("key", "a string", key));
    return key.length <= this.maxKeyLength ? key : digestOf(key);
  }
}
