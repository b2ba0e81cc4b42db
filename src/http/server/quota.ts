import { KeyedRateLimiter } from "../../rate-limiter/keyed-rate-limiter.js";
import { Moment } from "./moment.js";
import type { RateLimitSettings } from "./options.js";
import { ItemWriter } from "./item-writer.js";
import type { RequestLimiter, RequestReservation } from "./request-limiter.js";

/** How much there is of a quota. */
export interface QuotaLimits {
  readonly rate: number;
  /** In seconds. */
  readonly per: number;
  readonly burst: number;
}

/** A limit as responses tell it. */
export interface Quota<Limiter extends RequestLimiter = RequestLimiter> {
  readonly name: string;
  /** Its item in `RateLimit`. */
  readonly item: ItemWriter;
  readonly limiter: Limiter;
  /** Those of a limiter that is given may change. */
  readonly limits: QuotaLimits;
}

/** What is known of a quota after a request. */
export interface Standing {
  readonly quota: Quota;
  /** How many requests of this cost are left. */
  readonly remaining: number;
  /** How many requests of this cost there are at most. */
  readonly most: number;
  /** Seconds until the bucket is full; for a quota that refused, until the request would be admitted. */
  readonly seconds: number;
}

/** What the quotas say of a request. */
export interface Outcome {
  /** Those that refused it; none: it is admitted. */
  readonly refused: readonly Quota[];
  readonly standings: readonly Standing[];
  /** Seconds; 0 if it is admitted, Infinity: never. */
  readonly retryAfter: number;
  readonly reservations: readonly RequestReservation[];
}

/** The quota of a limiter that is given. */
export function quotaOf(limiter: RequestLimiter): Quota {
  const given: unknown = limiter.name;
  // It may have characters that a field cannot.
  const name = typeof given === "string" ? given.replaceAll(/[^\x20-\x7e]/g, "?") : "default";
  return { name, item: new ItemWriter(name), limiter, limits: limiter };
}

/** Tokens in a second. */
const flowOf = ({ rate, per }: Pick<QuotaLimits, "rate" | "per">): number => rate / per;

/**
 * How many requests are left, by how long the bucket takes to be full.
 *
 * @param unit what each costs, at least 1.
 */
export function remainingOf(
  limits: QuotaLimits,
  unit: number,
  untilFull: number,
  flow: number = flowOf(limits),
): number {
  // What a pause adds to the time is no missing token, but may not be used either.
  const tokens = untilFull === 0 ? limits.burst : Math.max(0, limits.burst - untilFull * flow);
  // The tolerance is for tokens computed from a time: of 3 tokens, 3 are left and not 2.9999999.
  return Math.floor(tokens / unit + 1e-9);
}

/** How a quota stands, by how long its bucket takes to be full: that all kinds of limiters tell. */
function standing(quota: Quota, cost: number, untilFull: number, flow?: number): Standing {
  const { limits } = quota;
  const unit = Math.max(cost, 1);
  const remaining = remainingOf(limits, unit, untilFull, flow);
  return { quota, remaining, most: Math.floor(limits.burst / unit), seconds: untilFull };
}

const refusal = (quota: Quota, cost: number, seconds: number): Standing => ({
  quota,
  remaining: 0,
  most: Math.floor(quota.limits.burst / Math.max(cost, 1)),
  seconds,
});

const NONE: readonly never[] = [];

function refusedBy(standings: readonly Standing[]): Outcome {
  const retryAfter = standings.reduce((longest, { seconds }) => Math.max(longest, seconds), 0);
  return { refused: standings.map(({ quota }) => quota), standings, retryAfter, reservations: NONE };
}

/** A request that its only quota has admitted. */
export const admittedBy = (quota: Quota, cost: number, untilFull: number): Outcome => ({
  refused: NONE,
  standings: [standing(quota, cost, untilFull)],
  retryAfter: 0,
  reservations: NONE,
});

/** The quotas of this process: a request takes its tokens from all of them, or from none. */
export class OwnQuotas {
  readonly quotas: readonly Quota<KeyedRateLimiter>[];
  readonly #moment: Moment;
  readonly #only: Quota<KeyedRateLimiter> | undefined;

  /** @param settings checked options. */
  constructor({ limits = [], maxKeys, clock: given }: RateLimitSettings) {
    const clock = new Moment(given);
    this.#moment = clock;
    this.quotas = limits.map(({ name, rate, per: milliseconds, burst = Math.max(1, rate) }) => {
      const per = milliseconds / 1000;
      const limiter = new KeyedRateLimiter({ name, rate, per, burst, maxKeys, onFull: "evict", clock });
      return { name, item: new ItemWriter(name), limiter, limits: { rate, per, burst } };
    });
    this.#only = this.quotas.length === 1 ? this.quotas[0] : undefined;
  }

