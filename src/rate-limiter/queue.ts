import type { Lease } from "./leases.js";

/** The two ends of a waiter's turn. */
export interface Turn {
  granted(): void;
  refused(reason: unknown): void;
}

/** A place in a {@link Queue}: of a waiter that wants its turn soon, or of a reservation for a promised time. */
export class Place {
  /** In tokens; a reservation may give some back before its time. Changed through the queue. */
  cost: number;
  /** When it was taken. */
  readonly since: number;
  /** The last moment at which its turn may come. */
  readonly deadline: number;
  /** What a waiter is told; a reservation has none: it knows its time. */
  readonly turn: Turn | undefined;
  /** The time that a reservation was promised. */
  readonly promised: number;
  readonly signal: AbortSignal | undefined;
  /** Whether a timer must wake it; one that blocks the thread looks at the clock itself. */
  readonly timed: boolean;
  /** What a reservation holds once its time has come. */
  lease: Lease | undefined;

  queued = false;
  before: Place | undefined;
  after: Place | undefined;

  constructor(
    cost: number,
    since: number,
    given: {
      deadline?: number;
      turn?: Turn;
      promised?: number;
      signal?: AbortSignal | undefined;
      timed?: boolean;
    },
  ) {
    this.cost = cost;
    this.since = since;
    this.deadline = given.deadline ?? Number.POSITIVE_INFINITY;
    this.turn = given.turn;
    this.promised = given.promised ?? Number.NEGATIVE_INFINITY;
    this.signal = given.signal;
    this.timed = given.timed ?? false;
  }
}

/** First in, first out; anybody can leave from anywhere. Joining and leaving are O(1). */
export class Queue {
  head: Place | undefined;
  size = 0;
  /** The cost of all places together. */
  cost = 0;
  /** How many places are reservations. */
  reserved = 0;
  /** How many places need a timer. */
  timed = 0;
  #tail: Place | undefined;

  push(place: Place): void {
    place.before = this.#tail;
    if (this.#tail === undefined) this.head = place;
    else this.#tail.after = place;
    this.#tail = place;
    place.queued = true;
    this.#count(place, 1);
  }

  remove(place: Place): void {
    if (!place.queued) return;
    if (place.before === undefined) this.head = place.after;
    else place.before.after = place.after;
    if (place.after === undefined) this.#tail = place.before;
    else place.after.before = place.before;
    place.before = undefined;
    place.after = undefined;
    place.queued = false;
    this.#count(place, -1);
    // Fractions leave rounding behind; an empty queue starts afresh.
    if (this.size === 0) this.cost = 0;
  }

  changeCost(place: Place, cost: number): void {
    this.cost += cost - place.cost;
    place.cost = cost;
  }

  /** Moves the reservations before all waiters, each kind in its order. */
  reservationsFirst(): void {
    const waiters: Place[] = [];
    const reservations: Place[] = [];
    for (let place = this.head; place !== undefined; place = place.after) {
      (place.turn === undefined ? reservations : waiters).push(place);
    }
    for (const place of [...reservations, ...waiters]) {
      this.remove(place);
      this.push(place);
    }
  }

  #count(place: Place, sign: 1 | -1): void {
    this.size += sign;
    this.cost += sign * place.cost;
    if (place.turn === undefined) this.reserved += sign;
    if (place.timed) this.timed += sign;
  }
}
