import type { Abortable } from "../kernel/abort.js";
import { availableAt, isLate, type Levels, take } from "./bucket.js";
import { type Linked, LinkedList } from "../kernel/linked-list.js";
import type { Grant, TokenBucket } from "./token-bucket.js";

/** A place in a {@link WaitQueue}. */
interface Place<Item> extends Linked<Item> {
  /** Changed only while not queued, or when a reservation gives tokens back before its time. */
  cost: number;
  /** The position in the order of arrival; set when it joins. */
  order: number;
  /** The grant of its tokens, once they are taken and if they may be given back. */
  grant?: Grant | undefined;
}

/** A request that waits for its turn. */
export interface Waiter extends Place<Waiter> {
  readonly since: number;
  /** The latest time at which its turn may come. */
  readonly deadline: number;
  readonly signal: Abortable | undefined;
  /** Whether it may give its tokens back. */
  readonly returnable: boolean;
  readonly granted: (waiter: Waiter) => void;
  readonly refused: (reason: unknown) => void;
  /** Removes the listener from its signal. */
  unlisten?: (() => void) | undefined;
}

/** A reservation whose time has not come. Without a timer: the next reading of the clock takes its tokens, as of then. */
export interface PendingReservation extends Place<PendingReservation> {
  readonly due: number;
}

/** The bucket as it will be once everything in the queue is served. */
interface Forecast {
  readonly level: Levels;
  /** The last turn. */
  readonly start: number;
}

/** The waiters and reservations for a bucket's tokens, and when each has its turn. Reads no clock. */
export class WaitQueue {
  /** In the past: no pause. */
  pausedUntil: number = -Infinity;
  /** Until then, no request may wait either. */
  blockedUntil: number = -Infinity;
  readonly #bucket: TokenBucket;
  readonly #waiters = new LinkedList<Waiter>();
  readonly #reservations = new LinkedList<PendingReservation>();
  /** The cost of all waiters together. */
  #waiting = 0;
  #joined = 0;
  /** All reservations up to this order come before all waiters. */
  #reservedFirst = 0;
  /** Used only while there are reservations; without them the sum of the costs is enough. */
  #forecast: Forecast | undefined;

  constructor(bucket: TokenBucket) {
    this.#bucket = bucket;
  }

  get size(): number {
    return this.#waiters.size + this.#reservations.size;
  }

  /** The first waiter. */
  get head(): Waiter | undefined {
    return this.#waiters.head;
  }

  /** When the first waiter may have its turn. */
  get headTurn(): number | undefined {
    const waiter = this.#waiters.head;
    return waiter && this.#bucket.availableAt(waiter.cost, this.#heldUntil(waiter));
  }

