import { simplestFraction } from "./fraction.js";

/** Up to here a limit is exact. Products of two numbers of the script must stay below 2⁵³. */
const FINEST = 2n ** 24n;

/** The steps of a microsecond in which a limit is rounded that cannot be written with {@link FINEST}. */
const COARSE = 2n ** 20n;

/** The longest time to fill, in microseconds: 142 years. With the server's time it stays below 2⁵³ until the year 2112. */
const LONGEST = 2n ** 52n;

/** The limits of a shared bucket. */
export interface SharedLimits {
  /** Tokens that flow in within each `per`: above 0, finite. */
  readonly rate: number;
  /** Milliseconds. */
  readonly per: number;
  /** Tokens that the bucket holds: above 0, finite. */
  readonly burst: number;
}

/** What one request takes, in the script's terms. */
export interface ExactCost {
  /**
   * Five arguments of the take script, for each tier: the time in which the cost flows in, and the time in which an
   * empty bucket fills, each in whole microseconds and a rest of 1/D, with D between them.
   */
  readonly args: readonly [whole: string, rest: string, D: string, fullWhole: string, fullRest: string];
  /** What `count` such requests took, in whole microseconds, rounded down: an argument of the give-back script. */
  taken(count: number): string;
}

/** A shared bucket's limits as whole numbers of 1/D microseconds. */
export interface ExactLimits extends SharedLimits {
  /**
   * What a request of so many tokens takes; made once for a cost that is asked for often.
   *
   * @param tokens above 0, up to the burst; anything else is the caller's mistake, which nothing here notices.
   */
  cost(tokens: number): ExactCost;
  /**
   * The time in which so many tokens flow in, rounded down, at most that of an empty bucket: three arguments of the refill
   * script.
   *
   * @param tokens above 0.
   */
  given(tokens: number): readonly [whole: string, rest: string, D: string];
  /** How many tokens a bucket has that is full in `left + rest / D` microseconds. */
  tokensIn(left: number, rest: number, D: number): number;
}

const roundedUp = (value: bigint, divisor: bigint): bigint => (value + divisor - 1n) / divisor;
const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? a : gcd(b, a % b));

/**
 * Turns limits into the whole numbers that the scripts calculate with, each read as the simplest fraction that is the
 * double: 0.1 is 1/10. A token's time is A/D microseconds. With a D up to 2²⁴ that is exact; otherwise D is 2²⁰ and A is
 * rounded up, so that a token comes at most 10⁻⁶ μs late (some more if the burst is no whole number), never early.
 *
 * @throws RangeError when more than 10⁹ tokens flow in a second, or the bucket takes longer than 2⁵² μs to fill.
 */
export function exactLimits({ rate, per, burst }: SharedLimits): ExactLimits {
  const { over: rateOver, under: rateUnder } = simplestFraction(rate);
  const { over: perOver, under: perUnder } = simplestFraction(per);
  const { over: burstOver, under: burstUnder } = simplestFraction(burst);
  // In 1/D us: what a token takes, and what an empty bucket does.
  let D = perUnder * rateOver * burstUnder;
  let token = perOver * 1000n * rateUnder * burstUnder;
  let full = perOver * 1000n * rateUnder * burstOver;
  const common = gcd(gcd(token, full), D);
  [D, token, full] = [D / common, token / common, full / common];
  if (token * 1000n < D || full > LONGEST * D) {
    throw new RangeError(
      `rate, per and burst must let at most 1e9 tokens flow in a second and fill the bucket within 142 years; got rate ${rate}, per ${per / 1000} s and burst ${burst}.`,
    );
  }
  if (D > FINEST) {
    // The whole burst must be there after the time in which it flows in: a rest of it that is cut off is made up for.
    const spare = burstUnder === 1n ? 0n : roundedUp(burstUnder, burstOver);
    token = roundedUp(token * COARSE, D) + spare;
    full = (token * burstOver) / burstUnder;
    D = COARSE;
  }
  const bucket = [String(D), String(full / D), String(full % D)] as const;
  return {
    rate,
    per,
    burst,
    cost(tokens) {
      const { over, under } = simplestFraction(tokens);
      const exact = roundedUp(over * token, under);
      // The cost of a whole burst is a full bucket, also where its rest was cut off.
      const units = exact < full ? exact : full;
      return {
        args: [String(units / D), String(units % D), ...bucket],
        taken: (count) => String((units * BigInt(count)) / D),
      };
    },
    given(tokens) {
      const { over, under } = simplestFraction(tokens);
      const exact = (over * token) / under;
      const units = exact < full ? exact : full;
      return [String(units / D), String(units % D), String(D)];
    },
    tokensIn(left, rest, steps) {
      const isWritten = BigInt(steps) === D;
      // What was written under other limits is rounded as a request would round it.
      const missing = isWritten ? BigInt(left) * D + BigInt(rest) : BigInt(left + Math.sign(rest)) * D;
      const there = missing < full ? full - missing : 0n;
      return Number(there / token) + Number(there % token) / Number(token);
    },
  };
}
