import type { Clock, Timer } from "../kernel/clock.js";
import { AbortGroups } from "./abort-groups.js";
import { FULL, fullAfter, isLate, type Limits, missing, rebase, waitFor } from "./bucket.js";
import { costAboveBurst, limiterDisposed, RateLimitExceededError } from "./errors.js";
import { foresee, type LineEnd } from "./forecast.js";
import { type Lease, Leases } from "./leases.js";
import { Place, Queue, type Turn } from "./queue.js";
import type { Request } from "./request.js";
import { HeldReservation, type Reservation } from "./reservation.js";

/** Whose bucket a {@link Line} stands at. It counts and tells; the line decides. */
export interface LineOwner {
  readonly name: string;
  readonly clock: Clock;
  /** How many places the line may have. */
  readonly maxQueue: number;
  /** A request was admitted after `waited` milliseconds. */
  admitted(cost: number, waited: number): void;
  /** A request was refused; it would be admitted after `retryAfter` seconds. */
  refused(cost: number, retryAfter: number): void;
  /** Nobody is left in the line. */
  emptied(): void;
}

/**
 * One bucket and those who wait at it, in order. A waiter takes its tokens when its turn comes, not before;
 * one timer wakes the line for the first of them. Times are milliseconds.
 *
 * A reservation that waits for its time is a place in the line too, which nobody is woken for: whoever
 * looks next takes its tokens as of the promised time.
 */
export class Line {
  limits: Limits;
  /** Whether more must be looked at than the bucket. */
  gated = false;

  // A double in a field of its own would be boxed anew at each admission, a sixth of its cost.
  readonly #fullAt: Float64Array = new Float64Array(1);
  readonly #owner: LineOwner;
  readonly #clock: Clock;
  readonly #queue = new Queue();
  readonly #leases = new Leases();
  readonly #signals: AbortGroups<Place>;
  #pausedUntil = FULL;
  #disposed = false;
  #timer: Timer | undefined;
  #timerDue = 0;
  /** Kept only while reservations are in the line: without them it follows from the sum of the costs. */
  #end: LineEnd | undefined;

  constructor(owner: LineOwner, limits: Limits, fullAt: number = FULL) {
    this.#owner = owner;
    this.#clock = owner.clock;
    this.limits = limits;
    this.fullAt = fullAt;
    this.#signals = new AbortGroups((places, reason) => this.#abandon(places, reason));
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
    return this.#queue.size;
  }

  /** Takes the tokens if they are there and nobody waits for them. */
  take(cost: number, now: number): boolean {
    if (this.gated) return this.#takeGated(cost, now);
    if (waitFor(this.fullAt, cost, now, this.limits) > 0) return false;
    this.fullAt = fullAfter(this.fullAt, cost, now, this.limits);
    return true;
  }

  /** Milliseconds until a request that comes now would have its turn. */
  waitAt(now: number, cost: number): number {
    if (this.gated) this.attend(now);
    return this.#turnOf(cost, now) - now;
  }

  /** How many tokens are in the bucket. */
  tokens(now: number): number {
    if (this.gated) this.attend(now);
    return Math.max(0, this.limits.burst - missing(this.fullAt, now, this.limits));
  }

  /** Admits the request at once (`undefined`) or when its turn comes; throws when it has to be refused. */
  admit(request: Request): Promise<void> | undefined {
    const { cost, signal } = request;
    signal?.throwIfAborted();
    const now = this.#clock.now();
    if (this.take(cost, now)) {
      this.#owner.admitted(cost, 0);
      return undefined;
    }
    const deadline = this.#checkWait(request, now);
    return new Promise((resolve, reject) => {
      const turn: Turn = { granted: resolve, refused: reject };
      const place = new Place(cost, now, { deadline, turn, signal, timed: true });
      this.#join(place, now);
      if (signal !== undefined) this.#signals.add(place, signal);
    });
  }

  /** Admits the request at once or blocks the thread until its turn comes; throws when it has to be refused. */
  admitSync(request: Request): void {
    const { cost } = request;
    const now = this.#clock.now();
    if (this.take(cost, now)) {
      this.#owner.admitted(cost, 0);
      return;
    }
    const deadline = this.#checkWait(request, now);
    let refusal: { readonly reason: unknown } | undefined;
    const turn: Turn = { granted() {}, refused: (reason) => (refusal = { reason }) };
    const place = new Place(cost, now, { deadline, turn });
    this.#join(place, now);
    try {
      this.#sleepUntilServed(place);
    } finally {
      // Only a clock that threw leaves it standing there.
      this.#unlink(place);
    }
    // A listener of somebody else's turn can have changed the limits in the meantime.
    if (refusal !== undefined) throw refusal.reason;
  }

