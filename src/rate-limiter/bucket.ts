/**
 * The limits of a bucket as the arithmetic uses them; times in milliseconds.
 *
 * A bucket is two numbers in {@link Levels}: a time at which it was full, and the tokens taken since. The tokens that
 * have flowed in are computed from two readings of the clock when needed, so rounding errors do not accumulate.
 * Whether tokens are available is decided by comparing `tokens * per` with `elapsed * rate`.
 *
 * Precision: the difference of two readings is exact from any origin, to the clock's own resolution. If
 * rate, `per`, burst and costs are whole numbers and the products stay below 2⁵³, nothing is rounded and every
 * decision is exact. Otherwise each side of the comparison has a relative error of at most 2⁻⁵¹: a decision may come
 * early or late by 2⁻⁵⁰ of the time since the bucket was full, which counts as at most {@link LONGEST} periods plus
 * the time to fill.
 */
export interface Limits {
  readonly rate: number;
  readonly per: number;
  readonly burst: number;
  /** The time in which one token flows in; Infinity at a rate of 0. */
  readonly interval: number;
  /** The time in which an empty bucket fills; 0 at a rate of 0, at which it is not used. */
  readonly capacity: number;
  /** After this long without being full, a bucket is counted from a later time. */
  readonly longest: number;
  /** The values as given: at a rate of Infinity, `per` and `burst` above are 0 and Infinity, so a bucket is always full. */
  readonly given: { readonly rate: number; readonly per: number };
}

/** Buckets, two numbers each: a time at which it was full, and the tokens taken since. Changed in place. */
export type Levels = Float64Array;

/** Which of the buckets: the index of its first number. */
export type Place = number;

/** One full bucket. */
export function newLevel(): Levels {
  const level = new Float64Array(2);
  fill(level, 0);
  return level;
}

/** When an untouched bucket was full: finite, because 0 * Infinity is NaN. */
export const LONG_AGO: number = -Number.MAX_VALUE;

/** Fills a bucket, as if nothing had ever been taken. */
export function fill(levels: Levels, at: Place): void {
  levels[at] = LONG_AGO;
  levels[at + 1] = 0;
}

/** Faster than this, neither the clock nor a double can tell two tokens apart. */
const SHORTEST_INTERVAL = 1e-6;

/** In periods. With this bound, sums stay small and exact, and rounding errors do not accumulate. */
const LONGEST = 1024;

/** A few units in the last place: the relative error of sums of fractions and times. Whole numbers are further apart. */
const SLACK = 2 ** -49;

/**
 * Checks and combines the limits. At a rate of 0 nothing flows in: what the bucket holds can be taken once.
 *
 * @throws RangeError when more than 10⁹ tokens flow in a second, or the bucket takes longer than 2⁵³ ms to fill.
 */
