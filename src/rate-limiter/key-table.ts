import { fullAt, newLevel, isFull, type Levels, type Limits, tryTake } from "./bucket.js";
import { hashKey, randomSeed } from "./key-hash.js";
import { TokenBucket } from "./token-bucket.js";

const FIRST_CAPACITY = 16;

/**
 * The buckets of many keys, in less than 60 bytes each beside the key itself, ordered by the time at which they
 * are full.
 *
 * A hash table of slot numbers with open addressing and linear probing, typed arrays by slot, and a binary heap
 * of the slots. With a `Map` of slot numbers in place of the hash table it was 70 bytes a key at a million keys,
 * where this is 52, and 97 at 1.1 million.
 */
export class KeyTable {
  size = 0;
  readonly #maxKeys: number;
  readonly #limits: Limits;
  readonly #seed = randomSeed();
  /** Slot + 1 at the home of the key's hash or after it; 0: empty. At most half full. */
  #index = new Int32Array(0);
  readonly #keys: string[] = [];
  #hashes = new Int32Array(0);
  /** Two numbers a slot; the first of a free slot is the next free slot. */
  #levels: Levels = new Float64Array(0);
  /** The heap, and where in it each slot is. */
  #heap = new Int32Array(0);
  #places = new Int32Array(0);
  /** By slot, when its bucket is full, as the heap knows it: that only gets later, and is corrected at the heap's top. */
  #times = new Float64Array(0);
  /** Buckets in use outside the table, by key: never forgotten, and told when their numbers move. */
  readonly #pinned = new Map<string, TokenBucket>();
  #nextFree = -1;
  #nextNew = 0;

  constructor(maxKeys: number, limits: Limits) {
    this.#maxKeys = maxKeys;
    this.#limits = limits;
    this.clear();
  }

