import { hashKey, randomSeed } from "./key-hash.js";

/** Where a key was found. */
export interface KeyPlace {
  key: string;
  /** It may belong to another key by now; -1: not found yet. */
  slot: number;
}

/**
 * The slot of each key, in 20 bytes in addition to the key itself: a hash table with open addressing and linear probing.
 *
 * With a `Map` from key to slot, a {@link KeyTable} would take 70 bytes a key at a million keys, instead of 52, and 97 at
 * 1.1 million.
 */
export class KeyIndex {
  readonly #seed = randomSeed();
  /** Slot + 1, at the home of the key's hash or after it; 0: empty. At most half full. */
  #places = new Int32Array(0);
  /** `undefined` for free slots: an empty text is a key. */
  readonly #keys: (string | undefined)[] = [];
  #hashes = new Int32Array(0);
  /** The slot that was found last; -1: none. */
  #last = -1;

  hash(key: string): number {
    return hashKey(key, this.#seed);
  }

  /** The slot of a key; -1: unknown. */
  find(key: string, hash: number): number {
    for (let place = this.#homeOf(hash); ; place = this.#after(place)) {
      const slot = (this.#places[place] ?? 0) - 1;
      if (slot < 0 || (this.#hashes[slot] === hash && this.#keys[slot] === key)) return (this.#last = slot);
    }
  }

  /** {@link find}, for a key that may be asked about once more. */
  findAgain(key: string): number {
    return this.#keys[this.#last] === key ? this.#last : this.find(key, this.hash(key));
  }

  /** {@link find}, beginning where the key was found before. */
  findAt(place: KeyPlace): number {
    return place.slot >= 0 && this.#keys[place.slot] === place.key ? place.slot : this.#search(place);
  }

  /** Apart, so that what usually suffices is small enough to be inlined. */
  #search(place: KeyPlace): number {
    place.slot = this.find(place.key, this.hash(place.key));
    // Comparing one string with itself is fastest, and this one is kept anyway.
    place.key = this.#keys[place.slot] ?? place.key;
    return place.slot;
  }

  keyOf(slot: number): string {
    return this.#keys[slot] ?? "";
  }

  /** Gives a free slot to a key that has none. */
  set(slot: number, key: string, hash: number): void {
    this.#keys[slot] = ownCopy(key);
    this.#hashes[slot] = hash;
    this.#enter(slot);
  }

  delete(slot: number): void {
    this.#keys[slot] = undefined;
    let hole = this.#homeOf(this.#hashes[slot] ?? 0);
    while (this.#places[hole] !== slot + 1) hole = this.#after(hole);
    // Entries that could not be placed here move into the hole, so there are no tombstones.
    for (let place = this.#after(hole); ; place = this.#after(place)) {
      const other = this.#places[place] ?? 0;
      if (other === 0) break;
      const home = this.#homeOf(this.#hashes[other - 1] ?? 0);
      if (this.#distance(home, place) < this.#distance(hole, place)) continue;
      this.#places[hole] = other;
      hole = place;
    }
    this.#places[hole] = 0;
  }

  /** Makes room for slots below `capacity`; `used` are those that have keys. */
  resize(capacity: number, used: Int32Array): void {
    this.#hashes = resized(new Int32Array(capacity), this.#hashes);
    // An array that grows automatically reserves half as much again.
    this.#keys.length = capacity;
    this.#places = new Int32Array(capacity * 2);
    for (const slot of used) this.#enter(slot);
  }

  /** Where the search for a hash begins: its 32 bits scaled to the number of places. */
  #homeOf(hash: number): number {
    return Math.floor((hash >>> 0) * (this.#places.length / 2 ** 32));
  }

  #after(place: number): number {
    return place + 1 < this.#places.length ? place + 1 : 0;
  }

  /** How far the search goes from one place to another. */
  #distance(from: number, to: number): number {
    return to >= from ? to - from : to - from + this.#places.length;
  }

  #enter(slot: number): void {
    let place = this.#homeOf(this.#hashes[slot] ?? 0);
    while (this.#places[place] !== 0) place = this.#after(place);
    this.#places[place] = slot + 1;
  }
}

/** A copy of the key in memory of its own: a substring of a long header would keep the whole header alive. */
function ownCopy(key: string): string {
  // The cheapest copy that no engine optimises away, for strings of any length.
  return String(JSON.parse(JSON.stringify(key)));
}

/** A typed array of another length with the same beginning. */
export function resized<Numbers extends Int32Array | Float64Array>(to: Numbers, from: Numbers): Numbers {
  to.set(from.subarray(0, to.length));
  return to;
}