  /** Takes the tokens now, or as soon as they will be there; throws when the line is full. */
  reserve(request: Request): Reservation {
    const { cost } = request;
    const now = this.#clock.now();
    if (this.take(cost, now)) {
      const lease = this.#leases.begin();
      this.#regate();
      this.#owner.admitted(cost, 0);
      return new HeldReservation(cost, 0, (used) => {
        const later = this.#clock.now();
        if (this.gated) this.attend(later);
        this.#giveBack(lease, cost - used, later);
      });
    }
    this.#checkWait(request, now);
    const promised = this.#turnOf(cost, now);
    const place = new Place(cost, now, { promised });
    this.#join(place, now);
    this.#owner.admitted(cost, promised - now);
    return new HeldReservation(cost, (promised - now) / 1000, (used) => this.#settle(place, used));
  }

  /** Admits nobody before `until`; reservations keep their times. */
  pause(until: number, now: number): void {
    this.attend(now);
    if (until <= this.#pausedUntil) return;
    this.#pausedUntil = until;
    this.#rearrange(now);
  }

  /** Goes on under other limits with the tokens that are there. */
  change(limits: Limits, now: number): void {
    this.attend(now);
    this.#observe(now);
    this.fullAt = rebase(this.fullAt, now, this.limits, limits);
    this.limits = limits;
    this.#observe(now);
    this.#rearrange(now);
  }

  /** Fills the bucket and ends a pause; whoever waits is served as the bucket allows. */
  reset(now: number): void {
    this.attend(now);
    this.#pausedUntil = FULL;
    this.fullAt = FULL;
    this.#observe(now);
    this.#rearrange(now);
  }

  /** Refuses everybody in the line, and whoever would have to wait from now on. */
  dispose(): void {
    this.#disposed = true;
    const refused: Place[] = [];
    for (let place = this.#queue.head; place !== undefined; place = this.#queue.head) {
      this.#unlink(place);
      refused.push(place);
    }
    this.attend(this.#clock.now());
    for (const place of refused) place.turn?.refused(limiterDisposed(this.#owner.name));
  }

  /** Gives everybody whose time has come a turn, and sets the timer for the next. */
  attend(now: number): void {
    if (now >= this.#pausedUntil) this.#pausedUntil = FULL;
    this.#serve(now);
    this.#regate();
    this.#arm(now);
    if (this.#queue.size === 0) this.#owner.emptied();
  }

  #takeGated(cost: number, now: number): boolean {
    this.attend(now);
    if (this.#queue.size > 0 || now < this.#pausedUntil) return false;
    if (waitFor(this.fullAt, cost, now, this.limits) > 0) return false;
    this.#spend(cost, now);
    this.#regate();
    return true;
  }

  #spend(cost: number, now: number): void {
    this.#observe(now);
    this.fullAt = fullAfter(this.fullAt, cost, now, this.limits);
  }

  #observe(now: number): void {
    if (this.#leases.open) this.#leases.taking(missing(this.fullAt, now, this.limits));
  }

  #regate(): void {
    this.gated = this.#queue.size > 0 || this.#pausedUntil > FULL || this.#leases.open;
  }

  /** Returns the deadline of a request that has to wait, or throws why it cannot. */
  #checkWait(request: Request, now: number): number {
    const { cost, timeout } = request;
    if (this.#disposed) throw limiterDisposed(this.#owner.name);
    const turn = this.#turnOf(cost, now);
    const crowded = this.#queue.size >= this.#owner.maxQueue;
    if (!crowded && !isLate(turn, now + timeout, this.limits)) return now + timeout;
    throw this.#refusal(
      cost,
      turn - now,
      crowded ? `all ${this.#queue.size} places to wait are taken` : undefined,
    );
  }

  #refusal(cost: number, wait: number, why?: string): RateLimitExceededError {
    this.#owner.refused(cost, wait / 1000);
    return new RateLimitExceededError(this.#owner.name, wait / 1000, why);
  }

  #join(place: Place, now: number): void {
    if (this.#queue.reserved > 0 || place.turn === undefined) {
      const { full } = this.#endOfLine(now);
      const start = this.#turnOf(place.cost, now);
      this.#end = { full: fullAfter(full, place.cost, start, this.limits), start };
    }
    this.#queue.push(place);
    this.#regate();
    this.#arm(now);
  }

  #unlink(place: Place): void {
    this.#queue.remove(place);
    if (place.signal !== undefined) this.#signals.remove(place, place.signal);
  }

  #abandon(places: ReadonlySet<Place>, reason: unknown): void {
    for (const place of places) this.#unlink(place);
    this.#end = undefined;
    this.attend(this.#clock.now());
    for (const place of places) place.turn?.refused(reason);
  }

  #sleepUntilServed(place: Place): void {
    for (;;) {
      const now = this.#clock.now();
      this.attend(now);
      if (!place.queued) return;
      this.#clock.sleepSync(this.#headTurn() - now);
    }
  }

  /** What the reservation did not use comes back: all of it before its time, as far as the bound allows later. */
  #settle(place: Place, used: number): void {
    const now = this.#clock.now();
    if (this.gated) this.attend(now);
    if (place.lease !== undefined) {
      this.#giveBack(place.lease, place.cost - used, now);
      return;
    }
    if (used === 0) this.#queue.remove(place);
    else if (place.queued) this.#queue.changeCost(place, used);
    this.#end = undefined;
    this.attend(now);
  }