  /** When a request made now has its turn. */
  turnOf(cost: number, now: number): number {
    const { level, start } = this.#forecastAt(now);
    return availableAt(level, 0, cost, start, this.#bucket.limits);
  }

  /** Adds a waiter whose turn is expected at `turnAt`. */
  join(waiter: Waiter, turnAt: number): void {
    waiter.order = this.#joined++;
    if (this.#reservations.size > 0) this.#extend(waiter.cost, turnAt, waiter.since);
    this.#waiters.push(waiter);
    this.#waiting += waiter.cost;
  }

  /** Removes a waiter before its turn. */
  leave(waiter: Waiter): void {
    this.#remove(waiter);
    this.#forecast = undefined;
  }

  /** Adds a reservation. */
  reserve(reservation: PendingReservation, now: number): void {
    reservation.order = this.#joined++;
    this.#extend(reservation.cost, reservation.due, now);
    this.#reservations.push(reservation);
  }

  /**
   * Gives unused tokens back: all of them before their time, later as far as the bound allows. A negative number is what
   * was used beyond the cost, and becomes debt.
   */
  giveBack(place: PendingReservation | Waiter, unused: number, now: number): void {
    this.#forecast = undefined;
    if (!place.grant) {
      place.cost -= unused;
      if (place.cost === 0 && "due" in place) this.#reservations.remove(place);
    } else if (unused > 0) {
      this.#bucket.giveBack(place.grant, unused);
    } else if (unused < 0) {
      this.#bucket.take(-unused, now);
    }
  }

  /** Gives back tokens that belong to no grant, up to a full bucket. */
  refill(tokens: number, now: number): void {
    this.#forecast = undefined;
    this.#bucket.refill(tokens, now);
  }

  /** Takes the tokens of reservations whose time has come; returns whether one overtakes a late waiter. */
  takeReserved(now: number): boolean {
    let overtaken = false;
    for (let first = this.#reservations.head; first; first = this.#reservations.head) {
      if (first.due > now) break;
      const waiter = this.#waiters.head;
      if (waiter && !this.#isBefore(first, waiter)) overtaken = true;
      this.#reservations.remove(first);
      this.#bucket.take(first.cost, first.due);
      first.grant = this.#bucket.grant();
    }
    return overtaken;
  }

  /** Takes the first waiter's tokens and removes it, if its time has come. */
  takeHead(waiter: Waiter, now: number): boolean {
    if (now < this.#heldUntil(waiter)) return false;
    // It is served later than forecast, so all behind it move back.
    if (this.#bucket.isFull(now)) this.#forecast = undefined;
    if (!this.#bucket.tryTake(waiter.cost, now)) return false;
    this.#remove(waiter);
    if (waiter.returnable) waiter.grant = this.#bucket.grant();
    return true;
  }

  /** For a change that moves all waiters: reservations keep their times, so they come first. */
  putReservationsFirst(): void {
    this.#reservedFirst = this.#joined;
  }

  /** Removes waiters whose turn comes too late or never; the turns of the others are computed without them. */
  takeLate(now: number): readonly (readonly [waiter: Waiter, turn: number])[] {
    const late: [Waiter, number][] = [];
    const { limits } = this.#bucket;
    this.#forecast = this.#simulate(now, (waiter, turnAt) => {
      const drops =
        now < this.blockedUntil || waiter.cost > limits.burst || isLate(turnAt, waiter.deadline, limits);
      if (drops) {
        this.#remove(waiter);
        late.push([waiter, turnAt]);
      }
      return drops;
    });
    return late;
  }

  #remove(waiter: Waiter): void {
    this.#waiters.remove(waiter);
    // Sums of fractions are rounded; an empty queue starts from 0 again.
    this.#waiting = this.#waiters.size > 0 ? this.#waiting - waiter.cost : 0;
    waiter.unlisten?.();
  }

  #isBefore(reservation: PendingReservation, waiter: Waiter): boolean {
    return reservation.order < Math.max(waiter.order, this.#reservedFirst);
  }

  /** The waiter is not served before this time, whatever is in the bucket. */
  #heldUntil(waiter: Waiter): number {
    const first = this.#reservations.head;
    return first && this.#isBefore(first, waiter) ? first.due : this.pausedUntil;
  }

  #extend(cost: number, turnAt: number, now: number): void {
    const { level } = this.#forecastAt(now);
    take(level, 0, cost, turnAt, this.#bucket.limits);
    this.#forecast = { level, start: turnAt };
  }

  #forecastAt(now: number): Forecast {
    if (this.#reservations.size > 0) return (this.#forecast ??= this.#simulate(now, () => false));
    // Without reservations a sum is enough: from the first turn on the bucket is never full.
    const start = Math.max(now, this.pausedUntil);
    const level = this.#bucket.copy();
    if (this.#waiting > 0) take(level, 0, this.#waiting, start, this.#bucket.limits);
    return { level, start };
  }

  /** Simulates serving the queue from a copy of the bucket, without the waiters for which `drops` returns true. */
  #simulate(now: number, drops: (waiter: Waiter, turnAt: number) => boolean): Forecast {
    const { limits } = this.#bucket;
    const level = this.#bucket.copy();
    let start = Math.max(now, this.pausedUntil);
    let reservation = this.#reservations.head;
    const takeReservedBefore = (order: number): void => {
      for (; reservation && reservation.order < order; reservation = reservation.after) {
        start = Math.max(start, reservation.due);
        take(level, 0, reservation.cost, reservation.due, limits);
      }
    };
    let next: Waiter | undefined;
    for (let waiter = this.#waiters.head; waiter; waiter = next) {
      // Read before `drops` is called, which may remove the waiter.
      next = waiter.after;
      takeReservedBefore(Math.max(waiter.order, this.#reservedFirst));
      const turnAt = availableAt(level, 0, waiter.cost, start, limits);
      // At a rate of 0 its turn may never come.
      if (drops(waiter, turnAt) || turnAt === Infinity) continue;
      start = turnAt;
      take(level, 0, waiter.cost, turnAt, limits);
    }
    takeReservedBefore(Infinity);
    return { level, start };
  }
}
