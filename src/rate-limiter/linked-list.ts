import type { Grant } from "./token-bucket.js";

/** A place in a {@link LinkedList}. */
interface Place<Item> {
  /** Changed only while it is in no queue, or by a reservation that gives tokens back before its time. */
  cost: number;
  /** Tells who came before; given with the place. */
  order: number;
  /** What it holds when its tokens were taken and may come back. */
  lease?: Grant | undefined;
  before?: Item | undefined;
  after?: Item | undefined;
}

/** Whoever wants a turn as soon as there can be one. */
export interface Waiter extends Place<Waiter> {
  readonly since: number;
  /** The last moment at which its turn may come. */
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
  /** Whether it may give its tokens back. */
  readonly leased: boolean;
  readonly granted: (waiter: Waiter) => void;
  readonly refused: (reason: unknown) => void;
}

/** A reservation that waits for its time: whoever looks next takes its tokens as of then. */
export interface PendingReservation extends Place<PendingReservation> {
  readonly promised: number;
}

/** First in, first out; anybody can leave from anywhere. Joining and leaving are O(1). */
export class LinkedList<Item extends Place<Item>> {
  head: Item | undefined;
  size = 0;
  #tail: Item | undefined;

  push(item: Item): void {
    item.before = this.#tail;
    if (this.#tail) this.#tail.after = item;
    else this.head = item;
    this.#tail = item;
    this.size++;
  }

  /** Takes out somebody who stands in this queue. */
  remove(item: Item): void {
    const { before, after } = item;
    if (before) before.after = after;
    else this.head = after;
    if (after) after.before = before;
    else this.#tail = before;
    item.before = item.after = undefined;
    this.size--;
  }

  *[Symbol.iterator](): Generator<Item> {
    for (let item = this.head; item; item = item.after) yield item;
  }
}
