/**
 * The limits of a bucket as the arithmetic uses them; times in milliseconds.
 *
 * A bucket is two numbers of {@link Levels}: a time at which it was full, and the tokens taken since. What has
 * flowed in is computed from two readings of the clock whenever it is needed, so no rounding error is carried
 * over, and whether tokens are there is a comparison of `tokens * per` with `elapsed * rate`.
 *
 * How exact it is: the difference of two readings is exact from any origin, to the clock's own resolution. If
 * rate, `per`, burst and costs are whole numbers and the products stay below 2⁵³, nothing is rounded and every
 * decision is that of exact arithmetic. Otherwise each side of the comparison is off by at most 2⁻⁵¹ of itself:
 * a decision may come early or late by 2⁻⁵⁰ of the time since the bucket was full, which never counts as more
 * than {@link LONGEST} periods plus the time to fill.
 */
export interface Limits {
  readonly rate: number;
  readonly per: number;
  readonly burst: number;
  /** How long one token takes to flow in; Infinity at a rate of 0. */
  readonly interval: number;
  /** How long an empty bucket takes to fill; 0 if nothing flows in, since then no time is computed from it. */
  readonly capacity: number;
  /** A bucket that was not full for so long is counted from a later time. */
  readonly longest: number;
  /** As they were given: without a limit, `per` is 0 and `burst` Infinity here, so that a bucket is always full. */
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

/** When a bucket was full from which nothing was ever taken: finite, since 0 * Infinity is NaN. */
export const LONG_AGO: number = -Number.MAX_VALUE;

/** Makes a bucket full, as if nothing had ever been taken. */
export function fill(levels: Levels, at: Place): void {
  levels[at] = LONG_AGO;
  levels[at + 1] = 0;
}

/** Faster than this, neither the clock nor a double can tell two tokens apart. */
const SHORTEST_INTERVAL = 1e-6;

/** In periods: sums stay small and exact, and the rounding of one step does not add up. */
const LONGEST = 1024;

/** A few units in the last place, for sums of fractions and of times, which are rounded. Whole numbers are further apart. */
const SLACK = 2 ** -49;

/**
 * The limits, checked together. At a rate of 0 nothing flows in: what the bucket holds can be taken once.
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
      `rate, per and burst must let at most 1e9 tokens flow in a second and fill the bucket within 285,000 years; got rate ${rate}, per ${per / 1000} s and burst ${burst}.`,
    );
  }
  return { rate, per, burst, interval, capacity, longest: per * LONGEST, given };
}

/** Takes tokens, whether they are there or not; what is missing is debt. */
export function take(levels: Levels, at: Place, cost: number, now: number, limits: Limits): void {
  add(levels, at, cost, levels[at + 1] ?? 0, now - (levels[at] ?? 0), now, limits);
}

/** {@link take} if {@link hasTokens}; the hot path, so it reads each number once. */
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
 * Adds to the tokens taken; from a full bucket they are counted anew.
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

/** Counts from a later time: by whole periods, because differences of whole numbers are exact. */
function advance(levels: Levels, at: Place, elapsed: number, limits: Limits): void {
  const periods = Math.floor(elapsed / limits.per);
  levels[at] = (levels[at] ?? 0) + periods * limits.per;
  levels[at + 1] = (levels[at + 1] ?? 0) - periods * limits.rate;
}

/**
 * Whether the tokens are there.
 *
 * If tokens are only taken when they are, the cost taken in any window of length t is at most
 * `burst + rate * t / per`.
 */
export function hasTokens(levels: Levels, at: Place, cost: number, now: number, limits: Limits): boolean {
  const spent = (levels[at + 1] ?? 0) + cost;
  const over = spent - limits.burst;
  // What is above the burst must have flowed in.
  return over <= 0 || over * limits.per <= (now - (levels[at] ?? 0)) * limits.rate || over <= spent * SLACK;
}

/** The first time from `now` on at which the tokens {@link hasTokens are there}; Infinity: never. */
export function availableAt(levels: Levels, at: Place, cost: number, now: number, limits: Limits): number {
  if (hasTokens(levels, at, cost, now, limits)) return now;
  if (limits.rate === 0) return Infinity;
  const since = levels[at] ?? 0;
  const over = (levels[at + 1] ?? 0) + cost - limits.burst;
  let due = since + (over * limits.per) / limits.rate;
  // Rounded up to a time that a clock can show: a request at that time must not be refused.
  const step = Math.max(Math.abs(due), Math.abs(since)) * Number.EPSILON;
  while (over * limits.per > (due - since) * limits.rate) due += step;
  return Math.max(now, due);
}

/** How many tokens are missing to a full bucket; in debt, more than the burst. */
export function missing(levels: Levels, at: Place, now: number, limits: Limits): number {
  if (isFull(levels, at, now, limits)) return 0;
  const elapsed = now - (levels[at] ?? 0);
  return Math.max(0, (levels[at + 1] ?? 0) - (elapsed * limits.rate) / limits.per);
}

export function isFull(levels: Levels, at: Place, now: number, limits: Limits): boolean {
  return (levels[at + 1] ?? 0) * limits.per <= (now - (levels[at] ?? 0)) * limits.rate;
}

/**
 * When the bucket is full, up to rounding; {@link isFull} is exact. At a rate of 0, later than any other: finite, and in
 * the order of what is missing.
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

/** Goes on with the same tokens, or the same debt, under other limits; what the new burst cannot hold is lost. */
export function rebase(levels: Levels, at: Place, now: number, from: Limits, to: Limits): void {
  const isSteady = from.rate === to.rate && from.per === to.per && !isFull(levels, at, now, from);
  // At the same rate nothing has to be computed, so nothing is rounded.
  const spent = isSteady ? (levels[at + 1] ?? 0) : missing(levels, at, now, from);
  if (!isSteady) levels[at] = now;
  levels[at + 1] = to.burst === Infinity ? 0 : Math.max(0, spent + (to.burst - from.burst));
}

/** Whether a turn comes never, or after the deadline by more than rounding errors. */
export function isLate(turnAt: number, deadline: number, limits: Limits): boolean {
  return turnAt === Infinity || turnAt - deadline > (Math.abs(turnAt) + limits.capacity) * SLACK;
}
