import type { Clock } from "../kernel/clock.js";
import type { Component, Snapshot } from "../kernel/component.js";
import { disposable } from "../kernel/disposable.js";
import { Events, type Listener } from "../kernel/events.js";
import { show } from "../kernel/show.js";
import { FULL, fullAfter, type Limits, missing, waitFor } from "./bucket.js";
import { RateLimitExceededError } from "./errors.js";
import { KeyTable } from "./key-table.js";
import { Line } from "./line.js";
import {
  type KeyedRateLimiterOptions,
  keyedRateLimiterRules,
  type OnFull,
  resolveLimiter,
} from "./options.js";
import type { RateLimiterStats } from "./rate-limiter.js";
import { type AcquireOptions, checkCost, readRequest } from "./request.js";

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

/** The line of a key that somebody waits for. The bucket of such a key is in the line, not in the table. */
interface Waiting {
  readonly key: string;
  readonly line: Line;
  /** How many calls are at work on the line: it cannot be given up under them. */
  busy: number;
}

/**
 * One bucket a key, all with the same limits: for limits a client, a user or an address. A key that is not
 * known has a full bucket, so a bucket that has become full is forgotten without changing any decision.
 *
 * It holds at most `maxKeys` keys in about 50 bytes each and has no timer, except for keys that somebody waits
 * for with `acquire`. With `onFull: "evict"`, somebody who can make up keys at will can push others out, who then
 * get the tokens they miss early; with `"deny"` he can lock new keys out instead.
 *
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
export class KeyedRateLimiter implements Component {
  readonly name: string;
  /** How many keys are known at most. */
  readonly maxKeys: number;
  readonly #onFull: OnFull;
  readonly #maxQueue: number;
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #table: KeyTable;
  readonly #lines = new Map<string, Waiting>();
  readonly #events: Events<KeyedRateLimiterEvents>;
  #disposed = false;
  #acquired = 0;
  #rejected = 0;
  #waited = 0;
  #evicted = 0;
  #heard = false;

  /**
   * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
   */
  constructor(options?: KeyedRateLimiterOptions) {
    const { settings, limits } = resolveLimiter("KeyedRateLimiter", keyedRateLimiterRules, options);
    this.name = settings.name;
    this.maxKeys = settings.maxKeys;
    this.#onFull = settings.onFull;
    this.#maxQueue = settings.maxQueue ?? Number.POSITIVE_INFINITY;
    this.#clock = settings.clock;
    this.#limits = limits;
    this.#table = new KeyTable(settings.maxKeys);
    this.#events = new Events(`keyed rate limiter ${settings.name}`, ["acquired", "rejected", "evicted"]);
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
    for (const { line } of this.#lines.values()) queued += line.queued;
    return Object.freeze({
      totalAcquired: this.#acquired,
      totalRejected: this.#rejected,
      totalWaited: this.#waited / 1000,
      queued,
      keys: this.size,
      totalEvicted: this.#evicted,
    });
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
    const now = this.#clock.now();
    const admitted = this.#take(key, cost, now);
    if (admitted) this.#admitted(key, cost, 0);
    else if (this.#heard) this.#refused(key, cost, this.#waitAt(key, cost, now) / 1000);
    else this.#rejected++;
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
    const now = this.#clock.now();
    let waiting = this.#lines.get(key);
    if (waiting === undefined) {
      if (this.#take(key, cost, now)) {
        this.#admitted(key, cost, 0);
        return;
      }
      const slot = this.#table.find(key, this.#table.hash(key));
      if (slot < 0) {
        const retryAfter = this.#waitAt(key, cost, now) / 1000;
        this.#refused(key, cost, retryAfter);
        throw new RateLimitExceededError(this.name, retryAfter, `all ${this.maxKeys} keys are in use`);
      }
      waiting = this.#open(key, slot);
    }
    await this.#through(waiting, (line) => line.admit(request));
  }

  /** How many tokens the key's bucket has now, with fractions. */
  tokens(key: string): number {
    checkKey(key);
    const now = this.#clock.now();
    const waiting = this.#lines.get(key);
    if (waiting !== undefined) return this.#through(waiting, (line) => line.tokens(now));
    const slot = this.#table.find(key, this.#table.hash(key));
    const fullAt = slot < 0 ? FULL : this.#table.fullAt(slot);
    return Math.max(0, this.burst - missing(fullAt, now, this.#limits));
  }

  /** Seconds until a request for this key that comes now would be admitted; 0: at once. */
  timeUntilToken(key: string, cost: number = 1): number {
    checkKey(key);
    checkCost(cost, this.burst);
    return this.#waitAt(key, cost, this.#clock.now()) / 1000;
  }

  /** Fills the bucket of one key, or of all; who waits is served as the bucket allows. Totals go on. */
  reset(key?: string): void {
    const now = this.#clock.now();
    if (key === undefined) {
      this.#table.clear();
      for (const waiting of this.#lines.values()) this.#through(waiting, (line) => line.reset(now));
      return;
    }
    checkKey(key);
    const waiting = this.#lines.get(key);
    if (waiting !== undefined) {
      this.#through(waiting, (line) => line.reset(now));
      return;
    }
    const slot = this.#table.find(key, this.#table.hash(key));
    if (slot >= 0) this.#table.remove(slot);
  }

  /** Listens to an event; disposing of the result stops it. */
  on<Name extends keyof KeyedRateLimiterEvents>(
    name: Name,
    listener: Listener<KeyedRateLimiterEvents[Name]>,
  ): Disposable {
    const subscription = this.#events.on(name, listener);
    this.#heard = true;
    return disposable(() => {
      subscription[Symbol.dispose]();
      this.#heard =
        this.#events.has("acquired") || this.#events.has("rejected") || this.#events.has("evicted");
    });
  }

  /**
   * Refuses everybody who waits with a `RateLimitError` (`ERR_RATE_LIMIT_DISPOSED`), and from now on everybody
   * who would have to wait. No timer is left.
   */
  [Symbol.dispose](): void {
    this.#disposed = true;
    for (const waiting of this.#lines.values()) this.#through(waiting, (line) => line.dispose());
  }

  #take(key: string, cost: number, now: number): boolean {
    if (this.#lines.size > 0) {
      const waiting = this.#lines.get(key);
      if (waiting !== undefined) return this.#through(waiting, (line) => line.take(cost, now));
    }
    const table = this.#table;
    const hash = table.hash(key);
    const slot = table.find(key, hash);
    if (slot < 0) {
      const evicted = this.#makeRoom(now);
      if (evicted === undefined) return false;
      table.add(key, hash, fullAfter(FULL, cost, now, this.#limits));
      if (evicted !== "" && this.#heard) this.#events.emit("evicted", { key: evicted });
      return true;
    }
    const fullAt = table.fullAt(slot);
    if (waitFor(fullAt, cost, now, this.#limits) > 0) return false;
    table.setFullAt(slot, fullAfter(fullAt, cost, now, this.#limits));
    return true;
  }

  /** Milliseconds until a request for the key that comes now would be admitted. */
  #waitAt(key: string, cost: number, now: number): number {
    const waiting = this.#lines.get(key);
    if (waiting !== undefined) return this.#through(waiting, (line) => line.waitAt(now, cost));
    const slot = this.#table.find(key, this.#table.hash(key));
    if (slot >= 0) return waitFor(this.#table.fullAt(slot), cost, now, this.#limits);
    if (this.size < this.maxKeys) return 0;
    const first = this.#table.closestToFull();
    // Everybody is waited for: some room comes with the next token at the earliest.
    if (first < 0) return this.#limits.interval;
    return this.#onFull === "evict" ? 0 : Math.max(0, this.#table.fullAt(first) - now);
  }

  /** Makes room for one more key: `undefined` when there is none, else the key that lost tokens by it or `""`. */
  #makeRoom(now: number): string | undefined {
    const table = this.#table;
    // Two for each that comes: what has become full never piles up, and no call pays for many.
    table.forgetFull(now, 2);
    if (this.size < this.maxKeys) return "";
    const slot = table.closestToFull();
    if (slot < 0) return undefined;
    const full = table.fullAt(slot) <= now;
    if (!full && this.#onFull === "deny") return undefined;
    const key = table.keyOf(slot);
    table.remove(slot);
    if (full) return "";
    this.#evicted++;
    return key;
  }

  /** Begins a line for a key; its bucket moves there. */
  #open(key: string, slot: number): Waiting {
    const owner = {
      name: this.name,
      clock: this.#clock,
      maxQueue: this.#maxQueue,
      admitted: (cost: number, waited: number) => this.#admitted(key, cost, waited),
      refused: (cost: number, retryAfter: number) => this.#refused(key, cost, retryAfter),
      emptied: () => this.#close(waiting),
    };
    const waiting: Waiting = { key, line: new Line(owner, this.#limits, this.#table.fullAt(slot)), busy: 0 };
    if (this.#disposed) waiting.line.dispose();
    this.#table.remove(slot);
    this.#lines.set(key, waiting);
    return waiting;
  }

  /** Runs what may empty the line and gives the line up afterwards if it did. */
  #through<Result>(waiting: Waiting, use: (line: Line) => Result): Result {
    waiting.busy++;
    try {
      return use(waiting.line);
    } finally {
      waiting.busy--;
      this.#close(waiting);
    }
  }

  #close(waiting: Waiting): void {
    const { key, line, busy } = waiting;
    if (busy > 0 || line.queued > 0 || this.#lines.get(key) !== waiting) return;
    this.#lines.delete(key);
    if (line.fullAt > this.#clock.now()) this.#table.add(key, this.#table.hash(key), line.fullAt);
  }

  #admitted(key: string, cost: number, waited: number): void {
    this.#acquired++;
    this.#waited += waited;
    if (this.#heard) this.#events.emit("acquired", { key, cost, waited: waited / 1000 });
  }

  #refused(key: string, cost: number, retryAfter: number): void {
    this.#rejected++;
    if (this.#heard) this.#events.emit("rejected", { key, cost, retryAfter });
  }
}

function checkKey(key: unknown): asserts key is string {
  if (typeof key !== "string" || key === "") {
    throw new TypeError(`key must be a string that is not empty; got ${show(key)}.`);
  }
}
