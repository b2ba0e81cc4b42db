import type { Clock, Timer } from "../kernel/clock.js";
import { AbortGroups } from "./abort-groups.js";
import { FULL, fullAfter, isLate, type Limits, missing, rebase, tokensIn, waitFor } from "./bucket.js";
import { costError, disposedError, RateLimitExceededError } from "./errors.js";
import { type Lease, Leases } from "./leases.js";
import { type Linked, Queue } from "./queue.js";
import type { Request } from "./request.js";
import { HeldReservation, type Reservation } from "./reservation.js";
import type { Teller } from "./tally.js";

/** Whoever wants a turn as soon as there can be one. */
interface Waiter extends Linked<Waiter> {
  readonly cost: number;
  readonly since: number;
  /** The last moment at which its turn may come. */
  readonly deadline: number;
  /** Who came before is told by this; see {@link Booking}. */
  readonly order: number;
  readonly signal: AbortSignal | undefined;
  /** Whether it may give its tokens back. */
  readonly leased: boolean;
  readonly granted: (lease: Lease | undefined) => void;
  readonly refused: (reason: unknown) => void;
}

/** A reservation that waits for its time: whoever looks next takes its tokens as of then. */
interface Booking extends Linked<Booking> {
  cost: number;
  readonly promised: number;
  readonly order: number;
  /** What it holds once its time has come. */
  lease: Lease | undefined;
}

