import {
  fill,
  newLevel,
  isFull,
  hasTokens,
  type Levels,
  type Limits,
  missing,
  type Place,
  rebase,
  take,
  tryTake,
  tokensIn,
  availableAt,
} from "./bucket.js";

/**
 * What may still be given back of tokens that were taken.
 *
 * Giving tokens back leaves the bucket as it would be had they never been taken. If the bucket was nearly full
 * when somebody took from it later, it could not have held them: what was missing at that moment is all that
 * can come back, or the bound on every window would be broken.
 */
export interface Grant {
  /** The least that was missing when something was taken, from this grant until the next one began. */
  room: number;
  next: Grant | undefined;
}

/**
 * One bucket at its place in an array of levels, with the grants that may still give tokens back. Grants are
 * linked from the older to the newer: taking costs O(1) however many are open, and a grant that nobody holds
 * any more is garbage.
 */
export class TokenBucket {
  limits: Limits;
  // In an array, because doubles in fields are allocated anew at each admission: a sixth of its cost.
  levels: Levels;
  at: Place;
  #newest: Grant | undefined;

  constructor(limits: Limits, levels: Levels = newLevel(), at: Place = 0) {
    this.limits = limits;
    this.levels = levels;
    this.at = at;
  }

  /** Whether tokens can still be given back. */
  hasGrants(now: number): boolean {
    this.#observe(now);
    return this.#newest !== undefined;
  }

  tokens(now: number): number {
    return tokensIn(this.levels, this.at, now, this.limits);
  }

  isFull(now: number): boolean {
    return isFull(this.levels, this.at, now, this.limits);
  }

  /** The first time from `now` on at which the tokens are there. */
  availableAt(cost: number, now: number): number {
    return availableAt(this.levels, this.at, cost, now, this.limits);
  }

  /** A copy of its two numbers, to simulate with. */
  copy(): Levels {
    return this.levels.slice(this.at, this.at + 2);
  }

  /** Takes tokens, whether they are there or not. */
  take(cost: number, now: number): void {
    this.#observe(now);
    take(this.levels, this.at, cost, now, this.limits);
  }

  /** Takes the tokens if they are there. */
  tryTake(cost: number, now: number): boolean {
    if (!this.#newest) return tryTake(this.levels, this.at, cost, now, this.limits);
    const isAdmitted = hasTokens(this.levels, this.at, cost, now, this.limits);
    if (isAdmitted) this.take(cost, now);
    return isAdmitted;
  }

  /** Goes on under other limits with the tokens that are there, or the debt. */
  change(limits: Limits, now: number): void {
    this.#observe(now);
    rebase(this.levels, this.at, now, this.limits, limits);
    this.limits = limits;
    this.#observe(now);
  }

  /** Fills the bucket: nothing that was taken before can come back, and no debt is left. */
  fill(): void {
    if (this.#newest) this.#newest.room = 0;
    this.#newest = undefined;
    fill(this.levels, this.at);
  }

  /** Lets what was taken last be given back later. */
  grant(): Grant {
    const grant = { room: Infinity, next: undefined };
    if (this.#newest) this.#newest.next = grant;
    this.#newest = grant;
    return grant;
  }

  /** Gives as many of the tokens back as the bucket could have held since. */
  giveBack(from: Grant, cost: number): void {
    let given = cost;
    let grant: Grant | undefined;
    for (grant = from; grant; grant = grant.next) given = Math.min(given, grant.room);
    // All that was missing later is now missing less.
    for (grant = from; grant; grant = grant.next) grant.room -= given;
    const spent = this.at + 1;
    this.levels[spent] = (this.levels[spent] ?? 0) - given;
  }

  /** Gives tokens back that belong to no grant, up to a full bucket. */
  refill(tokens: number, now: number): void {
    if (tokens >= missing(this.levels, this.at, now, this.limits)) return this.fill();
    const spent = this.at + 1;
    this.levels[spent] = (this.levels[spent] ?? 0) - tokens;
    // Open grants can give back no more than what is still missing.
    this.#observe(now);
  }

  #observe(now: number): void {
    if (!this.#newest) return;
    const room = missing(this.levels, this.at, now, this.limits);
    this.#newest.room = Math.min(this.#newest.room, room);
    // From a full bucket nothing older can come back.
    if (this.isFull(now)) {
      this.#newest.room = 0;
      this.#newest = undefined;
    }
  }
}
