import type { Clock } from "../kernel/clock.js";
import type { Component, Snapshot } from "../kernel/component.js";
import type { Listener } from "../kernel/events.js";
import { resolveOptions } from "../kernel/options.js";
import { Printed } from "../kernel/printed.js";
import { show } from "../kernel/show.js";
import { FULL, fullAfter, type Limits, tokensIn, waitFor } from "./bucket.js";
import { RateLimitExceededError } from "./errors.js";
import { KeyTable } from "./key-table.js";
import { Line } from "./line.js";
import {
  type KeyedRateLimiterOptions,
  type KeyedRateLimiterSettings,
  keyedRateLimiterRules,
  limitsOf,
} from "./options.js";
import { type AcquireOptions, checkCost, readRequest } from "./request.js";
import { type RateLimiterStats, Tally } from "./tally.js";

/** Totals of a keyed limiter over all keys: a frozen copy. */
export interface KeyedRateLimiterStats extends RateLimiterStats {
  /** How many keys are known now; a bucket that has become full is forgotten when room is needed. */
  readonly keys: number;
  /** How many keys were forgotten before their buckets were full. */
  readonly totalEvicted: number;
}

/** What a {@link KeyedRateLimiter} says of itself. */
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
  /** A request was refused; it would be admitted after `retryAfter` seconds. */
  readonly rejected: { readonly key: string; readonly cost: number; readonly retryAfter: number };
  /** A key was forgotten before its bucket was full. */
  readonly evicted: { readonly key: string };
}

