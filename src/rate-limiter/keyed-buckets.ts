import { secondsUntil } from "../kernel/seconds.js";
import { availableAt, type Limits, tokensIn } from "./bucket.js";
import { KeyTable } from "./key-table.js";
import type { AdmissionObserver } from "./metrics.js";
import type { KeyedRateLimiterSettings } from "./options.js";
import { QueuedLimiter } from "./queued-limiter.js";

/** Is also told which keys are forgotten before their buckets are full. */
export interface KeyedObserver extends AdmissionObserver<string> {
  evicted(key: string): void;
}

/** A bucket per key, with the same limits: in the table, and pinned there for a limiter while somebody waits. */
export class KeyedBuckets {
  readonly #settings: KeyedRateLimiterSettings;
  readonly #limits: Limits;
  readonly #observer: KeyedObserver;
  readonly #table: KeyTable;
  /** By key, where somebody waits. */
  readonly #waiting = new Map<string, QueuedLimiter<string>>();
  #disposed = false;

  constructor(settings: KeyedRateLimiterSettings, limits: Limits, observer: KeyedObserver) {
    this.#settings = settings;
    this.#limits = limits;
    this.#observer = observer;
    this.#table = new KeyTable(settings.maxKeys, limits);
  }

  /** How many keys are known. */
  get size(): number {
    return this.#table.size;
  }

  /** How many requests wait, for all keys. */
  get queued(): number {
    let queued = 0;
    for (const limiter of this.#waiting.values()) queued += limiter.queued;
    return queued;
  }

  /** Takes the tokens if they are there, nobody waits for them, and there is or can be made room for the key. */
  tryTake(key: string, cost: number): boolean {
    const limiter = this.#waiting.size > 0 ? this.#waiting.get(key) : undefined;
    if (limiter !== undefined) return limiter.take(cost);
    const now = this.#settings.clock.now();
    const table = this.#table;
    const hash = table.hash(key);
    const slot = table.find(key, hash);
    if (slot < 0) return this.#add(key, hash, cost, now);
    return table.tryTake(slot, cost, now);
  }

  tokens(key: string): number {
    const limiter = this.#waiting.get(key);
    if (limiter !== undefined) return limiter.tokens();
    const level = this.#table.levelOf(this.#table.find(key));
    return tokensIn(level, 0, this.#settings.clock.now(), this.#limits);
  }

  /** Seconds until a request for the key that comes now would be admitted. */
  wait(key: string, cost: number): number {
    const limiter = this.#waiting.get(key);
    if (limiter !== undefined) return limiter.wait(cost);
    const table = this.#table;
    const slot = table.find(key);
    if (slot >= 0) return this.#untilTokens(slot, cost);
    const { maxKeys, onFull } = this.#settings;
    if (table.size < maxKeys) return 0;
    const first = table.closestToFull();
    // All keys are waited for: there is no room before the next token.
    if (first < 0) return this.#limits.interval / 1000;
    return onFull === "evict" ? 0 : this.#untilTokens(first, this.#limits.burst);
  }

  /** The limiter in which requests wait for the key; `undefined` if the key is unknown. {@link close} it. */
  open(key: string): QueuedLimiter<string> | undefined {
    const open = this.#waiting.get(key);
    if (open !== undefined) return open;
    const slot = this.#table.find(key);
    if (slot < 0) return undefined;
    // The table's key is a copy in memory of its own.
    const own = this.#table.keyOf(slot);
    const limiter = new QueuedLimiter(this.#settings, this.#table.pin(slot), this.#observer, own);
    if (this.#disposed) limiter.dispose();
    this.#waiting.set(own, limiter);
    return limiter;
  }

  /** Ends a limiter in which nobody waits any more. */
  close(limiter: QueuedLimiter<string>): void {
    const { key, queued } = limiter;
    if (queued > 0 || this.#waiting.get(key) !== limiter) return;
    this.#waiting.delete(key);
    this.#table.unpin(key);
  }

  /** Fills the bucket of a key; waiters are served as far as it goes. */
  reset(key: string): void {
    const limiter = this.#waiting.get(key);
    const slot = this.#table.find(key);
    if (limiter !== undefined) limiter.reset();
    else if (slot >= 0) this.#table.remove(slot);
  }

  /** Fills all buckets. */
  resetAll(): void {
    this.#table.clear();
    for (const limiter of this.#waiting.values()) limiter.reset();
  }

  dispose(): void {
    this.#disposed = true;
    for (const limiter of this.#waiting.values()) limiter.dispose();
  }

  /** Adds a key whose first request takes from a full bucket, if there is room or it can be made. */
  #add(key: string, hash: number, cost: number, now: number): boolean {
    const table = this.#table;
    const { maxKeys, onFull } = this.#settings;
    // Two for each new key: full buckets do not pile up, and no call pays for many.
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
    table.add(key, now, cost, hash);
    if (evicted !== undefined) this.#observer.evicted(evicted);
    return true;
  }

  #untilTokens(slot: number, cost: number): number {
    const now = this.#settings.clock.now();
    return secondsUntil(availableAt(this.#table.levelOf(slot), 0, cost, now, this.#limits), now);
  }
}
