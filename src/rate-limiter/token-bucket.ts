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
 * Giving tokens back leaves the bucket as if they had never been taken. If the bucket was nearly full at a later
 * take, it could not have held them: only what was missing at that moment can be given back, or the bound on every
 * window would be broken.
 */
export interface Grant {
  /** The least that was missing when something was taken, from this grant until the next one began. */
  room: number;
  next: Grant | undefined;
}

/**
 * One bucket at its place in an array of levels, with the grants that may still give tokens back. Grants are
 * linked from older to newer: taking costs O(1) however many are open, and a grant without a holder is garbage.
 */
export class TokenBucket {
  limits: Limits;
  // In an array: as fields, doubles would be allocated at each admission, a sixth of its cost.
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

  /** The first time from `now` on at which the tokens are available. */
  availableAt(cost: number, now: number): number {
    return availableAt(this.levels, this.at, cost, now, this.limits);
  }

  /** A copy of its two numbers, to simulate with. */
  copy(): Levels {
    return this.levels.slice(this.at, this.at + 2);
  }

  /** Takes tokens, even if they are not available. */
  take(cost: number, now: number): void {
    this.#observe(now);
    take(this.levels, this.at, cost, now, this.limits);
  }

  /** Takes the tokens if they are available. */
  tryTake(cost: number, now: number): boolean {
    if (!this.#newest) return tryTake(this.levels, this.at, cost, now, this.limits);
    const isAdmitted = hasTokens(this.levels, this.at, cost, now, this.limits);
    if (isAdmitted) this.take(cost, now);
    return isAdmitted;
  }

  /** Changes the limits and keeps the tokens or the debt. */
  change(limits: Limits, now: number): void {
    this.#observe(now);
    rebase(this.levels, this.at, now, this.limits, limits);
    this.limits = limits;
    this.#observe(now);
  }

  /** Fills the bucket: no debt is left, and nothing taken before can be given back. */
  fill(): void {
    if (this.#newest) this.#newest.room = 0;
    this.#newest = undefined;
    fill(this.levels, this.at);
  }

  /** Allows the tokens taken last to be given back later. */
  grant(): Grant {
    const grant = { room: Infinity, next: undefined };
    if (this.#newest) this.#newest.next = grant;
    this.#newest = grant;
    return grant;
  }

  /** Gives back as many of the tokens as the bucket could have held since. */
  giveBack(from: Grant, cost: number): void {
    let given = cost;
    let grant: Grant | undefined;
    for (grant = from; grant; grant = grant.next) given = Math.min(given, grant.room);
    // Less was missing at every later moment, too.
    for (grant = from; grant; grant = grant.next) grant.room -= given;
    const spent = this.at + 1;
    this.levels[spent] = (this.levels[spent] ?? 0) - given;
  }

  /** Gives back tokens that belong to no grant, up to a full bucket. */
  refill(tokens: number, now: number): void {
    if (tokens >= missing(this.levels, this.at, now, this.limits)) return this.fill();
    const spent = this.at + 1;
    this.levels[spent] = (this.levels[spent] ?? 0) - tokens;
    // Open grants can give back only what is still missing.
    this.#observe(now);
  }

  #observe(now: number): void {
    if (!this.#newest) return;
    const room = missing(this.levels, this.at, now, this.limits);
    this.#newest.room = Math.min(this.#newest.room, room);
    // Nothing taken before the bucket was full can be given back.
    if (this.isFull(now)) {
      this.#newest.room = 0;
      this.#newest = undefined;
    }
  }
}
