import {
  availableAt,
  fullAt,
  isFull,
  type Levels,
  type Limits,
  missing,
  rebase,
  tokensIn,
  tryTake,
} from "./bucket.js";
import { KeyIndex, type KeyPlace, resized } from "./key-index.js";
import { TokenBucket } from "./token-bucket.js";

const FIRST_CAPACITY = 16;

/**
 * The buckets of many keys, in less than 60 bytes each in addition to the key itself, ordered by the time at which they
 * are full: numbers in typed arrays by slot, and a binary heap of the slots.
 */
export class KeyTable {
  size = 0;
  readonly #maxKeys: number;
  /** The limits of all keys but the few that have their own, which are kept by slot. */
  #limits: Limits;
  #own = new Map<number, Limits>();
  #index = new KeyIndex();
  /** Two numbers a slot; the first of a free slot is the next free slot. */
  #levels: Levels = new Float64Array(0);
  /** The heap, and the position of each slot in it. */
  #heap = new Int32Array(0);
  #places = new Int32Array(0);
  /** By slot, the time at which its bucket is full. May be too early, never too late; corrected at the heap's top. */
  #times = new Float64Array(0);
  /** Buckets in use outside the table, by key: never forgotten, and updated when their numbers move. */
  readonly #pinned = new Map<string, TokenBucket>();
  #nextFree = -1;
  #nextNew = 0;

  constructor(maxKeys: number, limits: Limits) {
    this.#maxKeys = maxKeys;
    this.#limits = limits;
    this.clear();
  }

  hash(key: string): number {
    return this.#index.hash(key);
  }

  /** The slot of a key; -1: unknown. */
  find(key: string, hash?: number): number {
    return hash === undefined ? this.#index.findAgain(key) : this.#index.find(key, hash);
  }

  findAt(place: KeyPlace): number {
    return this.#index.findAt(place);
  }

