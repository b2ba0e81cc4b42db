import { isFull, isLate, type Levels, take, turn } from "./bucket.js";
import { TokenBucket } from "./token-bucket.js";
import { LinkedList, type PendingReservation, type Waiter } from "./linked-list.js";

/** Where a line will be once everybody in it has had a turn. */
interface LineEnd {
  /** The bucket as it will be then. */
  readonly level: Levels;
  /** The last turn. */
  readonly start: number;
}

/** A bucket, those who stand at it, and when each of them has a turn. */
export abstract class WaitQueue extends TokenBucket {
  /** In the past: no pause. */
  protected pausedUntil: number = -Infinity;
  readonly #waiters = new LinkedList<Waiter>();
  readonly #bookings = new LinkedList<PendingReservation>();
  /** The cost of all waiters together. */
  #waiting = 0;
  /** One listener for each signal: an `EventTarget` looks through all its listeners to add or remove one. */
  readonly #signals = new Map<EventTarget | null, Set<Waiter>>();
  #joined = 0;
  /** All bookings up to this order come before all waiters. */
  #bookingsFirst = 0;
  /** Kept only while there are bookings: without them it follows from the sum of the costs. */
  #end: LineEnd | undefined;

  /** How many have a place. */
  get queued(): number {
    return this.#waiters.size + this.#bookings.size;
  }

  /** Called when their signal aborts; they have left. */
  protected abstract aborted(waiters: readonly Waiter[]): void;

