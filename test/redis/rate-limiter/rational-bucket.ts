/** A fraction as a test writes it: 1/3 is `[1, 3]`. */
export type Ratio = readonly [over: number, under: number];

export const valueOf = ([over, under]: Ratio): number => over / under;

/** mulberry32: whole numbers from a seeded random. */
export class Draw {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to 1. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  from(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1));
  }

  of<Item>(items: readonly [Item, ...Item[]]): Item {
    return items[this.from(0, items.length - 1)] ?? items[0];
  }
}

/** Something that was granted: when, in microseconds, and at what cost. */
export interface Granted {
  readonly at: number;
  readonly count: number;
  readonly cost: Ratio;
}

/** A token bucket in rational arithmetic, its time in 1/scale microseconds: the textbook's time of being full. */
export class RationalBucket {
  readonly #scale: bigint;
  readonly #token: bigint;
  readonly #capacity: bigint;
  #full = 0n;

  /** @param costs all that a request may cost, so that nothing has to be rounded. */
  constructor(rate: Ratio, per: Ratio, burst: Ratio, costs: readonly Ratio[]) {
    const unders = [burst, ...costs].reduce((product, [, under]) => product * BigInt(under), 1n);
    this.#scale = BigInt(per[1]) * BigInt(rate[0]) * unders;
    this.#token = BigInt(per[0]) * 1000n * BigInt(rate[1]) * unders;
    this.#capacity = (this.#token * BigInt(burst[0])) / BigInt(burst[1]);
  }

  #costOf([over, under]: Ratio): bigint {
    return (this.#token * BigInt(over)) / BigInt(under);
  }

  /** What is still missing for one more request, in 1/scale microseconds; 0 or less: nothing. */
  #lack(cost: Ratio, now: number): bigint {
    const time = BigInt(now) * this.#scale;
    const from = this.#full > time ? this.#full : time;
    return from + this.#costOf(cost) - time - this.#capacity;
  }

  has(cost: Ratio, now: number): boolean {
    return this.#lack(cost, now) <= 0n;
  }

  take(cost: Ratio, now: number): void {
    const time = BigInt(now) * this.#scale;
    this.#full = (this.#full > time ? this.#full : time) + this.#costOf(cost);
  }

  /** How many of n are granted. */
  takeUpTo(n: number, cost: Ratio, now: number): number {
    let taken = 0;
    for (; taken < n && this.has(cost, now); taken++) this.take(cost, now);
    return taken;
  }

  /** Whole microseconds until one more is granted. */
  wait(cost: Ratio, now: number): number {
    const lack = this.#lack(cost, now);
    return lack <= 0n ? 0 : Number((lack + this.#scale - 1n) / this.#scale);
  }

  /** How many windows that begin and end with a grant hold more than `burst + rate * t`. */
  windowsOver(grants: readonly Granted[]): number {
    let over = 0;
    for (const [from, { at: begin }] of grants.entries()) {
      let taken = 0n;
      for (const { at, count, cost } of grants.slice(from)) {
        taken += BigInt(count) * this.#costOf(cost);
        if (taken > this.#capacity + BigInt(at - begin) * this.#scale) over++;
      }
    }
    return over;
  }
}
