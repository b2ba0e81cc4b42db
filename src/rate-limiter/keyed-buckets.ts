import type { Clock } from "../kernel/clock.js";
import { secondsUntil } from "../kernel/seconds.js";
import { LONG_AGO, type Limits } from "./bucket.js";
import type { KeyPlace } from "./key-index.js";
import { KeyTable } from "./key-table.js";
import type { AdmissionObserver } from "./metrics.js";
import type { KeyedRateLimiterSettings } from "./keyed-options.js";
import { type OwnLimits, ownLimits } from "./own-limits.js";
import type { Reservation } from "./reservation.js";
import { QueuedLimiter } from "./queued-limiter.js";

/** Also learns which keys are forgotten before their buckets are full. */
export interface KeyedObserver extends AdmissionObserver<string> {
  evicted(key: string): void;
}

/**
 * A bucket per key, all with the same limits but for keys that have their own. A key with waiters, reservations or a pause
 * has a limiter as well, because its bucket alone does not decide; the bucket stays pinned until that limiter is idle.
 */
export class KeyedBuckets {
  #settings: KeyedRateLimiterSettings;
  #limits: Limits;
  readonly #own: OwnLimits | undefined;
  readonly #observer: KeyedObserver;
  readonly #table: KeyTable;
  readonly #limiters = new Map<string, QueuedLimiter<string>>();
  #disposed = false;

  constructor(settings: KeyedRateLimiterSettings, limits: Limits, observer: KeyedObserver) {
    this.#settings = settings;
    this.#limits = limits;
    this.#own = ownLimits(settings);
    this.#observer = observer;
    this.#table = new KeyTable(settings.maxKeys, limits);
  }

  get clock(): Clock {
    return this.#settings.clock;
  }

  /** The limits of all keys but those that have their own. */
  get limits(): Limits {
    return this.#limits;
  }

  get settings(): KeyedRateLimiterSettings {
    return this.#settings;
  }