  /** @param isSettled whether it will be told how much was really used. */
  ask(key: string, cost: number, isSettled: boolean): Outcome {
    this.#moment.hold();
    try {
      const only = this.#only;
      // Taken at once, which is the usual end of it.
      return only !== undefined && !isSettled && cost > 0 && cost <= only.limits.burst
        ? this.#askOnly(only, key, cost)
        : this.#askAll(key, cost, isSettled);
    } finally {
      this.#moment.release();
    }
  }

  #askOnly(only: Quota<KeyedRateLimiter>, key: string, cost: number): Outcome {
    const { limiter, limits } = only;
    if (limiter.tryAcquire(key, cost)) {
      return admittedBy(only, cost, limiter.timeUntilToken(key, limits.burst));
    }
    return refusedBy([refusal(only, cost, limiter.timeUntilToken(key, cost))]);
  }

  #askAll(key: string, cost: number, isSettled: boolean): Outcome {
    const reservations: RequestReservation[] = [];
    if (cost > 0) {
      const refusals = this.quotas.flatMap((quota) => {
        const { limiter, limits } = quota;
        if (cost > limits.burst) return [refusal(quota, cost, Infinity)];
        const wait = limiter.timeUntilToken(key, cost);
        // It refuses now, which is counted and told.
        return wait > 0 && !limiter.tryAcquire(key, cost) ? [refusal(quota, cost, wait)] : [];
      });
      if (refusals.length > 0) return refusedBy(refusals);
      // It is the same moment, so none of them refuses now.
      for (const { limiter } of this.quotas) {
        if (isSettled) reservations.push(limiter.reserve(key, cost, { timeout: 0 }));
        else limiter.tryAcquire(key, cost);
      }
    }
    const standings = this.quotas.map((quota) => this.#now(quota, key, cost));
    return { refused: NONE, standings, retryAfter: 0, reservations };
  }

  /** How a quota stands. */
  #now(quota: Quota<KeyedRateLimiter>, key: string, cost: number): Standing {
    return standing(quota, cost, quota.limiter.timeUntilToken(key, quota.limits.burst));
  }
}

/** A time that a limiter has told; Infinity for what is none. */
const timeOf = (told: unknown): number => (typeof told === "number" && told >= 0 ? told : Infinity);

/** The code and the wait of an error, of whichever copy of the package. */
function refusalOf(error: unknown): { readonly code: unknown; readonly wait: number } {
  const { code, retryAfter } = (error ?? {}) as { readonly code?: unknown; readonly retryAfter?: unknown };
  return { code, wait: timeOf(retryAfter) };
}

/** Takes tokens of a limiter. @returns for how many seconds it refuses, or what was taken. */
async function take(
  limiter: RequestLimiter,
  key: string,
  cost: number,
  isSettled: boolean,
): Promise<number | readonly RequestReservation[]> {
  try {
    if (isSettled && limiter.reserve) return [await limiter.reserve(key, cost, { timeout: 0 })];
    if (await limiter.tryAcquire(key, cost)) return NONE;
    return timeOf(await limiter.timeUntilToken(key, cost));
  } catch (error) {
    const { code, wait } = refusalOf(error);
    // The key may have a burst of its own, or no room be left for it.
    if (code === "ERR_RATE_LIMIT_COST") return Infinity;
    if (code === "ERR_RATE_LIMIT_EXCEEDED") return wait;
    throw error;
  }
}

/** Where a bucket stands, if the limiter can tell: one with a smaller burst of its own cannot. */
async function standingOf(quota: Quota, key: string, cost: number): Promise<readonly Standing[]> {
  try {
    const { limiter, limits } = quota;
    const untilFull = timeOf(await limiter.timeUntilToken(key, limits.burst));
    // A key with limits of its own may have fewer tokens than those of all keys would have by then. A shared limiter, which
    // tells its tiers, has no such keys, and each question is a round trip.
    const left = limiter.tiers === undefined ? await limiter.tokens?.(key) : undefined;
    const tokens = Math.floor((left ?? Infinity) / Math.max(cost, 1));
    // Which of several buckets it is that is not full is not known, so that it is the fastest.
    const told = standing(quota, cost, untilFull, Math.max(...(limiter.tiers ?? [limits]).map(flowOf)));
    const remaining = untilFull === Infinity ? tokens : Math.min(told.remaining, tokens);
    return Number.isFinite(remaining) ? [{ ...told, remaining }] : NONE;
  } catch {
    // The request was admitted; responses need not tell.
    return NONE;
  }
}

/**
 * Asks a limiter that may be elsewhere.
 *
 * @param isTold whether the response tells how the quota stands.
 * @throws what the limiter throws when it fails.
 */
export async function askLimiter(
  quota: Quota,
  key: string,
  cost: number,
  isSettled: boolean,
  isTold: boolean,
): Promise<Outcome> {
  let reservations: readonly RequestReservation[] = NONE;
  if (cost > 0) {
    const taken = await take(quota.limiter, key, cost, isSettled);
    if (typeof taken === "number") return refusedBy([refusal(quota, cost, taken)]);
    reservations = taken;
  }
  const standings = isTold ? await standingOf(quota, key, cost) : NONE;
  return { refused: NONE, standings, retryAfter: 0, reservations };
}
