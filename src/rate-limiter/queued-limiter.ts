import type { Clock, Timer } from "../kernel/clock.js";
import { secondsUntil } from "../kernel/seconds.js";
import { isLate, type Levels, type Limits, tokensIn } from "./bucket.js";
import { costError, disposedError, RateLimitExceededError } from "./errors.js";
import type { PendingReservation, Waiter } from "./linked-list.js";
import type { Request } from "./request.js";
import { HeldReservation, type Reservation } from "./reservation.js";
import { WaitQueue } from "./wait-queue.js";
import type { AdmissionObserver } from "./metrics.js";

/** A time further away, in milliseconds, is none: it comes of a pause without an end, or a debt like one. */
const LONGEST_PROMISE = Number.MAX_SAFE_INTEGER / 2;

/** What a {@link QueuedLimiter} needs of its limiter's settings. */
export interface QueuedLimiterSettings {
  readonly name: string;
  readonly clock: Clock;
  /** How many places the line may have. */
  readonly maxQueue: number | undefined;
}

/**
 * One bucket and those who stand at it, in order. A waiter takes its tokens when its turn comes, not before;
 * one timer wakes the line for the first of them. Nobody is woken for reservations. Times are milliseconds.
 */
export class QueuedLimiter<Key> extends WaitQueue {
  readonly #settings: QueuedLimiterSettings;
  readonly #clock: Clock;
  readonly #observer: AdmissionObserver<Key>;
  readonly key: Key;
  /** Whether more must be looked at than the bucket. */
  #gated = false;
  #disposed = false;
  /** Whether somebody who blocks the thread looks at the clock instead of a timer. */
  #asleep = false;
  #timer: Timer | undefined;
  #timerDue: number | undefined;
  constructor(
    settings: QueuedLimiterSettings,
    limits: Limits,
    observer: AdmissionObserver<Key>,
    key: Key,
    level?: Levels,
  ) {
    super(limits, level);
    this.#settings = settings;
    this.#clock = settings.clock;
    this.#observer = observer;
    this.key = key;
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
    return tokensIn(this.level, 0, now, this.limits);
  }

  /** Seconds until a request that comes now would have its turn. */
  wait(cost: number): number {
    const now = this.now();
    return secondsUntil(this.turnOf(cost, now), now);
  }