  /** The limits of a key; a known key keeps its limits. Throws what the application's function throws. */
  limitsFor(key: string): Limits {
    if (this.#own === undefined) return this.#limits;
    const slot = this.#table.find(key);
    return slot < 0 ? (this.#own(key) ?? this.#limits) : this.#table.limitsOf(slot);
  }

  /** How many keys are known. */
  get size(): number {
    return this.#table.size;
  }

  /** How many requests wait, for all keys. */
  get queued(): number {
    let queued = 0;
    for (const limiter of this.#open()) {
      limiter.now();
      queued += limiter.queued;
    }
    return queued;
  }

  /** Takes the tokens if they are available, nothing waits for them, and there is or can be made room for the key. */
  tryTake(key: string, cost: number, limits: Limits): boolean {
    const limiter = this.#limiters.size > 0 ? this.#limiters.get(key) : undefined;
    if (limiter !== undefined) return limiter.take(cost);
    const now = this.#settings.clock.now();
    const table = this.#table;
    const hash = table.hash(key);
    const slot = table.find(key, hash);
    if (slot < 0) return this.#add(key, hash, now, cost, now, limits);
    return table.tryTake(slot, cost, now);
  }

  /** {@link tryTake} for 1 token. @returns seconds until the bucket is full; -1: not taken, or not by the bucket alone. */
  takeOne(place: KeyPlace): number {
    if (this.#limiters.size > 0) return -1;
    const now = this.#settings.clock.now();
    const table = this.#table;
    const slot = table.findAt(place);
    if (slot < 0) return this.#takeFirst(place, now);
    return table.tryTake(slot, 1, now) ? this.#untilFull(slot, now) : -1;
  }

  /** {@link takeOne} of a key that is not known; apart, so that the usual way is small enough to be inlined. */
  #takeFirst(place: KeyPlace, now: number): number {
    const table = this.#table;
    const { key } = place;
    if (!this.#add(key, table.hash(key), now, 1, now, this.limitsFor(key))) return -1;
    const slot = table.findAt(place);
    // A listener of an eviction has filled the bucket.
    return slot < 0 ? 0 : this.#untilFull(slot, now);
  }

  #untilFull(slot: number, now: number): number {
    const table = this.#table;
    return secondsUntil(table.availableAt(slot, table.limitsOf(slot).burst, now), now);
  }

  tokens(key: string): number {
    const limiter = this.#limiters.get(key);
    if (limiter !== undefined) return limiter.tokens();
    const slot = this.#table.find(key);
    return slot < 0 ? this.limitsFor(key).burst : this.#table.tokens(slot, this.#settings.clock.now());
  }

  /** Seconds until a request for the key that comes now would be admitted. */
  wait(key: string, cost: number): number {
    const limiter = this.#limiters.get(key);
    if (limiter !== undefined) return limiter.wait(cost);
    const table = this.#table;
    const slot = table.find(key);
    if (slot >= 0) return this.#untilTokens(slot, cost);
    const { maxKeys, onFull } = this.#settings;
    if (table.size < maxKeys) return 0;
    const first = table.closestToFull();
    // No key can be forgotten now, so there is no room before the next token.
    if (first < 0) return this.#limits.interval / 1000;
    return onFull === "evict" ? 0 : this.#untilTokens(first, table.limitsOf(first).burst);
  }

  /** The limiter of a key, to be {@link close closed} when it may be idle; `undefined` if there is no room. */
  open(key: string, limits: Limits): QueuedLimiter<string> | undefined {
    const open = this.#limiters.get(key);
    if (open !== undefined) return open;
    const now = this.#settings.clock.now();
    const table = this.#table;
    this.#closeIdle(now, 2);
    const hash = table.hash(key);
    if (table.find(key, hash) < 0) this.#add(key, hash, LONG_AGO, 0, now, limits);
    // Both checked again: a listener of an eviction may have opened the key, or taken its room.
    const slot = table.find(key);
    const other = this.#limiters.get(key);
    if (other !== undefined || slot < 0) return other;
    // The table has a copy of the key in memory of its own.
    const own = table.keyOf(slot);
    const limiter = new QueuedLimiter(this.#settings, table.pin(slot), this.#observer, own);
    if (this.#disposed) limiter.dispose();
    this.#limiters.set(own, limiter);
    return limiter;
  }

  /** Reserves in a key's open limiter. */
  reserve(limiter: QueuedLimiter<string>, limits: Limits, cost: number, timeout: number): Reservation {
    const { key } = limiter;
    const own = limits === this.#limits ? undefined : limits;
    return limiter.reserve(cost, timeout, (place, used) => {
      // If its limiter is closed, the bucket was full since: nothing can be given back, but there may be a debt.
      const open = this.#limiters.get(key) ?? (used > cost ? this.open(key, own ?? this.#limits) : undefined);
      open?.settle(place, used);
      if (open) this.close(open);
    });
  }

  /** Gives tokens back to the bucket of a key, up to a full one. */
  refill(key: string, tokens: number): void {
    const limiter = this.#limiters.get(key);
    const slot = this.#table.find(key);
    if (limiter !== undefined) {
      limiter.refill(tokens);
      this.close(limiter);
    } else if (slot >= 0) {
      this.#table.refill(slot, tokens, this.#settings.clock.now());
    }
  }

  /** Closes a limiter if it is idle. */
  close(limiter: QueuedLimiter<string>): void {
    const { key } = limiter;
    if (this.#limiters.get(key) !== limiter || !limiter.isIdle(this.#settings.clock.now())) return;
    this.#limiters.delete(key);
    this.#table.unpin(key);
  }

  /** Changes the limits of all keys but those that have their own. */
  change(limits: Limits, settings: KeyedRateLimiterSettings): void {
    this.#limits = limits;
    this.#settings = settings;
    this.#table.change(limits, this.#settings.clock.now());
    const table = this.#table;
    // Not `limits`: a listener of a refusal may change them again.
    for (const limiter of this.#open()) {
      limiter.change(table.limitsOf(table.find(limiter.key)), this.#settings);
    }
  }

  /** Fills the bucket of a key and serves its waiters as far as the tokens go. */
  reset(key: string): void {
    const limiter = this.#limiters.get(key);
    const slot = this.#table.find(key);
    if (limiter !== undefined) this.#resetIn(limiter);
    else if (slot >= 0) this.#table.remove(slot);
  }

  /** Fills all buckets. */
  resetAll(): void {
    this.#table.clear();
    for (const limiter of this.#open()) this.#resetIn(limiter);
  }

  dispose(): void {
    this.#disposed = true;
    for (const limiter of this.#open()) limiter.dispose();
  }

  /** A copy, because listeners may open and close limiters. */
  #open(): readonly QueuedLimiter<string>[] {
    return [...this.#limiters.values()];
  }

  #resetIn(limiter: QueuedLimiter<string>): void {
    limiter.reset();
    this.close(limiter);
  }

  /** Adds a key, if there is room or it can be made. */
  #add(key: string, hash: number, since: number, spent: number, now: number, limits: Limits): boolean {
    const table = this.#table;
    const { maxKeys, onFull } = this.#settings;
    // Two for each new key, so that they do not pile up and no call has to close many.
    this.#closeIdle(now, 2);
    table.forgetFull(now, 2);
    let evicted: string | undefined;
    if (table.size >= maxKeys) {
      const slot = table.closestToFull();
      if (slot < 0) return false;
      if (!table.isFull(slot, now)) {
        if (onFull === "deny") return false;
        evicted = table.keyOf(slot);
      }
      table.remove(slot);
    }
    table.add(key, since, spent, hash, limits);
    if (evicted !== undefined) this.#observer.evicted(evicted);
    return true;
  }

  /** Closes idle limiters, a few at a time: no event tells when a pause ends or a reservation is dropped. */
  #closeIdle(now: number, steps: number): void {
    let left = steps;
    for (const [key, limiter] of this.#limiters) {
      if (left-- === 0) return;
      this.#limiters.delete(key);
      if (limiter.isIdle(now)) this.#table.unpin(key);
      else this.#limiters.set(key, limiter);
    }
  }

  #untilTokens(slot: number, cost: number): number {
    const now = this.#settings.clock.now();
    return secondsUntil(this.#table.availableAt(slot, cost, now), now);
  }
}