  #giveBack(lease: Lease, unused: number, now: number): void {
    this.fullAt -= this.#leases.giveBack(lease, unused) * this.limits.interval;
    this.#end = undefined;
    this.attend(now);
  }

  /** After a change for everybody in the line: refuses those who can no longer be served in time. */
  #rearrange(now: number): void {
    if (this.#queue.reserved > 0) this.#queue.reservationsFirst();
    this.#refuseTheLate(now);
    this.attend(now);
  }

  #refuseTheLate(now: number): void {
    const late: (readonly [Place, number])[] = [];
    this.#end = foresee(this.#queue.head, this.fullAt, this.#firstTurn(now), this.limits, (place, turn) => {
      this.#unlink(place);
      late.push([place, turn - now]);
    });
    for (const [{ cost, turn }, wait] of late) {
      const { burst } = this.limits;
      turn?.refused(cost > burst ? costAboveBurst(cost, burst) : this.#refusal(cost, wait));
    }
  }

  #firstTurn(now: number): number {
    return Math.max(now, this.#pausedUntil);
  }

  #endOfLine(now: number): LineEnd {
    if (this.#queue.reserved > 0)
      return (this.#end ??= foresee(this.#queue.head, this.fullAt, this.#firstTurn(now), this.limits));
    // Without promised times the line is a plain sum: from its first turn on the bucket never fills up.
    const start = this.#firstTurn(now);
    return { full: Math.max(this.fullAt, start) + this.#queue.cost * this.limits.interval, start };
  }

  /** When a request that comes now has its turn. */
  #turnOf(cost: number, now: number): number {
    const { full, start } = this.#endOfLine(now);
    return Math.max(start, this.#pausedUntil, now + waitFor(full, cost, now, this.limits));
  }

  /** When the first in the line has its turn, if it has to wait. */
  #headTurn(): number {
    const head = this.#queue.head;
    if (head === undefined) return FULL;
    if (head.turn === undefined) return head.promised;
    const { interval, capacity } = this.limits;
    return Math.max(this.#pausedUntil, this.fullAt + head.cost * interval - capacity);
  }

  #arm(now: number): void {
    if (this.#queue.timed === 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
      return;
    }
    const due = this.#headTurn();
    if (this.#timer !== undefined && this.#timerDue === due) return;
    this.#timer?.cancel();
    this.#timerDue = due;
    this.#timer = this.#clock.setTimer(() => {
      this.#timer = undefined;
      this.attend(this.#clock.now());
    }, due - now);
  }

  #serve(now: number): void {
    for (let place = this.#queue.head; place !== undefined; place = this.#queue.head) {
      const { cost, turn } = place;
      if (turn === undefined) {
        if (place.promised > now) return;
        this.#takePromised(place);
        continue;
      }
      if (now < this.#pausedUntil || waitFor(this.fullAt, cost, now, this.limits) > 0) return;
      if (now > this.fullAt && this.#queue.size > 1) {
        // Later than its turn: the rest of the line moves back, and what was promised meanwhile comes first.
        this.#end = undefined;
        if (this.#queue.reserved > 0 && this.#takeAllPromised(now)) {
          this.#refuseTheLate(now);
          continue;
        }
      }
      this.#unlink(place);
      this.#spend(cost, now);
      turn.granted();
      this.#owner.admitted(cost, now - place.since);
    }
  }

  #takePromised(place: Place): void {
    this.#queue.remove(place);
    this.#spend(place.cost, place.promised);
    place.lease = this.#leases.begin();
  }

  #takeAllPromised(now: number): boolean {
    let any = false;
    let next: Place | undefined;
    for (let place = this.#queue.head; place !== undefined; place = next) {
      next = place.after;
      if (place.turn !== undefined) continue;
      // Later reservations were promised later times.
      if (place.promised > now) break;
      this.#takePromised(place);
      any = true;
    }
    return any;
  }
}
