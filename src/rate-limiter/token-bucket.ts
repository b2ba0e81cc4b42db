import {
  fill,
  fullLevel,
  isFull,
  isThere,
  type Levels,
  type Limits,
  missing,
  rebase,
  take,
  takeIfThere,
} from "./bucket.js";

/**
 * What somebody whose tokens were taken may still give back, in tokens.
 *
 * Giving tokens back means: the bucket as it would be had they never been taken. Where the bucket was nearly
 * full when somebody took from it later, it could not have held them anyway: what was missing at that moment
 * is all that can come back, or the window's bound would be broken.
 */
export interface Grant {
  /** The least that was missing when something was taken, from this lease until the next one began. */
  room: number;
  next: Grant | undefined;
}

/**
 * One bucket, from which tokens can be taken so that they may come back. Leases are linked from the older to
 * the newer: taking costs O(1) however many are open, and a lease that nobody holds any more is garbage.
 */
export class TokenBucket {
  limits: Limits;
  // Doubles in fields of their own would be boxed anew at each admission, a sixth of its cost.
  readonly level: Levels;
  #newest: Grant | undefined;

  constructor(limits: Limits, level: Levels = fullLevel()) {
    this.limits = limits;
    this.level = level;
  }

  /** Whether anything can be given back. */
  protected get leased(): boolean {
    return this.#newest !== undefined;
  }

  /** Takes tokens, whether they are there or not. */
  protected spend(cost: number, now: number): void {
    this.#observe(now);
    take(this.level, 0, cost, now, this.limits);
  }

  /** Takes the tokens if they are there. */
  protected spendIfThere(cost: number, now: number): boolean {
    if (!this.#newest) return takeIfThere(this.level, 0, cost, now, this.limits);
    const isAdmitted = isThere(this.level, 0, cost, now, this.limits);
    if (isAdmitted) this.spend(cost, now);
    return isAdmitted;
  }

  /** Goes on under other limits with the tokens that are there, or the debt. */
  protected rebase(limits: Limits, now: number): void {
    this.#observe(now);
    rebase(this.level, 0, now, this.limits, limits);
    this.limits = limits;
    this.#observe(now);
  }

  /** Fills the bucket: nothing that was taken before can come back, and no debt is left. */
  protected refill(): void {
    if (this.#newest) this.#newest.room = 0;
    this.#newest = undefined;
    fill(this.level, 0);
  }

  /** Makes a lease of what was taken last. */
  protected lease(): Grant {
    const lease = { room: Infinity, next: undefined };
    if (this.#newest) this.#newest.next = lease;
    this.#newest = lease;
    return lease;
  }

  /** Gives as many of the tokens back as the bucket could have held since. */
  protected release(from: Grant, cost: number): void {
    let given = cost;
    let lease: Grant | undefined;
    for (lease = from; lease; lease = lease.next) given = Math.min(given, lease.room);
    // All that was missing later is now missing less.
    for (lease = from; lease; lease = lease.next) lease.room -= given;
    this.level[1] = (this.level[1] ?? 0) - given;
  }

  #observe(now: number): void {
    if (!this.#newest) return;
    const room = missing(this.level, 0, now, this.limits);
    this.#newest.room = Math.min(this.#newest.room, room);
    // From a full bucket nothing older can come back.
    if (isFull(this.level, 0, now, this.limits)) {
      this.#newest.room = 0;
      this.#newest = undefined;
    }
  }
}