export function makeLimits(rate: number, per: number, burst: number): Limits {
  const given = { rate, per };
  if (rate === Infinity) {
    return { rate: 1, per: 0, burst: Infinity, interval: 0, capacity: 0, longest: 0, given };
  }
  if (rate === 0) {
    return { rate, per, burst, interval: Infinity, capacity: 0, longest: per * LONGEST, given };
  }
  const interval = per / rate;
  const capacity = burst * interval;
  if (interval < SHORTEST_INTERVAL || !(capacity <= Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(
      `rate, per and burst must allow at most 1e9 tokens a second and fill the bucket within 285,000 years; got rate ${rate}, per ${per / 1000} s and burst ${burst}.`,
    );
  }
  return { rate, per, burst, interval, capacity, longest: per * LONGEST, given };
}

/** Takes tokens, even if they are not available; what is missing is debt. */
export function take(levels: Levels, at: Place, cost: number, now: number, limits: Limits): void {
  add(levels, at, cost, levels[at + 1] ?? 0, now - (levels[at] ?? 0), now, limits);
}

/** {@link take} if {@link hasTokens}. The hot path, so it reads each number once. */
export function tryTake(levels: Levels, at: Place, cost: number, now: number, limits: Limits): boolean {
  const before = levels[at + 1] ?? 0;
  const spent = before + cost;
  const over = spent - limits.burst;
  const elapsed = now - (levels[at] ?? 0);
  if (over > 0 && over * limits.per > elapsed * limits.rate && over > spent * SLACK) return false;
  add(levels, at, cost, before, elapsed, now, limits);
  return true;
}

/**
 * Adds to the tokens taken. If the bucket was full meanwhile, counting starts again from now.
 *
 * @param before the tokens taken so far.
 * @param elapsed since the time from which they are counted.
 */
function add(
  levels: Levels,
  at: Place,
  cost: number,
  before: number,
  elapsed: number,
  now: number,
  limits: Limits,
): void {
  if (before * limits.per <= elapsed * limits.rate) {
    levels[at] = now;
    levels[at + 1] = cost;
  } else {
    levels[at + 1] = before + cost;
    if (elapsed >= limits.longest) advance(levels, at, elapsed, limits);
  }
}

/** Counts from a later time, by whole periods, because differences of whole numbers are exact. */
function advance(levels: Levels, at: Place, elapsed: number, limits: Limits): void {
  const periods = Math.floor(elapsed / limits.per);
  levels[at] = (levels[at] ?? 0) + periods * limits.per;
  levels[at + 1] = (levels[at + 1] ?? 0) - periods * limits.rate;
}

/**
 * Whether the tokens are available.
 *
 * If tokens are taken only when available, the cost taken in any window of length t is at most
 * `burst + rate * t / per`.
 */
export function hasTokens(levels: Levels, at: Place, cost: number, now: number, limits: Limits): boolean {
  const spent = (levels[at + 1] ?? 0) + cost;
  const over = spent - limits.burst;
  // What exceeds the burst must have flowed in.
  return over <= 0 || over * limits.per <= (now - (levels[at] ?? 0)) * limits.rate || over <= spent * SLACK;
}

/** The first time from `now` on at which the tokens are available, see {@link hasTokens}; Infinity: never. */
export function availableAt(levels: Levels, at: Place, cost: number, now: number, limits: Limits): number {
  if (hasTokens(levels, at, cost, now, limits)) return now;
  if (limits.rate === 0) return Infinity;
  const since = levels[at] ?? 0;
  const over = (levels[at + 1] ?? 0) + cost - limits.burst;
  let due = since + (over * limits.per) / limits.rate;
  // Rounded up to a representable time, because a request at that time must not be refused.
  const step = Math.max(Math.abs(due), Math.abs(since)) * Number.EPSILON;
  while (over * limits.per > (due - since) * limits.rate) due += step;
  return Math.max(now, due);
}

/** How many tokens are missing from a full bucket; in debt, more than the burst. */
export function missing(levels: Levels, at: Place, now: number, limits: Limits): number {
  if (isFull(levels, at, now, limits)) return 0;
  const elapsed = now - (levels[at] ?? 0);
  return Math.max(0, (levels[at + 1] ?? 0) - (elapsed * limits.rate) / limits.per);
}

export function isFull(levels: Levels, at: Place, now: number, limits: Limits): boolean {
  return (levels[at + 1] ?? 0) * limits.per <= (now - (levels[at] ?? 0)) * limits.rate;
}

/**
 * When the bucket is full, up to rounding; {@link isFull} is exact. At a rate of 0 it is later than any other, but finite,
 * and ordered by what is missing.
 */
export function fullAt(levels: Levels, at: Place, limits: Limits): number {
  const spent = levels[at + 1] ?? 0;
  if (limits.rate === 0 && spent > 0) return Math.min(Number.MAX_VALUE, spent * 2 ** 512);
  return (levels[at] ?? 0) + (spent > 0 ? (spent * limits.per) / limits.rate : 0);
}

/** How many tokens the bucket holds. */
export function tokensIn(levels: Levels, at: Place, now: number, limits: Limits): number {
  return Math.max(0, limits.burst - missing(levels, at, now, limits));
}

/** Changes the limits and keeps the tokens or the debt; what the new burst cannot hold is lost. */
export function rebase(levels: Levels, at: Place, now: number, from: Limits, to: Limits): void {
  const isSteady = from.rate === to.rate && from.per === to.per && !isFull(levels, at, now, from);
  // At the same rate nothing is computed, so nothing is rounded.
  const spent = isSteady ? (levels[at + 1] ?? 0) : missing(levels, at, now, from);
  if (!isSteady) levels[at] = now;
  levels[at + 1] = to.burst === Infinity ? 0 : Math.max(0, spent + (to.burst - from.burst));
}

/** Whether a turn never comes, or comes after the deadline by more than a rounding error. */
export function isLate(turnAt: number, deadline: number, limits: Limits): boolean {
  return turnAt === Infinity || turnAt - deadline > (Math.abs(turnAt) + limits.capacity) * SLACK;
}
