import { type ExactCost, exactLimits, type ExactLimits, type SharedLimits } from "./limits.js";

/** What one request takes from every tier. */
export interface TieredCost {
  readonly tokens: number;
  readonly limits: TieredLimits;
  /** The take script's arguments before the counts. */
  readonly args: readonly string[];
  /** What `count` such requests took from each tier, as the give-back script wants it. */
  taken(count: number): readonly string[];
  /** What one such request has not used of it, if it has used only so many tokens. */
  unused(used: number): readonly string[];
}

/** How many costs are kept with their arguments. */
const KEPT = 100;

/** The limits of a request: one bucket, or several that all must have the tokens. */
export class TieredLimits {
  readonly first: SharedLimits;
  readonly tiers: readonly SharedLimits[];
  /** The most that one request can take. */
  readonly burst: number;
  /** Milliseconds in which a token flows in, of the fastest and the slowest tier. */
  readonly fastest: number;
  readonly slowest: number;
  /** Milliseconds in which the slowest bucket fills; no longer wait is the limits' doing. */
  readonly longestWait: number;
  readonly #exact: readonly ExactLimits[];
  readonly #costs = new Map<number, TieredCost>();

  /** @throws RangeError when the limits do not fit into exact integers. */
  constructor(tiers: readonly [SharedLimits, ...SharedLimits[]]) {
    [this.first] = tiers;
    this.tiers = tiers;
    this.#exact = tiers.map(exactLimits);
    const tokenTimes = tiers.map(({ rate, per }) => per / rate);
    this.burst = Math.min(...tiers.map(({ burst }) => burst));
    this.fastest = Math.min(...tokenTimes);
    this.slowest = Math.max(...tokenTimes);
    this.longestWait = Math.max(...tiers.map(({ rate, per, burst }) => (burst * per) / rate));
  }

  /** @param tokens above 0, up to the burst. */
  cost(tokens: number): TieredCost {
    let cost = this.#costs.get(tokens);
    if (cost === undefined) {
      cost = this.#costOf(tokens);
      if (this.#costs.size < KEPT) this.#costs.set(tokens, cost);
    }
    return cost;
  }

  /** What so many tokens are in each tier, as the refill script wants it. */
  given(tokens: number): readonly string[] {
    return this.#exact.flatMap((limits) => limits.given(tokens));
  }

  /** How many tokens all tiers have. @param reply what is missing in each, as the left script tells. */
  tokensIn(reply: readonly number[]): number {
    const tokens = this.#exact.map((limits, tier) => {
      const [left = NaN, rest = NaN, D = NaN] = reply.slice(tier * 3, tier * 3 + 3);
      return limits.tokensIn(left, rest, D);
    });
    return Math.min(...tokens);
  }

  #costOf(tokens: number): TieredCost {
    const costs: readonly ExactCost[] = this.#exact.map((limits) => limits.cost(tokens));
    return {
      tokens,
      limits: this,
      args: [String(costs.length), ...costs.flatMap(({ args }) => args)],
      taken: (count) => costs.map((cost) => cost.taken(count)),
      unused: (used) =>
        costs.map((cost, tier) => {
          const taken = cost.taken(1);
          const kept = used > 0 ? this.#exact[tier]?.cost(used).taken(1) : "0";
          if (kept === "0" || kept === undefined) return used > 0 ? "0" : taken;
          // A microsecond less: what was used may not be a whole number of them.
          const time = BigInt(taken) - BigInt(kept) - 1n;
          return String(time > 0n ? time : 0n);
        }),
    };
  }
}
