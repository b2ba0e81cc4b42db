/**
 * The limits of a bucket as the arithmetic uses them; times in milliseconds.
 *
 * The bucket itself is ONE number, `fullAt`: the time at which it will be full again. This is the
 * virtual scheduling form of the Generic Cell Rate Algorithm (ITU-T Recommendation I.371), where the number is
 * called the theoretical arrival time and our capacity is its increment plus its tolerance.
 */
export interface Limits {
  readonly rate: number;
  readonly per: number;
  readonly burst: number;
  /** How long one token takes to flow in. */
  readonly interval: number;
  /** How long an empty bucket takes to fill. */
  readonly capacity: number;
}

/** A bucket that nothing was ever taken from. */
export const FULL: number = -Infinity;

/** Faster than this, neither the clock nor a double can tell two tokens apart. */
const SHORTEST_INTERVAL = 1e-6;

/**
 * A few units in the last place of the times involved, not a constant: sums of doubles round, and a request
 * told to come back after `r` must not be refused at `r`. A fixed slack would admit too much at high rates.
 */
const SLACK = 2 ** -49;

/**
 * Checks that the limits make sense together.
 *
 * @throws RangeError when more than 10⁹ tokens flow in a second, or the bucket takes longer than 2⁵³ ms to fill.
 */
export function makeLimits(rate: number, per: number, burst: number): Limits {
  const interval = per / rate;
  const capacity = burst * interval;
  if (interval < SHORTEST_INTERVAL || !(capacity <= Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(
      `rate, per and burst must let at most 1e9 tokens flow in a second and fill the bucket within 285,000 years; got rate ${rate}, per ${per / 1000} s and burst ${burst}.`,
    );
  }
  return { rate, per, burst, interval, capacity };
}

/** When the bucket is full again after `cost` tokens were taken at `now`. */
export function fullAfter(fullAt: number, cost: number, now: number, limits: Limits): number {
  return Math.max(fullAt, now) + cost * limits.interval;
}

/** Whether a turn comes after a deadline by more than rounding explains. */
export function isLate(turn: number, deadline: number, limits: Limits): boolean {
  return turn - deadline > (Math.abs(turn) + limits.capacity) * SLACK;
}

/**
 * How many milliseconds `cost` tokens must be waited for at `now`; 0: they are there.
 *
 * Whoever takes only after 0 keeps the bound: in any window of length t the cost taken is at most
 * `burst + rate * t / per`.
 */
export function waitFor(fullAt: number, cost: number, now: number, limits: Limits): number {
  return waitUntil(fullAfter(fullAt, cost, now, limits), now, limits);
}

/** {@link waitFor}, for tokens with which the bucket would be full again at `full`. */
export function waitUntil(full: number, now: number, limits: Limits): number {
  const wait = full - now - limits.capacity;
  return wait > Math.abs(full) * SLACK ? wait : 0;
}

/** How far the bucket is from full, in tokens. */
export function missing(fullAt: number, now: number, limits: Limits): number {
  return Math.max(0, fullAt - now) / limits.interval;
}

/** How many tokens the bucket holds. */
export function tokensIn(fullAt: number, now: number, limits: Limits): number {
  return Math.max(0, limits.burst - missing(fullAt, now, limits));
}

/** The bucket of the same tokens under other limits; what the new burst cannot hold is lost. */
export function rebase(fullAt: number, now: number, from: Limits, to: Limits): number {
  return now + Math.max(0, to.burst - tokensIn(fullAt, now, from)) * to.interval;
}
