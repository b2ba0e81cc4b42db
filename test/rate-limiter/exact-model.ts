/** The smallest double is 2^-1074; products of two have twice as many places. */
const PLACES = 1074;

/** A double as a whole number of the smallest: nothing is lost. */
function fixed(value: number): bigint {
  let whole = value;
  let places = 0;
  for (; !Number.isInteger(whole); whole *= 2) places++;
  return BigInt(whole) << BigInt(PLACES - places);
}

/** A token bucket in rational arithmetic: the textbook's time of being full, times the rate. */
export class ExactBucket {
  readonly #rate: bigint;
  readonly #per: bigint;
  readonly #burst: bigint;
  #full: bigint | undefined;

  constructor(rate: number, per: number, burst: number) {
    this.#rate = fixed(rate);
    this.#per = fixed(per);
    this.#burst = fixed(burst);
  }

  /** By how much of a token the request has too few (above 0) or more than it needs, and of how many. */
  lack(cost: number, now: number): { readonly lacks: boolean; readonly margin: number } {
    const lack = this.#after(cost, now) - fixed(now) * this.#rate - this.#burst * this.#per;
    return { lacks: lack > 0n, margin: Number((lack << 200n) / (this.#per << BigInt(PLACES))) / 2 ** 200 };
  }

  take(cost: number, now: number): void {
    this.#full = this.#after(cost, now);
  }

  #after(cost: number, now: number): bigint {
    const time = fixed(now) * this.#rate;
    const from = this.#full === undefined || this.#full < time ? time : this.#full;
    return from + fixed(cost) * this.#per;
  }
}

/** The double before: what a clock can have shown last. */
export function nextDown(value: number): number {
  if (value === 0) return -Number.MIN_VALUE;
  const bits = new BigInt64Array(1);
  const doubles = new Float64Array(bits.buffer);
  doubles[0] = value;
  bits[0] = (bits[0] ?? 0n) - (value > 0 ? 1n : -1n);
  return doubles[0] ?? 0;
}
