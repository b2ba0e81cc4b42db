import type { Clock, Timer } from "../kernel/clock.js";
import { FULL, fullAfter, isLate, type Limits, tokensIn, waitFor } from "./bucket.js";
import { costError, disposedError, RateLimitExceededError } from "./errors.js";
import { foresee, type LineEnd } from "./forecast.js";
import { LeasedBucket } from "./leased-bucket.js";
import { type Booking, Queue, type Waiter, Waiters } from "./queue.js";
import type { Request } from "./request.js";
import { HeldReservation, type Reservation } from "./reservation.js";
import type { Teller } from "./tally.js";

/** What a {@link Line} needs of its limiter's settings. */
export interface LineSettings {
  readonly name: string;
  readonly clock: Clock;
  /** How many places the line may have. */
  readonly maxQueue: number | undefined;
}

/**
 * One bucket and those who stand at it, in order. A waiter takes its tokens when its turn comes, not before;
 * one timer wakes the line for the first of them. Nobody is woken for reservations. Times are milliseconds.
 */
export class Line<Key> {
  readonly #settings: LineSettings;
  readonly #clock: Clock;
  readonly #bucket: LeasedBucket;
  readonly #teller: Teller<Key>;
  readonly #key: Key;
  readonly #waiters: Waiters = new Waiters((waiters) =>
    this.#dismiss(waiters, ({ signal }) => signal?.reason),
  );
  readonly #bookings = new Queue<Booking>();
  /** Whether more must be looked at than the bucket. */
  #gated = false;
  #pausedUntil = FULL;
  #disposed = false;
  /** Whether somebody who blocks the thread looks at the clock instead of a timer. */
  #asleep = false;
  #timer: Timer | undefined;
  #timerDue: number | undefined;
  #joined = 0;
  /** All bookings up to this order come before all waiters. */
  #bookingsFirst = 0;
  /** Kept only while there are bookings: without them it follows from the sum of the costs. */
  #end: LineEnd | undefined;

  constructor(settings: LineSettings, limits: Limits, teller: Teller<Key>, key: Key, fullAt: number = FULL) {
    this.#settings = settings;
    this.#clock = settings.clock;
    this.#bucket = new LeasedBucket(limits, fullAt);
    this.#teller = teller;
    this.#key = key;
  }

  get limits(): Limits {
    return this.#bucket.limits;
  }

  /** The time at which the bucket will be full. */
  get fullAt(): number {
    return this.#bucket.fullAt;
  }

  /** How many have a place in the line. */
  get queued(): number {
    return this.#waiters.size + this.#bookings.size;
  }

  /** Reads the clock, and gives everybody whose time has come a turn. */
  now(): number {
    const now = this.#clock.now();
    if (this.#gated) this.#attend(now);
    return now;
  }

  /** How many tokens are in the bucket. */
  tokens(): number {
    const now = this.now();
    return tokensIn(this.fullAt, now, this.limits);
  }

  /** Milliseconds until a request that comes now would have its turn. */
  wait(cost: number): number {
    const now = this.now();
    return this.#turnOf(cost, now) - now;
  }

  /** Takes the tokens if they are there and nobody waits for them. */
  take(cost: number, now: number = this.now()): boolean {
    if (this.#gated && (this.queued > 0 || now < this.#pausedUntil)) return false;
    return this.#bucket.tryTake(cost, now);
  }

  /**
   * Admits the request at once (`undefined`) or when its turn comes; throws when it has to be refused.
   * With `leased`, the waiter may {@link settle} afterwards.
   */
  admit(request: Request, leased: boolean = false): Promise<Waiter> | undefined {
    request.signal?.throwIfAborted();
    const now = this.now();
    const turn = this.#ask(request, now);
    if (turn === undefined) return undefined;
    return new Promise((granted, refused) => this.#join(request, now, turn, leased, granted, refused));
  }

  /** Admits the request at once or blocks the thread until its turn comes; throws when it has to be refused. */
  admitSync(request: Request): void {
    const now = this.now();
    const turn = this.#ask(request, now);
    if (turn === undefined) return;
    const outcome: { known?: true; refusal?: { readonly reason: unknown } } = {};
    const before = this.#asleep;
    this.#asleep = true;
    const granted = (): true => (outcome.known = true);
    const waiter = this.#join(request, now, turn, false, granted, (reason) => {
      outcome.refusal = { reason };
      granted();
    });
    try {
      while (!outcome.known) {
        this.#clock.sleepSync((this.#headTurn() ?? now) - this.#clock.now());
        this.now();
      }
    } finally {
      // Only a clock that threw leaves it standing there.
      if (!outcome.known) this.#waiters.remove(waiter);
      this.#asleep = before;
      this.#attend(this.#clock.now());
    }
    // A listener of somebody else's turn can have changed the limits in the meantime.
    if (outcome.refusal) throw outcome.refusal.reason;
  }

  /** Takes the tokens now, or as soon as they will be there; throws when the line is full. */
  reserve(cost: number): Reservation {
    const now = this.now();
    const turn = this.#ask({ cost, timeout: Infinity }, now);
    const booking: Booking = { cost, promised: turn ?? now, order: this.#joined++ };
    if (turn === undefined) {
      booking.lease = this.#bucket.lease();
    } else {
      this.#extend(cost, turn, now);
      this.#bookings.push(booking);
      this.#teller.admitted(cost, turn - now, this.#key);
    }
    this.#gated = true;
    return new HeldReservation(cost, (booking.promised - now) / 1000, (used) => this.settle(booking, used));
  }

  /** What was not used comes back: all of it before its time, as far as the bound allows later. */
  settle(place: Booking | Waiter, used: number): void {
    const now = this.now();
    if (place.lease) {
      this.#bucket.giveBack(place.lease, place.cost - used);
    } else if ("promised" in place) {
      place.cost = used;
      if (used === 0) this.#bookings.remove(place);
    }
    this.#end = undefined;
    this.#attend(now);
  }

  /** Admits nobody for so long; reservations keep their times. */
  pause(duration: number): void {
    const now = this.now();
    this.#pausedUntil = Math.max(this.#pausedUntil, now + duration);
    this.#rearrange(now);
  }

  /** Goes on under other limits with the tokens that are there. */
  change(limits: Limits): void {
    const now = this.now();
    this.#bucket.change(limits, now);
    this.#rearrange(now);
  }

  /** Fills the bucket and ends a pause; whoever waits is served as the bucket allows. */
  reset(): void {
    const now = this.now();
    this.#pausedUntil = FULL;
    this.#bucket.change(this.limits, now, FULL);
    this.#rearrange(now);
  }

  /** Refuses everybody who waits, and whoever would have to wait from now on. */
  dispose(): void {
    this.#disposed = true;
    const waiters: Waiter[] = [];
    for (let waiter = this.#waiters.head; waiter; waiter = waiter.after) waiters.push(waiter);
    this.#dismiss(waiters, () => disposedError(this.#settings.name));
  }

  /** Takes the tokens (`undefined`) or returns when they will be there; throws when they cannot be waited for. */
  #ask({ cost, timeout }: Pick<Request, "cost" | "timeout">, now: number): number | undefined {
    if (this.take(cost, now)) {
      this.#teller.admitted(cost, 0, this.#key);
      return undefined;
    }
    const { name, maxQueue = Infinity } = this.#settings;
    if (this.#disposed) throw disposedError(name);
    const turn = this.#turnOf(cost, now);
    const crowded = this.queued >= maxQueue;
    if (!crowded && !isLate(turn, now + timeout, this.limits)) return turn;
    throw this.#refusal(
      cost,
      turn - now,
      crowded ? `all ${this.queued} places to wait are taken` : undefined,
    );
  }

  #refusal(cost: number, wait: number, why?: string): RateLimitExceededError {
    this.#teller.refused(cost, wait, this.#key);
    return new RateLimitExceededError(this.#settings.name, wait / 1000, why);
  }

  #join(
    { cost, timeout, signal }: Request,
    since: number,
    turn: number,
    leased: boolean,
    granted: Waiter["granted"],
    refused: Waiter["refused"],
  ): Waiter {
    const order = this.#joined++;
    const waiter = { cost, order, since, deadline: since + timeout, signal, leased, granted, refused };
    if (this.#bookings.size > 0) this.#extend(cost, turn, since);
    this.#waiters.push(waiter);
    this.#gated = true;
    this.#arm(since);
    return waiter;
  }

  /** Lets waiters go unserved; the others move up before they are told. */
  #dismiss(waiters: Iterable<Waiter>, reason: (waiter: Waiter) => unknown): void {
    const leaving = [...waiters];
    for (const waiter of leaving) this.#waiters.remove(waiter);
    this.#end = undefined;
    this.#attend(this.#clock.now());
    for (const waiter of leaving) waiter.refused(reason(waiter));
  }

  /** After a change for everybody in the line: refuses those who can no longer be served in time. */
  #rearrange(now: number): void {
    this.#bookingsFirst = this.#joined;
    this.#refuseTheLate(now);
    this.#attend(now);
  }

  #refuseTheLate(now: number): void {
    const late: (readonly [Waiter, number])[] = [];
    this.#end = this.#foresee(now, (waiter, turn) => {
      this.#waiters.remove(waiter);
      late.push([waiter, turn - now]);
    });
    const { burst } = this.limits;
    for (const [{ cost, refused }, wait] of late)
      refused(cost > burst ? costError(cost, burst) : this.#refusal(cost, wait));
  }

  #foresee(now: number, drop?: (waiter: Waiter, turn: number) => void): LineEnd {
    const begin = { full: this.fullAt, start: Math.max(now, this.#pausedUntil) };
    return foresee(begin, this.limits, this.#waiters.head, this.#bookings.head, this.#bookingsFirst, drop);
  }

  #endOfLine(now: number): LineEnd {
    if (this.#bookings.size > 0) return (this.#end ??= this.#foresee(now));
    // Without promised times the line is a plain sum: from its first turn on the bucket never fills up.
    const start = Math.max(now, this.#pausedUntil);
    return { full: fullAfter(this.fullAt, this.#waiters.cost, start, this.limits), start };
  }

  /** Moves the end of the line behind a turn. */
  #extend(cost: number, turn: number, now: number): void {
    this.#end = { full: fullAfter(this.#endOfLine(now).full, cost, turn, this.limits), start: turn };
  }

  /** When a request that comes now has its turn. */
  #turnOf(cost: number, now: number): number {
    const { full, start } = this.#endOfLine(now);
    return Math.max(start, now + waitFor(full, cost, now, this.limits));
  }

  #isBefore(booking: Booking, { order }: Waiter): boolean {
    return booking.order < Math.max(order, this.#bookingsFirst);
  }

  /** Before this time the waiter has no turn, whatever is in the bucket. */
  #heldUntil(waiter: Waiter): number {
    const booking = this.#bookings.head;
    return booking && this.#isBefore(booking, waiter) ? booking.promised : this.#pausedUntil;
  }

  /** When the first waiter may have its turn. */
  #headTurn(): number | undefined {
    const waiter = this.#waiters.head;
    if (!waiter) return undefined;
    const { interval, capacity } = this.limits;
    return Math.max(this.#heldUntil(waiter), this.fullAt + waiter.cost * interval - capacity);
  }

  /** Gives everybody whose time has come a turn, and sets the timer for the next. */
  #attend(now: number): void {
    if (now >= this.#pausedUntil) this.#pausedUntil = FULL;
    this.#takePromised(now);
    for (let waiter = this.#waiters.head; waiter; waiter = this.#waiters.head) {
      if (now < this.#heldUntil(waiter)) break;
      // Later than its turn: the rest of the line moves back.
      if (now > this.fullAt) this.#end = undefined;
      if (!this.#bucket.tryTake(waiter.cost, now)) break;
      this.#waiters.remove(waiter);
      if (waiter.leased) waiter.lease = this.#bucket.lease();
      waiter.granted(waiter);
      this.#teller.admitted(waiter.cost, now - waiter.since, this.#key);
    }
    this.#gated = this.queued > 0 || this.#pausedUntil > FULL || this.#bucket.leased;
    this.#arm(now);
  }

  #takePromised(now: number): void {
    let overtaken = false;
    for (let booking = this.#bookings.head; booking; booking = this.#bookings.head) {
      if (booking.promised > now) break;
      const waiter = this.#waiters.head;
      if (waiter && !this.#isBefore(booking, waiter)) overtaken = true;
      this.#bookings.remove(booking);
      this.#bucket.take(booking.cost, booking.promised);
      booking.lease = this.#bucket.lease();
    }
    // A waiter before it was late: what was promised comes first.
    if (overtaken) this.#refuseTheLate(now);
  }

  #arm(now: number): void {
    const due = this.#headTurn();
    if (this.#asleep || due === this.#timerDue) return;
    this.#timer?.cancel();
    this.#timerDue = due;
    if (due === undefined) return;
    this.#timer = this.#clock.setTimer(() => {
      this.#timerDue = undefined;
      this.now();
    }, due - now);
  }
}