  /** Takes the tokens if they are there and nobody waits for them. */
  take(cost: number, now: number = this.#clock.now()): boolean {
    if (this.#gated) {
      this.#attend(now);
      if (this.queued > 0 || now < this.pausedUntil) return false;
    }
    return this.spendIfThere(cost, now);
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
    return new Promise((granted, refused) => this.#wait(request, now, turn, leased, granted, refused));
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
    const waiter = this.#wait(request, now, turn, false, granted, (reason) => {
      outcome.refusal = { reason };
      granted();
    });
    try {
      while (!outcome.known) {
        this.#clock.sleepSync((this.headTurn() ?? now) - this.#clock.now());
        this.now();
      }
    } finally {
      // Only a clock that threw leaves it standing there.
      if (!outcome.known) this.leave(waiter);
      this.#asleep = before;
      this.#attend(this.#clock.now());
    }
    // A listener of somebody else's turn can have changed the limits in the meantime.
    if (outcome.refusal) throw outcome.refusal.reason;
  }

  /** Takes the tokens now, or as soon as they will be there; throws when the line is full or that is never. */
  reserve(cost: number): Reservation {
    const now = this.now();
    const turn = this.#ask({ cost, timeout: LONGEST_PROMISE }, now);
    const booking: PendingReservation = { cost, promised: turn ?? now, order: 0 };
    if (turn === undefined) {
      booking.lease = this.lease();
    } else {
      this.book(booking, now);
      this.#observer.admitted(cost, turn - now, this.key);
    }
    this.#gated = true;
    const delay = secondsUntil(booking.promised, now);
    return new HeldReservation(cost, delay, (used) => this.settle(booking, used));
  }

  /** What was not used comes back, as far as the bound allows; what was used beyond it is charged as debt. */
  settle(place: PendingReservation | Waiter, used: number): void {
    const now = this.now();
    const unused = place.cost - used;
    this.giveBack(place, unused, now);
    if (unused < 0) this.#refuseTheLate(now);
    this.#attend(now);
  }

  /** Admits nobody for so long; reservations keep their times. */
  pause(duration: number): void {
    const now = this.now();
    this.pausedUntil = Math.max(this.pausedUntil, now + duration);
    this.#rearrange(now);
  }

  /** Goes on under other limits with the tokens that are there, or the debt. */
  change(limits: Limits): void {
    const now = this.now();
    this.rebase(limits, now);
    this.#rearrange(now);
  }

  /** Fills the bucket and ends a pause; whoever waits is served as the bucket allows. */
  reset(): void {
    const now = this.now();
    this.pausedUntil = -Infinity;
    this.refill();
    this.#rearrange(now);
  }

  /** Refuses everybody who waits, and whoever would have to wait from now on. */
  dispose(): void {
    this.#disposed = true;
    this.#dismiss(this.leaveAll(), () => disposedError(this.#settings.name));
  }

  /** Takes the tokens (`undefined`) or returns when they will be there; throws when they cannot be waited for. */
  #ask({ cost, timeout }: Pick<Request, "cost" | "timeout">, now: number): number | undefined {
    if (this.take(cost, now)) {
      this.#observer.admitted(cost, 0, this.key);
      return undefined;
    }
    const { name, maxQueue = Infinity } = this.#settings;
    if (this.#disposed) throw disposedError(name);
    const turn = this.turnOf(cost, now);
    const crowded = this.queued >= maxQueue;
    if (!crowded && !isLate(turn, now + timeout, this.limits)) return turn;
    throw this.#refusal(
      cost,
      secondsUntil(turn, now),
      crowded ? `all ${this.queued} places to wait are taken` : undefined,
    );
  }

  #refusal(cost: number, retryAfter: number, why?: string): RateLimitExceededError {
    this.#observer.refused(cost, retryAfter, this.key);
    return new RateLimitExceededError(this.#settings.name, retryAfter, why);
  }

  #wait(
    { cost, timeout, signal }: Request,
    since: number,
    turn: number,
    leased: boolean,
    granted: Waiter["granted"],
    refused: Waiter["refused"],
  ): Waiter {
    const waiter: Waiter = {
      cost,
      order: 0,
      since,
      deadline: since + timeout,
      signal,
      leased,
      granted,
      refused,
    };
    this.join(waiter, turn);
    this.#gated = true;
    this.#arm(since);
    return waiter;
  }

  protected override aborted(waiters: readonly Waiter[]): void {
    this.#dismiss(waiters, ({ signal }) => signal?.reason);
  }

  /** Tells waiters that they left unserved, after the others moved up. */
  #dismiss(waiters: readonly Waiter[], reason: (waiter: Waiter) => unknown): void {
    this.#attend(this.#clock.now());
    for (const waiter of waiters) waiter.refused(reason(waiter));
  }

  /** After a change for everybody in the line: refuses those who can no longer be served in time. */
  #rearrange(now: number): void {
    this.bookingsFirst();
    this.#refuseTheLate(now);
    this.#attend(now);
  }

  #refuseTheLate(now: number): void {
    const late = this.takeLate(now);
    const { burst } = this.limits;
    for (const [{ cost, refused }, turn] of late)
      refused(cost > burst ? costError(cost, burst) : this.#refusal(cost, secondsUntil(turn, now)));
  }

  /** Gives everybody whose time has come a turn, and sets the timer for the next. */
  #attend(now: number): void {
    if (now >= this.pausedUntil) this.pausedUntil = -Infinity;
    // What was promised comes before whoever is late.
    if (this.takePromised(now)) this.#refuseTheLate(now);
    let waiter: Waiter | undefined;
    while ((waiter = this.takeNext(now))) {
      waiter.granted(waiter);
      this.#observer.admitted(waiter.cost, now - waiter.since, this.key);
    }
    this.#gated = this.queued > 0 || this.pausedUntil > -Infinity || this.leased;
    this.#arm(now);
  }

  #arm(now: number): void {
    const due = this.headTurn();
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
