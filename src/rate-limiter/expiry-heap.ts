/** A typed array of another length with the same beginning. */
export function resized<Numbers extends Int32Array | Float64Array>(grown: Numbers, from: Numbers): Numbers {
  grown.set(from);
  return grown;
}

/** Slots ordered by a time each: a binary heap in typed arrays, 16 bytes a slot. */
export class ExpiryHeap {
  size = 0;
  #slots: Int32Array;
  #places: Int32Array;
  #times: Float64Array;

  constructor(capacity: number) {
    this.#slots = new Int32Array(capacity);
    this.#places = new Int32Array(capacity);
    this.#times = new Float64Array(capacity);
  }

  grow(capacity: number): void {
    this.#slots = resized(new Int32Array(capacity), this.#slots);
    this.#places = resized(new Int32Array(capacity), this.#places);
    this.#times = resized(new Float64Array(capacity), this.#times);
  }

  /** The slot with the earliest time; -1 when there is none. */
  get first(): number {
    return this.size === 0 ? -1 : this.slotAt(0);
  }

  /** The slot at a place, from 0 to `size - 1`, in no useful order. */
  slotAt(place: number): number {
    return this.#slots[place] ?? -1;
  }

  timeOf(slot: number): number {
    return this.#times[slot] ?? 0;
  }

  add(slot: number, time: number): void {
    this.#times[slot] = time;
    this.#rise(this.size++, slot, time);
  }

  /** Gives a slot a later time. */
  postpone(slot: number, time: number): void {
    this.#times[slot] = time;
    this.#sink(this.#places[slot] ?? 0, slot, time);
  }

  remove(slot: number): void {
    const place = this.#places[slot] ?? 0;
    const last = this.slotAt(--this.size);
    if (last === slot) return;
    const time = this.timeOf(last);
    if (time < this.timeOf(slot)) this.#rise(place, last, time);
    else this.#sink(place, last, time);
  }

  #put(place: number, slot: number): void {
    this.#slots[place] = slot;
    this.#places[slot] = place;
  }

  #rise(from: number, slot: number, time: number): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const other = this.slotAt(above);
      if (this.timeOf(other) <= time) break;
      this.#put(place, other);
      place = above;
    }
    this.#put(place, slot);
  }

  #sink(from: number, slot: number, time: number): void {
    let place = from;
    for (;;) {
      let below = place * 2 + 1;
      if (below >= this.size) break;
      if (below + 1 < this.size && this.timeOf(this.slotAt(below + 1)) < this.timeOf(this.slotAt(below)))
        below++;
      const other = this.slotAt(below);
      if (time <= this.timeOf(other)) break;
      this.#put(place, other);
      place = below;
    }
    this.#put(place, slot);
  }
}
