/**
 * One bucket in the memory that threads share: a single number, the time at which it will be full, changed by
 * compare-and-swap. A thread takes the turn that comes next, whether it has come or not, so the order is that of the
 * requests of all threads, and a thread that ends while it waits leaves nothing to clean up.
 *
 * All times are whole nanoseconds of one clock. See "Generic Cell Rate Algorithm", ITU-T I.371.
 */

/** Places in the memory. */
export const FULL = 0;
export const TOKEN = 1;
export const CAPACITY = 2;
export const CELLS = 3;

/** Later than any turn; sums with it stay within 64 bits. */
export const NEVER: bigint = 2n ** 61n;

/** A hundred years, in milliseconds: the longest time to fill. */
const LONGEST = 36_525 * 86_400_000;

/** The shortest interval of tokens, in milliseconds. */
const SHORTEST = 1e-6;

/**
 * The memory of a full bucket.
 *
 * @param per milliseconds.
 * @throws RangeError when more than 10⁹ tokens flow in a second, or the bucket takes longer than 100 years to fill.
 */
export function newMemory(rate: number, per: number, burst: number): SharedArrayBuffer {
  const interval = per / rate;
  if (interval < SHORTEST || !(interval * Math.max(1, burst) <= LONGEST)) {
    throw new RangeError(
      `rate, per and burst must let at most 1e9 tokens flow in a second and fill the bucket within 100 years; got rate ${rate}, per ${per / 1000} s and burst ${burst}.`,
    );
  }
  const memory = new SharedArrayBuffer(CELLS * 8);
  const cells = new BigInt64Array(memory);
  // Rounded up, so that a token never comes early. Of a burst with a fraction the capacity is rounded down, and the whole
  // of it must not flow in earlier than it should.
  const isWhole = Number.isInteger(burst);
  const token = BigInt(Math.ceil(interval * 1e6) + (isWhole ? 0 : Math.ceil(1 / burst)));
  cells[TOKEN] = token;
  cells[CAPACITY] = isWhole ? BigInt(burst) * token : BigInt(Math.floor(Number(token) * burst));
  return memory;
}

/** How long so many tokens take to flow in. A whole burst costs a full bucket, also where a fraction was rounded. */
export function timeOf(cost: number, token: bigint, capacity: bigint): bigint {
  const time = Number.isInteger(cost) ? BigInt(cost) * token : BigInt(Math.ceil(Number(token) * cost));
  return time < capacity ? time : capacity;
}

/**
 * Takes the next turn unless it comes after `latest`, and tells when it comes; not after `now`: the tokens are there.
 *
 * @param time of its tokens.
 */
export function takeTurn(
  cells: BigInt64Array,
  time: bigint,
  capacity: bigint,
  now: bigint,
  latest: bigint,
): bigint {
  for (;;) {
    const before = Atomics.load(cells, FULL);
    const full = (before > now ? before : now) + time;
    const turn = full - capacity;
    if (turn > latest || Atomics.compareExchange(cells, FULL, before, full) === before) return turn;
  }
}

/** Gives a turn back that nobody stands behind; the tokens of any other stay unused. */
export function giveTurnBack(cells: BigInt64Array, time: bigint, capacity: bigint, turn: bigint): void {
  Atomics.compareExchange(cells, FULL, turn + capacity, turn + capacity - time);
}