/**
 * One bucket a key, all with the same limits: for limits a client, a user or an address. A key that is not
 * known has a full bucket, so a bucket that has become full is forgotten without changing any decision.
 *
 * It holds at most `maxKeys` keys in about 50 bytes each and has no timer, except for keys that somebody waits
 * for with `acquire`. With `onFull: "evict"`, somebody who can make up keys at will can push others out, who then
 * get the tokens they miss early; with `"deny"` he can lock new keys out instead.
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
  /** How many keys are known at most. */
  readonly maxKeys: number;
  readonly #settings: KeyedRateLimiterSettings;
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #table: KeyTable;
  /** Those that somebody waits for: the bucket of such a key is in its line, not in the table. */
  readonly #lines = new Map<string, Line<string>>();
  readonly #tally: Tally<string, { readonly key: string }>;
  #disposed = false;
  #evicted = 0;

  constructor(options?: KeyedRateLimiterOptions) {
    super();
    const settings = resolveOptions("KeyedRateLimiter", keyedRateLimiterRules, options, "rateLimiter");
    this.name = settings.name;
    this.maxKeys = settings.maxKeys;
    this.#settings = settings;
    this.#clock = settings.clock;
    this.#limits = limitsOf(settings);
    this.#table = new KeyTable(settings.maxKeys);
    const events = ["acquired", "rejected", "evicted"] as const;
    this.#tally = new Tally(`keyed rate limiter ${this.name}`, events, (key) => ({ key }));
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
    return this.#table.size + this.#lines.size;
  }

  /** Totals over all keys, as a frozen copy. */
  get stats(): KeyedRateLimiterStats {
    let queued = 0;
    for (const line of this.#lines.values()) queued += line.queued;
    const { size: keys } = this;
    return Object.freeze({ ...this.#tally.stats(queued), keys, totalEvicted: this.#evicted });
  }

  /** What the limiter is at this moment: frozen, JSON-serialisable. */
  snapshot(): KeyedRateLimiterSnapshot {
    const { name, rate, per, burst, maxKeys, stats } = this;
    return Object.freeze({ kind: "keyed-rate-limiter", name, rate, per, burst, maxKeys, ...stats });
  }

  /**
   * Takes the tokens from the key's bucket if they are there and nobody waits for them; a refusal changes nothing.
   *
   * @param key a string that is not empty.
   * @param cost a number above 0, up to the burst.
   * @throws TypeError or RangeError when the key or the cost makes no sense.
   * @throws RateLimitError with `ERR_RATE_LIMIT_COST` when the cost is above the burst.
   */
  tryAcquire(key: string, cost: number = 1): boolean {
    checkKey(key);
    checkCost(cost, this.burst);
    const admitted = this.#take(key, cost);
    if (admitted) this.#tally.admitted(cost, 0, key);
    else this.#tally.refused(cost, this.#tally.events === undefined ? 0 : this.#wait(key, cost), key);
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
    checkKey(key);
    const request = readRequest("acquire", options, this.burst);
    const { cost, signal } = request;
    signal?.throwIfAborted();
    let line = this.#lines.get(key);
    if (line === undefined) {
      if (this.#take(key, cost)) {
        this.#tally.admitted(cost, 0, key);
        return;
      }
      const slot = this.#table.find(key);
      if (slot < 0) {
        const wait = this.#wait(key, cost);
        this.#tally.refused(cost, wait, key);
        throw new RateLimitExceededError(this.name, wait / 1000, `all ${this.maxKeys} keys are in use`);
      }
      line = this.#open(key, slot);
    }
    try {
      await line.admit(request);
    } finally {
      this.#close(key, line);
    }
  }

  /** How many tokens the key's bucket has now, with fractions. */
  tokens(key: string): number {
    checkKey(key);
    const line = this.#lines.get(key);
    if (line !== undefined) return line.tokens();
    return tokensIn(this.#table.fullAt(this.#table.find(key)), this.#clock.now(), this.#limits);
  }

  /** Seconds until a request for this key that comes now would be admitted; 0: at once. */
  timeUntilToken(key: string, cost: number = 1): number {
    checkKey(key);
    checkCost(cost, this.burst);
    return this.#wait(key, cost) / 1000;
  }

  /** Fills the bucket of one key, or of all; who waits is served as the bucket allows. Totals go on. */
  reset(key?: string): void {
    if (key === undefined) {
      this.#table.clear();
      for (const line of this.#lines.values()) line.reset();
      return;
    }
    checkKey(key);
    this.#lines.get(key)?.reset();
    const slot = this.#table.find(key);
    if (slot >= 0) this.#table.remove(slot);
  }

  /** Listens to an event; disposing of the result stops it. */
  on<Name extends keyof KeyedRateLimiterEvents>(
    name: Name,
    listener: Listener<KeyedRateLimiterEvents[Name]>,
  ): Disposable {
    return this.#tally.on(name, listener);
  }

  /**
   * Refuses everybody who waits with a `RateLimitError` (`ERR_RATE_LIMIT_DISPOSED`), and from now on everybody
   * who would have to wait. No timer is left.
   */
  [Symbol.dispose](): void {
    this.#disposed = true;
    for (const line of this.#lines.values()) line.dispose();
  }

  #take(key: string, cost: number): boolean {
    const line = this.#lines.size > 0 ? this.#lines.get(key) : undefined;
    if (line !== undefined) return line.take(cost);
    const now = this.#clock.now();
    const table = this.#table;
    const hash = table.hash(key);
    const slot = table.find(key, hash);
    if (slot < 0) return this.#add(key, hash, cost, now);
    const fullAt = table.fullAt(slot);
    if (waitFor(fullAt, cost, now, this.#limits) > 0) return false;
    table.setFullAt(slot, fullAfter(fullAt, cost, now, this.#limits));
    return true;
  }

  /** Adds a key with what its first request leaves, if there is or can be made room for one more. */
  #add(key: string, hash: number, cost: number, now: number): boolean {
    const table = this.#table;
    // Two for each that comes: what has become full never piles up, and no call pays for many.
    table.forgetFull(now, 2);
    let evicted: string | undefined;
    if (this.size >= this.maxKeys) {
      const slot = table.closestToFull();
      if (slot < 0) return false;
      if (table.fullAt(slot) > now) {
        if (this.#settings.onFull === "deny") return false;
        evicted = table.keyOf(slot);
      }
      table.remove(slot);
    }
    table.add(key, fullAfter(FULL, cost, now, this.#limits), hash);
    if (evicted !== undefined) {
      this.#evicted++;
      this.#tally.events?.emit("evicted", { key: evicted });
    }
    return true;
  }

  /** Milliseconds until a request for the key that comes now would be admitted. */
  #wait(key: string, cost: number): number {
    const line = this.#lines.get(key);
    if (line !== undefined) return line.wait(cost);
    const table = this.#table;
    const now = this.#clock.now();
    const slot = table.find(key);
    if (slot >= 0) return waitFor(table.fullAt(slot), cost, now, this.#limits);
    if (this.size < this.maxKeys) return 0;
    const first = table.closestToFull();
    // Everybody is waited for: some room comes with the next token at the earliest.
    if (first < 0) return this.#limits.interval;
    return this.#settings.onFull === "evict" ? 0 : Math.max(0, table.fullAt(first) - now);
  }

  /** Begins a line for a key; its bucket moves there. */
  #open(key: string, slot: number): Line<string> {
    const line = new Line(this.#settings, this.#limits, this.#tally, key, this.#table.fullAt(slot));
    if (this.#disposed) line.dispose();
    this.#table.remove(slot);
    this.#lines.set(key, line);
    return line;
  }

  /** Gives a line up that nobody waits in; its bucket moves back. */
  #close(key: string, line: Line<string>): void {
    if (line.queued > 0 || this.#lines.get(key) !== line) return;
    this.#lines.delete(key);
    if (line.fullAt > this.#clock.now()) this.#table.add(key, line.fullAt);
  }
}

function checkKey(key: unknown): asserts key is string {
  if (typeof key !== "string" || key === "") {
    throw new TypeError(`key must be a string that is not empty; got ${show(key)}.`);
  }
}
