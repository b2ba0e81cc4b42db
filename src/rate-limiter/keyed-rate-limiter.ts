import type { Clock } from "../kernel/clock.js";
import type { Component } from "../kernel/component.js";
import type { Listener } from "../kernel/events.js";
import { resolveOptions } from "../kernel/options.js";
import { Printed } from "../kernel/printed.js";
import { unlike } from "../kernel/show.js";
import { secondsUntil } from "../kernel/seconds.js";
import { isFull, type Limits, tokensIn, turn } from "./bucket.js";
import { RateLimitExceededError } from "./errors.js";
import { digestOf } from "./key-hash.js";
import { KeyTable } from "./key-table.js";
import type {
  KeyedRateLimiterEvents,
  KeyedRateLimiterSnapshot,
  KeyedRateLimiterStats,
} from "./keyed-report.js";
import { Line } from "./line.js";
import {
  type KeyedRateLimiterOptions,
  type KeyedRateLimiterSettings,
  keyedRateLimiterRules,
  limitsOf,
  type OnFull,
} from "./options.js";
import { type AcquireOptions, checkCost, readRequest, type Request } from "./request.js";
import { Tally } from "./tally.js";

export type {
  KeyedRateLimiterEvents,
  KeyedRateLimiterSnapshot,
  KeyedRateLimiterStats,
} from "./keyed-report.js";

/**
 * One bucket a key, all with the same limits: for limits a client, a user or an address. A key that is not
 * known has a full bucket, so a bucket that has become full is forgotten without changing any decision.
 *
 * It holds at most `maxKeys` keys in less than 60 bytes each beside a copy of the key itself and has no timer, except for keys that somebody waits
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
  /** The longest key that is kept as it is, in UTF-16 units; a longer one counts by its hash. */
  readonly maxKeyLength: number;
  /** What happens to a new key when no known bucket is full. */
  readonly onFull: OnFull;
  /** How many requests may wait for each key; `undefined`: no limit. */
  readonly maxQueue: number | undefined;
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
    this.maxKeyLength = settings.maxKeyLength;
    this.onFull = settings.onFull;
    this.maxQueue = settings.maxQueue;
    this.#settings = settings;
    this.#clock = settings.clock;
    this.#limits = limitsOf(settings);
    this.#table = new KeyTable(settings.maxKeys, this.#limits);
    const events = ["acquired", "rejected", "evicted"] as const;
    const source = { kind: "keyed-rate-limiter", name: this.name } as const;
    this.#tally = new Tally(source, events, (key) => ({ key }));
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
   * @param key any string; what comes from outside may be empty, long, or a part of something longer.
   * @param cost a number above 0, up to the burst.
   * @throws TypeError or RangeError when the key or the cost makes no sense.
   * @throws RateLimitError with `ERR_RATE_LIMIT_COST` when the cost is above the burst.
   */
  tryAcquire(key: string, cost: number = 1): boolean {
    const id = this.#idOf(key);
    checkCost(cost, this.burst);
    const admitted = this.#take(id, cost);
    if (admitted) this.#tally.admitted(cost, 0, id);
    else this.#tally.refused(cost, this.#tally.tellsRefusals ? this.#wait(id, cost) : 0, id);
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
    let line = this.#lines.get(id);
    if (line === undefined) {
      if (this.#take(id, cost)) {
        this.#tally.admitted(cost, 0, id);
        return;
      }
      const slot = this.#table.find(id);
      if (slot < 0) {
        const wait = this.#wait(id, cost);
        this.#tally.refused(cost, wait, id);
        throw new RateLimitExceededError(this.name, wait, `all ${this.maxKeys} keys are in use`);
      }
      line = this.#open(slot);
    }
    // Not awaited here: this call would keep the caller's key, and what it was cut out of, until then.
    return this.#waitIn(line, request);
  }

  /** How many tokens the key's bucket has now, with fractions. */
  tokens(key: string): number {
    const id = this.#idOf(key);
    const line = this.#lines.get(id);
    if (line !== undefined) return line.tokens();
    return tokensIn(this.#table.levelOf(this.#table.find(id)), 0, this.#clock.now(), this.#limits);
  }

  /** Seconds until a request for this key that comes now would be admitted; 0: at once. */
  timeUntilToken(key: string, cost: number = 1): number {
    const id = this.#idOf(key);
    checkCost(cost, this.burst);
    return this.#wait(id, cost);
  }

  /** Fills the bucket of one key, or of all; who waits is served as the bucket allows. Totals go on. */
  reset(key?: string): void {
    if (key === undefined) {
      this.#table.clear();
      for (const line of this.#lines.values()) line.reset();
      return;
    }
    const id = this.#idOf(key);
    this.#lines.get(id)?.reset();
    const slot = this.#table.find(id);
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
    return table.takeIfThere(slot, cost, now);
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
      if (!table.isFull(slot, now)) {
        if (this.onFull === "deny") return false;
        evicted = table.keyOf(slot);
      }
      table.remove(slot);
    }
    table.add(key, now, cost, hash);
    if (evicted !== undefined) {
      this.#evicted++;
      this.#tally.evicted(evicted);
    }
    return true;
  }

  /** Seconds until a request for the key that comes now would be admitted. */
  #wait(key: string, cost: number): number {
    const line = this.#lines.get(key);
    if (line !== undefined) return line.wait(cost);
    const table = this.#table;
    const now = this.#clock.now();
    const slot = table.find(key);
    if (slot >= 0) return secondsUntil(turn(table.levelOf(slot), 0, cost, now, this.#limits), now);
    if (this.size < this.maxKeys) return 0;
    const first = table.closestToFull();
    // Everybody is waited for: some room comes with the next token at the earliest.
    if (first < 0) return this.#limits.interval / 1000;
    if (this.onFull === "evict") return 0;
    // All of the burst is there when the bucket is full.
    return secondsUntil(turn(table.levelOf(first), 0, this.burst, now, this.#limits), now);
  }

  /** Begins a line for a known key; its bucket moves there. */
  #open(slot: number): Line<string> {
    // The table's key is a copy in memory of its own.
    const key = this.#table.keyOf(slot);
    const line = new Line(this.#settings, this.#limits, this.#tally, key, this.#table.levelOf(slot));
    if (this.#disposed) line.dispose();
    this.#table.remove(slot);
    this.#lines.set(key, line);
    return line;
  }

  async #waitIn(line: Line<string>, request: Request): Promise<void> {
    try {
      await line.admit(request);
    } finally {
      this.#close(line);
    }
  }

  /** Gives a line up that nobody waits in; its bucket moves back. */
  #close(line: Line<string>): void {
    const { key, level } = line;
    if (line.queued > 0 || this.#lines.get(key) !== line) return;
    this.#lines.delete(key);
    if (isFull(level, 0, this.#clock.now(), this.#limits)) return;
    this.#table.add(key, level[0] ?? 0, level[1] ?? 0);
  }

  /** What a key counts by: itself, or its hash when it is too long to be kept. */
  #idOf(key: unknown): string {
    if (typeof key !== "string") throw new TypeError(unlike("key", "a string", key));
    return key.length <= this.maxKeyLength ? key : digestOf(key);
  }
}