/** Where a line will be once everybody in it has had a turn. */
interface LineEnd {
  /** When the bucket will be full, as {@link fullAfter} counts. */
  readonly full: number;
  /** The last turn. */
  readonly start: number;
}

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
  limits: Limits;
  // A double in a field of its own would be boxed anew at each admission, a sixth of its cost.
  readonly #fullAt: Float64Array = new Float64Array(1);
  readonly #settings: LineSettings;
  readonly #clock: Clock;
  readonly #teller: Teller<Key>;
  readonly #key: Key;
  readonly #waiters = new Queue<Waiter>();
  readonly #bookings = new Queue<Booking>();
  readonly #leases = new Leases();
  readonly #signals = new AbortGroups<Waiter>((waiters) =>
    this.#dismiss(waiters, ({ signal }) => signal?.reason),
  );
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
  /** The cost of all waiters together. */
  #waiting = 0;
  /** Kept only while there are bookings: without them it follows from the sum of the costs. */
  #end: LineEnd | undefined;

  constructor(settings: LineSettings, limits: Limits, teller: Teller<Key>, key: Key, fullAt: number = FULL) {
    this.#settings = settings;
    this.#clock = settings.clock;
    this.limits = limits;
    this.#teller = teller;
    this.#key = key;
    this.fullAt = fullAt;
  }

  /** The bucket: the time at which it will be full. */
  get fullAt(): number {
    return this.#fullAt[0] ?? FULL;
  }

  set fullAt(time: number) {
    this.#fullAt[0] = time;
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
    if (waitFor(this.fullAt, cost, now, this.limits) > 0) return false;
    this.#spend(cost, now);
    return true;
  }

  /**
   * Admits the request at once (`undefined`) or when its turn comes; throws when it has to be refused.
   * With `leased`, what a turn that came later took can be given back.
   */
  admit(request: Request, leased: boolean = false): Promise<Lease | undefined> | undefined {
    const { cost, signal } = request;
    signal?.throwIfAborted();
    const now = this.now();
    const deadline = now + request.timeout;
    const turn = this.#ask(cost, now, deadline);
    if (turn === undefined) return undefined;
    return new Promise((granted, refused) => {
      const order = this.#joined++;
      this.#join({ cost, since: now, deadline, order, signal, leased, granted, refused }, turn);
    });
  }

  /** Admits the request at once or blocks the thread until its turn comes; throws when it has to be refused. */
  admitSync({ cost, timeout }: Request): void {
    const since = this.now();
    const deadline = since + timeout;
    const turn = this.#ask(cost, since, deadline);
    if (turn === undefined) return;
    const outcome: { known?: true; refusal?: { readonly reason: unknown } } = {};
    const waiter: Waiter = {
      cost,
      since,
      deadline,
      order: this.#joined++,
      signal: undefined,
      leased: false,
      granted: () => (outcome.known = true),
      refused(reason) {
        outcome.known = true;
        outcome.refusal = { reason };
      },
    };
    const before = this.#asleep;
    this.#asleep = true;
    try {
      this.#join(waiter, turn);
      while (!outcome.known) {
        this.#clock.sleepSync((this.#headTurn() ?? since) - this.#clock.now());
        this.now();
      }
    } finally {
      // Only a clock that threw leaves it standing there.
      if (!outcome.known) this.#leave(waiter);
      this.#asleep = before;
      this.#attend(this.#clock.now());
    }
    // A listener of somebody else's turn can have changed the limits in the meantime.
    if (outcome.refusal !== undefined) throw outcome.refusal.reason;
  }

  /** Takes the tokens now, or as soon as they will be there; throws when the line is full. */
  reserve(cost: number): Reservation {
    const now = this.now();
    const turn = this.#ask(cost, now, Infinity);
    const promised = turn ?? now;
    const booking: Booking = { cost, promised, order: this.#joined++, lease: undefined };
    if (turn === undefined) {
      booking.lease = this.#leases.begin();
    } else {
      this.#extend(cost, turn, now);
      this.#bookings.push(booking);
      this.#teller.admitted(cost, turn - now, this.#key);
    }
    this.#gated = true;
    return new HeldReservation(cost, (promised - now) / 1000, (used) => this.#settle(booking, used));
  }

  /** What was taken and not used comes back, as far as the bound allows. */
  giveBack(lease: Lease, unused: number): void {
    const now = this.now();
    this.fullAt -= this.#leases.giveBack(lease, unused) * this.limits.interval;
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
    this.#observe(now);
    this.fullAt = rebase(this.fullAt, now, this.limits, limits);
    this.limits = limits;
    this.#observe(now);
    this.#rearrange(now);
  }

  /** Fills the bucket and ends a pause; whoever waits is served as the bucket allows. */
  reset(): void {
    const now = this.now();
    this.#pausedUntil = FULL;
    this.fullAt = FULL;
    this.#observe(now);
    this.#rearrange(now);
  }

  /** Refuses everybody who waits, and whoever would have to wait from now on. */
  dispose(): void {
    this.#disposed = true;
    const waiters: Waiter[] = [];
    for (let waiter = this.#waiters.head; waiter !== undefined; waiter = waiter.after) waiters.push(waiter);
    this.#dismiss(waiters, () => disposedError(this.#settings.name));
  }

  #spend(cost: number, now: number): void {
    this.#observe(now);
    this.fullAt = fullAfter(this.fullAt, cost, now, this.limits);
  }

  #observe(now: number): void {
    if (this.#leases.open) this.#leases.taking(missing(this.fullAt, now, this.limits));
  }

  /** Takes the tokens (`undefined`) or returns when they will be there; throws when they cannot be waited for. */
  #ask(cost: number, now: number, deadline: number): number | undefined {
    if (this.take(cost, now)) {
      this.#teller.admitted(cost, 0, this.#key);
      return undefined;
    }
    if (this.#disposed) throw disposedError(this.#settings.name);
    const turn = this.#turnOf(cost, now);
    if (this.queued >= (this.#settings.maxQueue ?? Infinity))
      throw this.#refusal(cost, turn - now, `all ${this.queued} places to wait are taken`);
    if (isLate(turn, deadline, this.limits)) throw this.#refusal(cost, turn - now);
    return turn;
  }

  #refusal(cost: number, wait: number, why?: string): RateLimitExceededError {
    this.#teller.refused(cost, wait, this.#key);
    return new RateLimitExceededError(this.#settings.name, wait / 1000, why);
  }

  #join(waiter: Waiter, turn: number): void {
    if (this.#bookings.size > 0) this.#extend(waiter.cost, turn, waiter.since);
    this.#waiters.push(waiter);
    this.#waiting += waiter.cost;
    this.#signals.add(waiter);
    this.#gated = true;
    this.#arm(waiter.since);
  }

  #leave(waiter: Waiter): void {
    this.#waiters.remove(waiter);
    this.#signals.remove(waiter);
    // Fractions leave rounding behind; an empty line starts afresh.
    this.#waiting = this.#waiters.size > 0 ? this.#waiting - waiter.cost : 0;
  }

  /** Lets waiters go unserved; the others move up before they are told. */
  #dismiss(waiters: Iterable<Waiter>, reason: (waiter: Waiter) => unknown): void {
    const leaving = [...waiters];
    for (const waiter of leaving) this.#leave(waiter);
    this.#end = undefined;
    this.#attend(this.#clock.now());
    for (const waiter of leaving) waiter.refused(reason(waiter));
  }

  /** What the reservation did not use comes back: all of it before its time, as far as the bound allows later. */
  #settle(booking: Booking, used: number): void {
    const now = this.now();
    if (booking.lease !== undefined) {
      this.giveBack(booking.lease, booking.cost - used);
      return;
    }
    booking.cost = used;
    if (used === 0) this.#bookings.remove(booking);
    this.#end = undefined;
    this.#attend(now);
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
      this.#leave(waiter);
      late.push([waiter, turn - now]);
    });
    const { burst } = this.limits;
    for (const [{ cost, refused }, wait] of late)
      refused(cost > burst ? costError(cost, burst) : this.#refusal(cost, wait));
  }

  /**
   * Goes through the line as if time passed. `drop` gets those whose turn comes too late or never, and what
   * follows is reckoned without them.
   */
  #foresee(now: number, drop?: (waiter: Waiter, turn: number) => void): LineEnd {
    const { limits } = this;
    let full = this.fullAt;
    let start = Math.max(now, this.#pausedUntil);
    let booking = this.#bookings.head;
    const book = (isNext: (booking: Booking) => boolean): void => {
      for (; booking !== undefined && isNext(booking); booking = booking.after) {
        start = Math.max(start, booking.promised);
        full = fullAfter(full, booking.cost, booking.promised, limits);
      }
    };
    let next: Waiter | undefined;
    for (let waiter = this.#waiters.head; waiter !== undefined; waiter = next) {
      const { cost, deadline } = waiter;
      // Read before `drop`, which takes the waiter out of the line.
      next = waiter.after;
      book((each) => this.#isBefore(each, waiter));
      const turn = start + waitFor(full, cost, start, limits);
      if (drop !== undefined && (cost > limits.burst || isLate(turn, deadline, limits))) {
        drop(waiter, turn);
      } else {
        start = turn;
        full = fullAfter(full, cost, turn, limits);
      }
    }
    book(() => true);
    return { full, start };
  }

  #isBefore(booking: Booking, { order }: Waiter): boolean {
    return booking.order < Math.max(order, this.#bookingsFirst);
  }

  #endOfLine(now: number): LineEnd {
    if (this.#bookings.size > 0) return (this.#end ??= this.#foresee(now));
    // Without promised times the line is a plain sum: from its first turn on the bucket never fills up.
    const start = Math.max(now, this.#pausedUntil);
    return { full: Math.max(this.fullAt, start) + this.#waiting * this.limits.interval, start };
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

  /** When the first waiter has its turn, or a booking before it its time. */
  #headTurn(): number | undefined {
    const waiter = this.#waiters.head;
    const booking = this.#bookings.head;
    if (waiter === undefined) return undefined;
    if (booking !== undefined && this.#isBefore(booking, waiter)) return booking.promised;
    const { interval, capacity } = this.limits;
    return Math.max(this.#pausedUntil, this.fullAt + waiter.cost * interval - capacity);
  }

  /** Gives everybody whose time has come a turn, and sets the timer for the next. */
  #attend(now: number): void {
    if (now >= this.#pausedUntil) this.#pausedUntil = FULL;
    this.#takePromised(now);
    for (let waiter = this.#waiters.head; waiter !== undefined; waiter = this.#waiters.head) {
      if (isLate(this.#headTurn() ?? now, now, this.limits)) break;
      // Later than its turn: the rest of the line moves back.
      if (now > this.fullAt) this.#end = undefined;
      const { cost, since, leased } = waiter;
      this.#leave(waiter);
      this.#spend(cost, now);
      waiter.granted(leased ? this.#leases.begin() : undefined);
      this.#teller.admitted(cost, now - since, this.#key);
    }
    this.#gated = this.queued > 0 || this.#pausedUntil > FULL || this.#leases.open;
    this.#arm(now);
  }

  #takePromised(now: number): void {
    let overtaken = false;
    for (let booking = this.#bookings.head; booking !== undefined; booking = this.#bookings.head) {
      if (booking.promised > now) break;
      const waiter = this.#waiters.head;
      if (waiter !== undefined && !this.#isBefore(booking, waiter)) overtaken = true;
      this.#bookings.remove(booking);
      this.#spend(booking.cost, booking.promised);
      booking.lease = this.#leases.begin();
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
