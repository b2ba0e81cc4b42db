import { FULL } from "./bucket.js";
import { hashKey, randomSeed } from "./key-hash.js";

const FIRST_CAPACITY = 16;

/**
 * The buckets of many keys, about 50 bytes each beside the key itself, and which of them is closest to full.
 *
 * A `Map` would take 30 to 60 bytes a key for its own, and up to twice that while keys come and go; so this is
 * an open-addressing hash table of slot numbers with linear probing, typed arrays by slot, and a binary heap
 * of the slots by the time at which their buckets are full.
 */
export class KeyTable {
  size = 0;
  readonly #maxKeys: number;
  readonly #seed = randomSeed();
  /** Slot + 1 at the key's place or after it; 0: nothing. At most half full. */
  #index = new Int32Array(0);
  #keys: string[] = [];
  #hashes = new Int32Array(0);
  /** By slot; a free slot has the next free one here. */
  #fullAt = new Float64Array(0);
  /** The heap, and where in it each slot is. */
  #heap = new Int32Array(0);
  #places = new Int32Array(0);
  /** By slot, what the heap goes by: may lag behind `#fullAt`, which only grows, and is put right at the top. */
  #times = new Float64Array(0);
  #nextFree = -1;
  #nextNew = 0;

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
    this.clear();
  }

  hash(key: string): number {
    return hashKey(key, this.#seed);
  }

  /** The slot of a key; -1: unknown. */
  find(key: string, hash: number = this.hash(key)): number {
    const mask = this.#index.length - 1;
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const slot = (this.#index[place] ?? 0) - 1;
      if (slot < 0 || (this.#hashes[slot] === hash && this.#keys[slot] === key)) return slot;
    }
  }

  /** When the bucket in a slot is full. */
  fullAt(slot: number): number {
    return this.#fullAt[slot] ?? FULL;
  }

  /** Stores a later time. */
  setFullAt(slot: number, time: number): void {
    this.#fullAt[slot] = time;
  }

  keyOf(slot: number): string {
    return this.#keys[slot] ?? "";
  }

  /** Adds a key that is not there. */
  add(key: string, fullAt: number, hash: number = this.hash(key)): void {
    if (this.size === this.#hashes.length) this.#resize(Math.min(this.#maxKeys, this.size * 2));
    let slot = this.#nextFree;
    if (slot < 0) slot = this.#nextNew++;
    else this.#nextFree = this.fullAt(slot);
    this.#keys[slot] = key;
    this.#hashes[slot] = hash;
    this.#fullAt[slot] = fullAt;
    this.#times[slot] = fullAt;
    this.#enter(slot);
    this.#rise(this.size++, slot);
  }

  remove(slot: number): void {
    this.#leave(slot);
    this.#keys[slot] = "";
    this.#fullAt[slot] = this.#nextFree;
    this.#nextFree = slot;
    const place = this.#places[slot] ?? 0;
    const last = this.#heap[--this.size] ?? 0;
    if (last === slot) return;
    this.#sink(place, last);
    this.#rise(this.#places[last] ?? 0, last);
  }

  /** The slot of the bucket that is full first; -1 when there is none. */
  closestToFull(): number {
    while (this.size > 0) {
      const slot = this.#heap[0] ?? 0;
      if (this.#isRight(slot)) return slot;
    }
    return -1;
  }

  /** Forgets full buckets, at most `steps`: an unknown key has a full one anyway. */
  forgetFull(now: number, steps: number): void {
    for (let left = steps; left > 0 && this.size > 0; left--) {
      const slot = this.#heap[0] ?? 0;
      if (this.#timeOf(slot) > now) return;
      if (this.#isRight(slot)) this.remove(slot);
    }
  }

  clear(): void {
    this.size = 0;
    this.#keys = [];
    this.#nextFree = -1;
    this.#nextNew = 0;
    this.#resize(Math.min(FIRST_CAPACITY, this.#maxKeys));
  }

  #resize(capacity: number): void {
    this.#hashes = resized(new Int32Array(capacity), this.#hashes);
    this.#heap = resized(new Int32Array(capacity), this.#heap);
    this.#places = resized(new Int32Array(capacity), this.#places);
    this.#fullAt = resized(new Float64Array(capacity), this.#fullAt);
    this.#times = resized(new Float64Array(capacity), this.#times);
    // A power of two, at least twice the capacity.
    this.#index = new Int32Array(2 ** Math.ceil(Math.log2(capacity * 2)));
    for (const slot of this.#heap.subarray(0, this.size)) this.#enter(slot);
  }

  #enter(slot: number): void {
    const mask = this.#index.length - 1;
    let place = (this.#hashes[slot] ?? 0) & mask;
    while (this.#index[place] !== 0) place = (place + 1) & mask;
    this.#index[place] = slot + 1;
  }

  #leave(slot: number): void {
    const mask = this.#index.length - 1;
    let hole = (this.#hashes[slot] ?? 0) & mask;
    while (this.#index[hole] !== slot + 1) hole = (hole + 1) & mask;
    // Whoever stands behind the hole only because it was taken moves into it: no tombstones.
    for (let place = (hole + 1) & mask; ; place = (place + 1) & mask) {
      const other = this.#index[place] ?? 0;
      if (other === 0) break;
      const home = (this.#hashes[other - 1] ?? 0) & mask;
      if (((place - home) & mask) < ((place - hole) & mask)) continue;
      this.#index[hole] = other;
      hole = place;
    }
    this.#index[hole] = 0;
  }

  #timeOf(slot: number): number {
    return this.#times[slot] ?? 0;
  }

  /** Whether the heap's first slot stands there rightly; if not, it is given its place. */
  #isRight(slot: number): boolean {
    const time = this.fullAt(slot);
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

/** A typed array of another length with the same beginning. */
function resized<Numbers extends Int32Array | Float64Array>(to: Numbers, from: Numbers): Numbers {
  to.set(from.subarray(0, to.length));
  return to;
}
