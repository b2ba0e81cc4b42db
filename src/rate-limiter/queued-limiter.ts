import { onAbort, throwIfAborted } from "../kernel/abort.js";
import type { Clock } from "../kernel/clock.js";
import { secondsUntil } from "../kernel/seconds.js";
import { isLate, type Limits } from "./bucket.js";
import { DueTimer } from "./due-timer.js";
import { costError, disposedError, RateLimitExceededError } from "./errors.js";
import type { AdmissionObserver } from "./metrics.js";
import type { Request } from "./request.js";
import { HeldReservation, type Reservation } from "./reservation.js";
import type { TokenBucket } from "./token-bucket.js";
import { type PendingReservation, type Waiter, WaitQueue } from "./wait-queue.js";

/** In milliseconds. Only a pause without an end, or an equivalent debt, would be longer. */
const LONGEST_WAIT = Number.MAX_SAFE_INTEGER / 2;

/** Settles a reservation with how many tokens were used. */
type Settle = (reservation: PendingReservation, used: number) => void;

/** What a {@link QueuedLimiter} needs of its limiter's settings. */
export interface QueuedLimiterSettings {
  readonly name: string;
  readonly clock: Clock;
  /** How many may wait. */
  readonly maxQueue: number | undefined;
}

/**
 * A bucket and the queue of waiters for its tokens. A waiter takes its tokens when its turn comes, not before. One timer
 * fires for the first waiter, none for reservations. Times are milliseconds.
 */
export class QueuedLimiter<Key> {
  readonly key: Key;
  readonly #bucket: TokenBucket;
  #settings: QueuedLimiterSettings;
  readonly #clock: Clock;
  readonly #observer: AdmissionObserver<Key>;
  readonly #queue: WaitQueue;
  /** Whether there are waiters, reservations, grants or a pause: the bucket alone does not decide. */
  #isContended = false;
  #disposed = false;
  /** Whether a request that blocks the thread watches the clock, so that no timer is needed. */
  #isBlocking = false;
  readonly #timer: DueTimer;

  constructor(
    settings: QueuedLimiterSettings,
    bucket: TokenBucket,
    observer: AdmissionObserver<Key>,
    key: Key,
  ) {
    this.#bucket = bucket;
    this.key = key;
    this.#settings = settings;
    this.#clock = settings.clock;
    this.#observer = observer;
    this.#queue = new WaitQueue(bucket);
    this.#timer = new DueTimer(settings.clock, () => this.now());
  }

  /** How many may wait. */
  get maxQueue(): number | undefined {
    return this.#settings.maxQueue;
  }

