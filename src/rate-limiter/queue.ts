import type { Lease } from "./leased-bucket.js";

/** A place in a {@link Queue}. */
interface Place<Item> {
  /** Changed only while it is in no queue, or by a reservation that gives tokens back before its time. */
  cost: number;
  /** Tells who came before. */
  readonly order: number;
  /** What it holds when its tokens were taken and may come back. */
  lease?: Lease | undefined;
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
export interface Booking extends Place<Booking> {
  readonly promised: number;
}

/** First in, first out; anybody can leave from anywhere. Joining and leaving are O(1). */
export class Queue<Item extends Place<Item>> {
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
}

/**
 * Waiters, with one listener for each of their signals, however many wait with it. An `EventTarget` looks
 * through all its listeners to add or remove one, so a listener each would make a crowd quadratic.
 */
export class Waiters extends Queue<Waiter> {
  /** The cost of all together. */
  cost = 0;
  readonly #groups = new Map<EventTarget | null, Set<Waiter>>();
  readonly #abort: ({ target }: Event) => void;

  /** @param onAbort is given all waiters with a signal that aborts; it has to remove them. */
  constructor(onAbort: (waiters: Iterable<Waiter>) => void) {
    super();
    this.#abort = ({ target }) => onAbort(this.#groups.get(target) ?? []);
  }

  override push(waiter: Waiter): void {
    super.push(waiter);
    this.cost += waiter.cost;
    const { signal } = waiter;
    if (!signal) return;
    const group = this.#groups.get(signal);
    if (group) {
      group.add(waiter);
      return;
    }
    this.#groups.set(signal, new Set([waiter]));
    signal.addEventListener("abort", this.#abort);
  }

  override remove(waiter: Waiter): void {
    super.remove(waiter);
    // Fractions leave rounding behind; an empty line starts afresh.
    this.cost = this.size > 0 ? this.cost - waiter.cost : 0;
    const { signal } = waiter;
    if (!signal) return;
    const group = this.#groups.get(signal);
    group?.delete(waiter);
    if (group?.size !== 0) return;
    this.#groups.delete(signal);
    signal.removeEventListener("abort", this.#abort);
  }
}