  /** The limits of the bucket in a slot. */
  limitsOf(slot: number): Limits {
    return (this.#own.size > 0 ? this.#own.get(slot) : undefined) ?? this.#limits;
  }

  /** The tokens in the bucket in a slot. */
  tokens(slot: number, now: number): number {
    return tokensIn(this.#levels, slot * 2, now, this.limitsOf(slot));
  }

  /** The first time from `now` on at which the bucket in a slot has the tokens. */
  availableAt(slot: number, cost: number, now: number): number {
    return availableAt(this.#levels, slot * 2, cost, now, this.limitsOf(slot));
  }

  /** Takes the tokens from the bucket in a slot if they are available. */
  tryTake(slot: number, cost: number, now: number): boolean {
    return tryTake(this.#levels, slot * 2, cost, now, this.limitsOf(slot));
  }

  isFull(slot: number, now: number): boolean {
    return isFull(this.#levels, slot * 2, now, this.limitsOf(slot));
  }

  keyOf(slot: number): string {
    return this.#index.keyOf(slot);
  }

  /** Gives tokens back to the bucket in a slot; forgets it if it is full then. */
  refill(slot: number, tokens: number, now: number): void {
    const at = slot * 2;
    if (tokens >= missing(this.#levels, at, now, this.limitsOf(slot))) return this.remove(slot);
    this.#levels[at + 1] = (this.#levels[at + 1] ?? 0) - tokens;
    this.#times[slot] = Math.min(this.#timeOf(slot), this.#fullAt(slot));
    this.#rise(this.#places[slot] ?? 0, slot);
  }

  /** Adds an unknown key, with the time at which its bucket was full and the tokens taken since; returns its slot. */
  add(
    key: string,
    since: number,
    spent: number,
    hash: number = this.hash(key),
    limits: Limits = this.#limits,
  ): number {
    if (this.size === this.#times.length) this.#resize(Math.min(this.#maxKeys, this.size * 2));
    let slot = this.#nextFree;
    if (slot < 0) slot = this.#nextNew++;
    else this.#nextFree = this.#levels[slot * 2] ?? -1;
    this.#index.set(slot, key, hash);
    if (limits !== this.#limits) this.#own.set(slot, limits);
    this.#levels[slot * 2] = since;
    this.#levels[slot * 2 + 1] = spent;
    this.#times[slot] = this.#fullAt(slot);
    this.#rise(this.size++, slot);
    return slot;
  }

  /** The bucket in a slot, for use outside the table. It is kept until {@link unpin}. */
  pin(slot: number): TokenBucket {
    const bucket = new TokenBucket(this.limitsOf(slot));
    this.#pinned.set(this.keyOf(slot), bucket);
    this.#attach(bucket, slot);
    return bucket;
  }

  /** Ends a {@link pin}. */
  unpin(key: string): void {
    const bucket = this.#pinned.get(key);
    this.#pinned.delete(key);
    const slot = this.find(key);
    // Code that still has the bucket must not change the one that another key will get in this slot.
    if (bucket) [bucket.levels, bucket.at] = [bucket.copy(), 0];
    this.#times[slot] = this.#fullAt(slot);
    this.#rise(this.#places[slot] ?? 0, slot);
  }

  remove(slot: number): void {
    this.#index.delete(slot);
    if (this.#own.size > 0) this.#own.delete(slot);
    this.#levels[slot * 2] = this.#nextFree;
    this.#nextFree = slot;
    const place = this.#places[slot] ?? 0;
    const last = this.#heap[--this.size] ?? 0;
    if (last === slot) return;
    this.#sink(place, last);
    this.#rise(this.#places[last] ?? 0, last);
  }

  /** The slot of the unpinned bucket that is full first; -1 when there is none. */
  closestToFull(): number {
    while (this.size > this.#pinned.size) {
      const slot = this.#heap[0] ?? 0;
      if (this.#isRight(slot)) return slot;
    }
    return -1;
  }

  /** Forgets full buckets, in at most `steps` steps: an unknown key has a full bucket anyway. */
  forgetFull(now: number, steps: number): void {
    for (let left = steps; left > 0 && this.size > 0; left--) {
      const slot = this.#heap[0] ?? 0;
      if (this.#timeOf(slot) > now) return;
      if (!this.#isRight(slot)) continue;
      if (!this.isFull(slot, now)) return;
      this.remove(slot);
    }
  }

  /**
   * Changes the limits of all keys but those that have their own; a full bucket stays full. Pinned buckets are changed by
   * the code that uses them.
   */
  change(limits: Limits, now: number): void {
    const from = this.#limits;
    this.#limits = limits;
    for (const slot of this.#heap.slice(0, this.size)) {
      if (this.#timeOf(slot) === Infinity || this.#own.has(slot)) continue;
      if (isFull(this.#levels, slot * 2, now, from)) {
        this.remove(slot);
      } else {
        rebase(this.#levels, slot * 2, now, from, limits);
        this.#times[slot] = this.#fullAt(slot);
      }
    }
    for (let place = this.size >> 1; place-- > 0;) this.#sink(place, this.#heap[place] ?? 0);
  }

  /** Forgets all but the pinned buckets. */
  clear(): void {
    const levels = this.#levels;
    const own = this.#own;
    this.size = 0;
    this.#own = new Map();
    this.#index = new KeyIndex();
    this.#nextFree = -1;
    this.#nextNew = 0;
    this.#resize(Math.min(FIRST_CAPACITY, this.#maxKeys));
    for (const [key, bucket] of this.#pinned) {
      const limits = own.get(bucket.at / 2);
      const slot = this.add(key, levels[bucket.at] ?? 0, levels[bucket.at + 1] ?? 0, undefined, limits);
      this.#attach(bucket, slot);
    }
  }

  /** Points a pinned bucket at its numbers, and moves it to the heap's end. */
  #attach(bucket: TokenBucket, slot: number): void {
    bucket.levels = this.#levels;
    bucket.at = slot * 2;
    this.#times[slot] = Infinity;
    this.#sink(this.#places[slot] ?? 0, slot);
  }

  #resize(capacity: number): void {
    this.#heap = resized(new Int32Array(capacity), this.#heap);
    this.#places = resized(new Int32Array(capacity), this.#places);
    this.#levels = resized(new Float64Array(capacity * 2), this.#levels);
    this.#times = resized(new Float64Array(capacity), this.#times);
    this.#index.resize(capacity, this.#heap.subarray(0, this.size));
    for (const bucket of this.#pinned.values()) bucket.levels = this.#levels;
  }

  #fullAt(slot: number): number {
    return fullAt(this.#levels, slot * 2, this.limitsOf(slot));
  }

  #timeOf(slot: number): number {
    return this.#times[slot] ?? 0;
  }

  /** Whether the time of the heap's first slot is right; if not, corrects it and moves the slot. */
  #isRight(slot: number): boolean {
    const time = this.#fullAt(slot);
    if (this.#timeOf(slot) >= time) return true;
    this.#times[slot] = time;
    this.#sink(0, slot);
    return false;
  }

  #put(place: number, slot: number): void {
    this.#heap[place] = slot;
    this.#places[slot] = place;
  }

  #rise(from: number, slot: number): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const other = this.#heap[above] ?? 0;
      if (this.#timeOf(other) <= this.#timeOf(slot)) break;
      this.#put(place, other);
      place = above;
    }
    this.#put(place, slot);
  }

  #sink(from: number, slot: number): void {
    let place = from;
    for (let below = place * 2 + 1; below < this.size; below = place * 2 + 1) {
      let other = this.#heap[below] ?? 0;
      const right = this.#heap[below + 1] ?? 0;
      if (below + 1 < this.size && this.#timeOf(right) < this.#timeOf(other)) {
        below++;
        other = right;
      }
      if (this.#timeOf(slot) <= this.#timeOf(other)) break;
      this.#put(place, other);
      place = below;
    }
    this.#put(place, slot);
  }
}