  hash(key: string): number {
    return hashKey(key, this.#seed);
  }

  /** The slot of a key; -1: unknown. */
  find(key: string, hash: number = this.hash(key)): number {
    for (let place = this.#homeOf(hash); ; place = this.#after(place)) {
      const slot = (this.#index[place] ?? 0) - 1;
      if (slot < 0 || (this.#hashes[slot] === hash && this.#keys[slot] === key)) return slot;
    }
  }

  /** A copy of the bucket in a slot; a full one when there is none. */
  levelOf(slot: number): Levels {
    return slot < 0 ? newLevel() : this.#levels.slice(slot * 2, slot * 2 + 2);
  }

  /** Takes the tokens from the bucket in a slot if they are there. */
  tryTake(slot: number, cost: number, now: number): boolean {
    return tryTake(this.#levels, slot * 2, cost, now, this.#limits);
  }

  isFull(slot: number, now: number): boolean {
    return isFull(this.#levels, slot * 2, now, this.#limits);
  }

  keyOf(slot: number): string {
    return this.#keys[slot] ?? "";
  }

  /** Adds a key that is not there, whose bucket was full at a time and has had tokens taken since; returns its slot. */
  add(key: string, since: number, spent: number, hash: number = this.hash(key)): number {
    if (this.size === this.#hashes.length) this.#resize(Math.min(this.#maxKeys, this.size * 2));
    let slot = this.#nextFree;
    if (slot < 0) slot = this.#nextNew++;
    else this.#nextFree = this.#levels[slot * 2] ?? -1;
    this.#keys[slot] = ownCopy(key);
    this.#hashes[slot] = hash;
    this.#levels[slot * 2] = since;
    this.#levels[slot * 2 + 1] = spent;
    this.#times[slot] = this.#fullAt(slot);
    this.#enter(slot);
    this.#rise(this.size++, slot);
    return slot;
  }

  /** The bucket in a slot, for use outside the table; it is not forgotten until {@link unpin}. */
  pin(slot: number): TokenBucket {
    const bucket = new TokenBucket(this.#limits);
    this.#pinned.set(this.keyOf(slot), bucket);
    this.#attach(bucket, slot);
    return bucket;
  }

  /** Ends a {@link pin}. */
  unpin(key: string): void {
    this.#pinned.delete(key);
    const slot = this.find(key);
    this.#times[slot] = this.#fullAt(slot);
    this.#rise(this.#places[slot] ?? 0, slot);
  }

  remove(slot: number): void {
    this.#leave(slot);
    this.#keys[slot] = "";
    this.#levels[slot * 2] = this.#nextFree;
    this.#nextFree = slot;
    const place = this.#places[slot] ?? 0;
    const last = this.#heap[--this.size] ?? 0;
    if (last === slot) return;
    this.#sink(place, last);
    this.#rise(this.#places[last] ?? 0, last);
  }

  /** The slot of the bucket that is full first, of those that are not pinned; -1 when there is none. */
  closestToFull(): number {
    while (this.size > this.#pinned.size) {
      const slot = this.#heap[0] ?? 0;
      if (this.#isRight(slot)) return slot;
    }
    return -1;
  }

  /** Forgets full buckets, in at most `steps`: an unknown key has a full bucket anyway. */
  forgetFull(now: number, steps: number): void {
    for (let left = steps; left > 0 && this.size > 0; left--) {
      const slot = this.#heap[0] ?? 0;
      if (this.#timeOf(slot) > now) return;
      if (!this.#isRight(slot)) continue;
      if (!this.isFull(slot, now)) return;
      this.remove(slot);
    }
  }

  /** Forgets all but the pinned. */
  clear(): void {
    const levels = this.#levels;
    this.size = 0;
    this.#keys.length = 0;
    this.#nextFree = -1;
    this.#nextNew = 0;
    this.#resize(Math.min(FIRST_CAPACITY, this.#maxKeys));
    for (const [key, bucket] of this.#pinned)
      this.#attach(bucket, this.add(key, levels[bucket.at] ?? 0, levels[bucket.at + 1] ?? 0));
  }

  /** Tells a pinned bucket where its numbers are, and moves it to the heap's end. */
  #attach(bucket: TokenBucket, slot: number): void {
    bucket.levels = this.#levels;
    bucket.at = slot * 2;
    this.#times[slot] = Infinity;
    this.#sink(this.#places[slot] ?? 0, slot);
  }

  #resize(capacity: number): void {
    this.#hashes = resized(new Int32Array(capacity), this.#hashes);
    this.#heap = resized(new Int32Array(capacity), this.#heap);
    this.#places = resized(new Int32Array(capacity), this.#places);
    this.#levels = resized(new Float64Array(capacity * 2), this.#levels);
    this.#times = resized(new Float64Array(capacity), this.#times);
    // An array that grows by itself reserves half as much again.
    this.#keys.length = capacity;
    this.#index = new Int32Array(capacity * 2);
    for (const slot of this.#heap.subarray(0, this.size)) this.#enter(slot);
    for (const bucket of this.#pinned.values()) bucket.levels = this.#levels;
  }

  /** The place in the index where the search for a hash begins: all 32 bits scaled to its length. */
  #homeOf(hash: number): number {
    return Math.floor((hash >>> 0) * (this.#index.length / 2 ** 32));
  }

  #after(place: number): number {
    return place + 1 < this.#index.length ? place + 1 : 0;
  }

  /** How far the search goes from one place of the index to another. */
  #distance(from: number, to: number): number {
    return to >= from ? to - from : to - from + this.#index.length;
  }

  #enter(slot: number): void {
    let place = this.#homeOf(this.#hashes[slot] ?? 0);
    while (this.#index[place] !== 0) place = this.#after(place);
    this.#index[place] = slot + 1;
  }

  #leave(slot: number): void {
    let hole = this.#homeOf(this.#hashes[slot] ?? 0);
    while (this.#index[hole] !== slot + 1) hole = this.#after(hole);
    // An entry that is behind the hole only because it was taken moves into it: no tombstones.
    for (let place = this.#after(hole); ; place = this.#after(place)) {
      const other = this.#index[place] ?? 0;
      if (other === 0) break;
      const home = this.#homeOf(this.#hashes[other - 1] ?? 0);
      if (this.#distance(home, place) < this.#distance(hole, place)) continue;
      this.#index[hole] = other;
      hole = place;
    }
    this.#index[hole] = 0;
  }

  #fullAt(slot: number): number {
    return fullAt(this.#levels, slot * 2, this.#limits);
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

/** A copy of the key with memory of its own: a part of a long header would keep the whole header alive. */
function ownCopy(key: string): string {
  // The cheapest way that no engine optimises away, for a string of any length.
  return String(JSON.parse(JSON.stringify(key)));
}

/** A typed array of another length with the same beginning. */
function resized<Numbers extends Int32Array | Float64Array>(to: Numbers, from: Numbers): Numbers {
  to.set(from.subarray(0, to.length));
  return to;
}