  /** Gives a waiter a place; its turn is reckoned to come at `turnAt`. */
  protected join(waiter: Waiter, turnAt: number): void {
    const { cost, signal, since } = waiter;
    waiter.order = this.#joined++;
    if (this.#bookings.size > 0) this.#extend(cost, turnAt, since);
    this.#waiters.push(waiter);
    this.#waiting += cost;
    if (!signal) return;
    const group = this.#signals.get(signal);
    if (!group) signal.addEventListener("abort", this.#abort);
    this.#signals.set(signal, group?.add(waiter) ?? new Set([waiter]));
  }

  /** Takes a waiter out of the line. */
  protected leave(waiter: Waiter): void {
    const { cost, signal } = waiter;
    this.#waiters.remove(waiter);
    // Fractions leave rounding behind; an empty line starts afresh.
    this.#waiting = this.#waiters.size > 0 ? this.#waiting - cost : 0;
    if (!signal) return;
    const group = this.#signals.get(signal);
    if (!group?.delete(waiter) || group.size > 0) return;
    this.#signals.delete(signal);
    signal.removeEventListener("abort", this.#abort);
  }

  /** Takes waiters out before their turns. */
  protected leaveAll(waiters: Iterable<Waiter> = this.#waiters): readonly Waiter[] {
    const leaving = [...waiters];
    for (const waiter of leaving) this.leave(waiter);
    this.#end = undefined;
    return leaving;
  }

  /** Gives a booking a place. */
  protected book(booking: PendingReservation, now: number): void {
    booking.order = this.#joined++;
    this.#extend(booking.cost, booking.promised, now);
    this.#bookings.push(booking);
  }

  /**
   * Gives unused tokens back: all of them before their time, as far as the bound allows later. Below 0: takes
   * what was used beyond them, as debt.
   */
  protected giveBack(place: PendingReservation | Waiter, unused: number, now: number): void {
    this.#end = undefined;
    if (!place.lease) {
      place.cost -= unused;
      if (place.cost === 0 && "promised" in place) this.#bookings.remove(place);
    } else if (unused > 0) {
      this.release(place.lease, unused);
    } else if (unused < 0) {
      this.spend(-unused, now);
    }
  }

  /** When the first waiter may have its turn. */
  protected headTurn(): number | undefined {
    const waiter = this.#waiters.head;
    if (!waiter) return undefined;
    return turn(this.level, 0, waiter.cost, this.#heldUntil(waiter), this.limits);
  }

  /** When a request that comes now has its turn. */
  protected turnOf(cost: number, now: number): number {
    const { level, start } = this.#endAt(now);
    return turn(level, 0, cost, start, this.limits);
  }

  /** Takes what was promised until now; returns whether a late waiter has to stand back for it. */
  protected takePromised(now: number): boolean {
    let overtaken = false;
    for (let booking = this.#bookings.head; booking; booking = this.#bookings.head) {
      if (booking.promised > now) break;
      const waiter = this.#waiters.head;
      if (waiter && !this.#isBefore(booking, waiter)) overtaken = true;
      this.#bookings.remove(booking);
      this.spend(booking.cost, booking.promised);
      booking.lease = this.lease();
    }
    return overtaken;
  }

  /** Takes the first waiter and its tokens if its time has come. */
  protected takeNext(now: number): Waiter | undefined {
    const waiter = this.#waiters.head;
    if (!waiter || now < this.#heldUntil(waiter)) return undefined;
    // Later than its turn: the rest of the line moves back.
    if (isFull(this.level, 0, now, this.limits)) this.#end = undefined;
    if (!this.spendIfThere(waiter.cost, now)) return undefined;
    this.leave(waiter);
    if (waiter.leased) waiter.lease = this.lease();
    return waiter;
  }

  /** After a change for all: bookings keep their times, so they come before the waiters. */
  protected bookingsFirst(): void {
    this.#bookingsFirst = this.#joined;
  }

  /** Takes those waiters out whose turn comes too late or never; what follows is reckoned without them. */
  protected takeLate(now: number): readonly (readonly [waiter: Waiter, turn: number])[] {
    const late: [Waiter, number][] = [];
    const { limits } = this;
    this.#end = this.#foresee(now, (waiter, turnAt) => {
      const drops = waiter.cost > limits.burst || isLate(turnAt, waiter.deadline, limits);
      if (drops) {
        this.leave(waiter);
        late.push([waiter, turnAt]);
      }
      return drops;
    });
    return late;
  }

  readonly #abort = ({ target }: Event): void => this.aborted(this.leaveAll(this.#signals.get(target) ?? []));

  /** Whether a booking comes before a waiter. */
  #isBefore(booking: PendingReservation, waiter: Waiter): boolean {
    return booking.order < Math.max(waiter.order, this.#bookingsFirst);
  }

  /** Before this time the waiter has no turn, whatever is in the bucket. */
  #heldUntil(waiter: Waiter): number {
    const booking = this.#bookings.head;
    return booking && this.#isBefore(booking, waiter) ? booking.promised : this.pausedUntil;
  }

  #extend(cost: number, turnAt: number, now: number): void {
    const { level } = this.#endAt(now);
    take(level, 0, cost, turnAt, this.limits);
    this.#end = { level, start: turnAt };
  }

  #endAt(now: number): LineEnd {
    if (this.#bookings.size > 0) return (this.#end ??= this.#foresee(now, () => false));
    // Without promised times the line is a plain sum: from its first turn on the bucket never fills up.
    const start = Math.max(now, this.pausedUntil);
    const level = this.level.slice();
    if (this.#waiting > 0) take(level, 0, this.#waiting, start, this.limits);
    return { level, start };
  }

  /** Goes through the line as if time passed. */
  #foresee(now: number, drops: (waiter: Waiter, turnAt: number) => boolean): LineEnd {
    const { limits } = this;
    const level = this.level.slice();
    let start = Math.max(now, this.pausedUntil);
    let booking = this.#bookings.head;
    const bookUpTo = (order: number): void => {
      for (; booking && booking.order < order; booking = booking.after) {
        start = Math.max(start, booking.promised);
        take(level, 0, booking.cost, booking.promised, limits);
      }
    };
    let next: Waiter | undefined;
    for (let waiter = this.#waiters.head; waiter; waiter = next) {
      // Read before `drops`, which may take the waiter out of the line.
      next = waiter.after;
      bookUpTo(Math.max(waiter.order, this.#bookingsFirst));
      const turnAt = turn(level, 0, waiter.cost, start, limits);
      if (drops(waiter, turnAt)) continue;
      start = turnAt;
      take(level, 0, waiter.cost, turnAt, limits);
    }
    bookUpTo(Infinity);
    return { level, start };
  }
}