  /** How many requests wait, including reservations whose time has not come. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Whether the bucket alone decides from now on. Calls no listener. */
  isIdle(now: number): boolean {
    if (this.#queue.head) return false;
    this.#serve(now);
    return !this.#isContended;
  }

  /** Reads the clock and serves everything whose time has come. */
  now(): number {
    const now = this.#clock.now();
    if (this.#isContended) this.#serve(now);
    return now;
  }

  /** How many tokens are in the bucket. */
  tokens(): number {
    return this.#bucket.tokens(this.now());
  }

  /** Seconds until a request that comes now would have its turn. */
  wait(cost: number): number {
    const now = this.now();
    return secondsUntil(this.#queue.turnOf(cost, now), now);
  }

  /** Takes the tokens if they are available and nothing waits for them. */
  take(cost: number, now: number = this.#clock.now()): boolean {
    if (this.#isContended) {
      this.#serve(now);
      if (this.#queue.size > 0 || now < this.#queue.pausedUntil) return false;
    }
    return this.#bucket.tryTake(cost, now);
  }

  /**
   * Admits the request at once (`undefined`) or when its turn comes; throws when it has to be refused.
   * A `returnable` waiter may {@link settle} afterwards.
   */
  admit(request: Request, returnable: boolean = false): Promise<Waiter> | undefined {
    throwIfAborted(request.signal);
    const now = this.now();
    const turn = this.#takeOrWait(request, now);
    if (turn === undefined) return undefined;
    return new Promise((granted, refused) => this.#enqueue(request, now, turn, returnable, granted, refused));
  }

  /** Admits the request at once or blocks the thread until its turn comes; throws when it has to be refused. */
  admitSync(request: Request): void {
    const now = this.now();
    const turn = this.#takeOrWait(request, now);
    if (turn === undefined) return;
    const outcome: { known?: true; refusal?: { readonly reason: unknown } } = {};
    const before = this.#isBlocking;
    this.#isBlocking = true;
    const granted = (): true => (outcome.known = true);
    const waiter = this.#enqueue(request, now, turn, false, granted, (reason) => {
      outcome.refusal = { reason };
      granted();
    });
    try {
      while (!outcome.known) {
        this.#clock.sleepSync((this.#queue.headTurn ?? now) - this.#clock.now());
        this.now();
      }
    } finally {
      // It is still in the queue only if the clock threw.
      if (!outcome.known) this.#queue.leave(waiter);
      this.#isBlocking = before;
      this.#serve(this.#clock.now());
    }
    // A listener of another admission may have changed the limits in the meantime.
    if (outcome.refusal) throw outcome.refusal.reason;
  }

  /** Reserves the tokens for now or for when they are available; throws when that is too late or the queue is full. */
  reserve(
    cost: number,
    timeout: number,
    settle: Settle = (place, used) => this.settle(place, used),
  ): Reservation {
    const now = this.now();
    const turn = this.#takeOrWait({ cost, timeout: Math.min(timeout, LONGEST_WAIT) }, now);
    const reservation: PendingReservation = { cost, due: turn ?? now, order: 0 };
    if (turn === undefined) {
      reservation.grant = this.#bucket.grant();
    } else {
      this.#queue.reserve(reservation, now);
      this.#observer.admitted(cost, turn - now, this.key);
    }
    this.#isContended = true;
    const delay = secondsUntil(reservation.due, now);
    return new HeldReservation(cost, delay, (used) => settle(reservation, used));
  }

  /** Gives unused tokens back, as far as the bound allows; tokens used beyond the cost are charged as debt. */
  settle(place: PendingReservation | Waiter, used: number): void {
    const now = this.now();
    const unused = place.cost - used;
    this.#queue.giveBack(place, unused, now);
    if (unused < 0) this.#refuseTheLate(now);
    this.#serve(now);
  }

  /** Admits no request for this long; reservations keep their times. */
  pause(duration: number): void {
    const now = this.now();
    this.#queue.pausedUntil = Math.max(this.#queue.pausedUntil, now + duration);
    this.#rearrange(now);
  }

  /** Admits no request for this long, and refuses those that wait or would wait; reservations keep their times. */
  block(duration: number): void {
    this.#queue.blockedUntil = Math.max(this.#queue.blockedUntil, this.now() + duration);
    this.pause(duration);
  }

  /** Gives tokens back, up to a full bucket, and serves waiters as far as they go. */
  refill(tokens: number): void {
    const now = this.now();
    this.#queue.refill(tokens, now);
    this.#serve(now);
  }

  /** Changes the limits and keeps the tokens or the debt. */
  change(limits: Limits, settings: QueuedLimiterSettings): void {
    this.#settings = settings;
    // A key's own limits stay, and then so does the order of its waiters.
    if (limits === this.#bucket.limits) return;
    const now = this.now();
    this.#bucket.change(limits, now);
    this.#rearrange(now);
  }

  /** Fills the bucket, ends a pause, and serves waiters as far as the tokens go. */
  reset(): void {
    const now = this.now();
    this.#queue.pausedUntil = -Infinity;
    this.#queue.blockedUntil = -Infinity;
    this.#bucket.fill();
    this.#rearrange(now);
  }

  /** Refuses all waiters, and from now on all requests that would have to wait. */
  dispose(): void {
    this.#disposed = true;
    this.#serve(this.#clock.now());
  }

  /** Takes the tokens (`undefined`) or returns when they will be available; throws when the request cannot wait for them. */
  #takeOrWait({ cost, timeout }: Pick<Request, "cost" | "timeout">, now: number): number | undefined {
    if (this.take(cost, now)) {
      this.#observer.admitted(cost, 0, this.key);
      return undefined;
    }
    const { name, maxQueue = Infinity } = this.#settings;
    if (this.#disposed) throw disposedError(name);
    const turn = this.#queue.turnOf(cost, now);
    let why = this.queued >= maxQueue ? `maxQueue (${maxQueue}) is reached` : undefined;
    if (now < this.#queue.blockedUntil) why = "this key is blocked";
    if (why === undefined && !isLate(turn, now + timeout, this.#bucket.limits)) return turn;
    throw this.#refusal(cost, secondsUntil(turn, now), why);
  }

  #refusal(cost: number, retryAfter: number, why?: string): RateLimitExceededError {
    this.#observer.refused(cost, retryAfter, this.key);
    return new RateLimitExceededError(this.#settings.name, retryAfter, why);
  }

  #enqueue(
    { cost, timeout, signal }: Request,
    since: number,
    turn: number,
    returnable: boolean,
    granted: Waiter["granted"],
    refused: Waiter["refused"],
  ): Waiter {
    const deadline = since + timeout;
    const waiter: Waiter = { cost, order: 0, since, deadline, signal, returnable, granted, refused };
    if (signal) waiter.unlisten = onAbort(signal, () => this.#abort(waiter));
    this.#queue.join(waiter, turn);
    this.#isContended = true;
    this.#arm(since);
    return waiter;
  }

  #abort(waiter: Waiter): void {
    this.#queue.leave(waiter);
    this.#serve(this.#clock.now());
    waiter.refused(waiter.signal?.reason);
  }

  /** After a change that affects the whole queue: refuses waiters that can no longer be served in time. */
  #rearrange(now: number): void {
    this.#queue.putReservationsFirst();
    this.#refuseTheLate(now);
    this.#serve(now);
  }

  #refuseTheLate(now: number): void {
    const late = this.#queue.takeLate(now);
    const { burst } = this.#bucket.limits;
    for (const [{ cost, refused }, turn] of late)
      refused(cost > burst ? costError(cost, burst) : this.#refusal(cost, secondsUntil(turn, now)));
  }

  /** Serves everything whose time has come, and sets the timer for the next waiter. */
  #serve(now: number): void {
    const queue = this.#queue;
    if (now >= queue.pausedUntil) queue.pausedUntil = -Infinity;
    // Reservations come before late waiters.
    if (queue.takeReserved(now)) this.#refuseTheLate(now);
    for (let waiter = queue.head; waiter; waiter = queue.head) {
      const { cost, since, signal } = waiter;
      // An aborted waiter is still queued while other listeners of its signal run.
      if (this.#disposed || signal?.aborted) {
        queue.leave(waiter);
        waiter.refused(this.#disposed ? disposedError(this.#settings.name) : signal?.reason);
      } else {
        if (!queue.takeHead(waiter, now)) break;
        waiter.granted(waiter);
        this.#observer.admitted(cost, now - since, this.key);
      }
    }
    this.#isContended = queue.size > 0 || queue.pausedUntil > -Infinity || this.#bucket.hasGrants(now);
    this.#arm(now);
  }

  #arm(now: number): void {
    if (!this.#isBlocking) this.#timer.set(this.#queue.headTurn, now);
  }
}
