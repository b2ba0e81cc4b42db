import { ExpiryHeap, resized } from "./expiry-heap.js";
import { hashKey, randomSeed } from "./key-hash.js";

const FIRST_CAPACITY = 16;

/**
 * The buckets of many keys, about 50 bytes each beside the key itself, and which of them is closest to full.
 *
 * A `Map` would take 30 to 60 bytes a key for its own, and up to twice that while keys come and go; so this is
 * an open-addressing hash table of slot numbers with linear probing, and typed arrays by slot.
 */
export class KeyTable {
  readonly #maxKeys: number;
  readonly #seed = randomSeed();
  #capacity = 0;
  /** Slot + 1 at the key's place or after it; 0: nothing. At most half full. */
  #index = new Int32Array(0);
  /** By slot; a free slot has the next free one in `#fullAt`. */
  #keys: string[] = [];
  #hashes = new Int32Array(0);
  #fullAt = new Float64Array(0);
  /** Times may lag behind `#fullAt`, which only grows: put right when a slot comes first. */
  #heap = new ExpiryHeap(0);
  #nextFree = -1;
  #nextNew = 0;

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
    this.clear();
  }

  get size(): number {
    return this.#heap.size;
  }

  hash(key: string): number {
    return hashKey(key, this.#seed);
  }

  /** The slot of a key; -1: unknown. */
  find(key: string, hash: number): number {
    const mask = this.#index.length - 1;
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const slot = (this.#index[place] ?? 0) - 1;
      if (slot < 0 || (this.#hashes[slot] === hash && this.#keys[slot] === key)) return slot;
    }
  }

  fullAt(slot: number): number {
    return this.#fullAt[slot] ?? 0;
  }

  /** Stores a later time. */
  setFullAt(slot: number, time: number): void {
    this.#fullAt[slot] = time;
  }

  keyOf(slot: number): string {
    return this.#keys[slot] ?? "";
  }

  /** Adds a key that is not there. */
  add(key: string, hash: number, fullAt: number): void {
    if (this.size === this.#capacity) this.#grow(Math.min(this.#maxKeys, this.#capacity * 2));
    const slot = this.#freeSlot();
    this.#keys[slot] = key;
    this.#hashes[slot] = hash;
    this.#fullAt[slot] = fullAt;
    this.#heap.add(slot, fullAt);
    this.#enter(slot, hash);
  }

  remove(slot: number): void {
    this.#heap.remove(slot);
    this.#leave(slot);
    this.#keys[slot] = "";
    this.#fullAt[slot] = this.#nextFree;
    this.#nextFree = slot;
  }

  /** The slot of the bucket that is full first; -1 when there is none. */
  closestToFull(): number {
    for (;;) {
      const slot = this.#heap.first;
      if (slot < 0 || this.fullAt(slot) <= this.#heap.timeOf(slot)) return slot;
      this.#heap.postpone(slot, this.fullAt(slot));
    }
  }

  /** Forgets full buckets, at most `steps`: an unknown key has a full one anyway. */
  forgetFull(now: number, steps: number): void {
    for (let left = steps; left > 0; left--) {
      const slot = this.#heap.first;
      if (slot < 0 || this.#heap.timeOf(slot) > now) return;
      const time = this.fullAt(slot);
      if (time <= now) this.remove(slot);
      else this.#heap.postpone(slot, time);
    }
  }

  clear(): void {
    this.#capacity = Math.min(FIRST_CAPACITY, this.#maxKeys);
    this.#index = new Int32Array(indexLength(this.#capacity));
    this.#keys = [];
    this.#hashes = new Int32Array(this.#capacity);
    this.#fullAt = new Float64Array(this.#capacity);
    this.#heap = new ExpiryHeap(this.#capacity);
    this.#nextFree = -1;
    this.#nextNew = 0;
  }

  #freeSlot(): number {
    const slot = this.#nextFree;
    if (slot < 0) return this.#nextNew++;
    this.#nextFree = this.fullAt(slot);
    return slot;
  }

  #grow(capacity: number): void {
    this.#capacity = capacity;
    this.#hashes = resized(new Int32Array(capacity), this.#hashes);
    this.#fullAt = resized(new Float64Array(capacity), this.#fullAt);
    this.#heap.grow(capacity);
    this.#index = new Int32Array(indexLength(capacity));
    for (let place = 0; place < this.size; place++) {
      const slot = this.#heap.slotAt(place);
      this.#enter(slot, this.#hashes[slot] ?? 0);
    }
  }

  #enter(slot: number, hash: number): void {
    const mask = this.#index.length - 1;
    let place = hash & mask;
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
}

/** A power of two, at least twice the capacity. */
function indexLength(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(capacity * 2));
}
