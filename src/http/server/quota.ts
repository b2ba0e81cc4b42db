import { KeyedRateLimiter } from "../../rate-limiter/keyed-rate-limiter.js";
import type { RateLimitSettings } from "./options.js";
import type { RequestLimiter, RequestReservation } from "./request-limiter.js";

/** A limit as responses tell it. */
export interface Quota<Limiter extends RequestLimiter = RequestLimiter> {
  readonly name: string;
  readonly limiter: Limiter;
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

/** The quotas of this process, from checked options. */
export function ownQuotas({
  limits = [],
  maxKeys,
  clock,
}: RateLimitSettings): readonly Quota<KeyedRateLimiter>[] {
  return limits.map(({ name, rate, per, burst = Math.max(1, rate) }) => ({
    name,
    limiter: new KeyedRateLimiter({ name, rate, per: per / 1000, burst, maxKeys, onFull: "evict", clock }),
  }));
}

/** How a quota stands, by how long its bucket takes to be full: that both kinds of limiters tell. */
function standing(quota: Quota, cost: number, untilFull: number): Standing {
  const { rate, per, burst } = quota.limiter;
  const unit = Math.max(cost, 1);
  // What a pause adds to the time is no missing token, but may not be used either.
  const tokens = untilFull === 0 ? burst : Math.max(0, burst - (untilFull * rate) / per);
  // The tolerance is for tokens computed from a time: of 3 tokens, 3 are left and not 2.9999999.
  const remaining = Math.floor(tokens / unit + 1e-9);
  return { quota, remaining, most: Math.floor(burst / unit), seconds: untilFull };
}

const refusal = (quota: Quota, cost: number, seconds: number): Standing => ({
  quota,
  remaining: 0,
  most: Math.floor(quota.limiter.burst / Math.max(cost, 1)),
  seconds,
});

const NONE: readonly never[] = [];

function refusedBy(standings: readonly Standing[]): Outcome {
  const retryAfter = standings.reduce((longest, { seconds }) => Math.max(longest, seconds), 0);
  return { refused: standings.map(({ quota }) => quota), standings, retryAfter, reservations: NONE };
}

/** How a quota of this process stands. */
const now = (quota: Quota<KeyedRateLimiter>, key: string, cost: number): Standing =>
  standing(quota, cost, quota.limiter.timeUntilToken(key, quota.limiter.burst));

/** Asks the quotas of this process: a request takes its tokens from all of them, or from none. */
export function askOwn(
  quotas: readonly Quota<KeyedRateLimiter>[],
  key: string,
  cost: number,
  isSettled: boolean,
): Outcome {
  const [only] = quotas;
  // Taken at once, which is the usual end of it.
  if (quotas.length === 1 && only !== undefined && !isSettled && cost > 0 && cost <= only.limiter.burst) {
    if (only.limiter.tryAcquire(key, cost)) {
      return { refused: NONE, standings: [now(only, key, cost)], retryAfter: 0, reservations: NONE };
    }
    return refusedBy([refusal(only, cost, only.limiter.timeUntilToken(key, cost))]);
  }
  const reservations: RequestReservation[] = [];
  if (cost > 0) {
    const refusals = quotas.flatMap((quota) => {
      const { limiter } = quota;
      const wait = cost > limiter.burst ? Infinity : limiter.timeUntilToken(key, cost);
      return wait > 0 ? [refusal(quota, cost, wait)] : [];
    });
    if (refusals.length > 0) return refusedBy(refusals);
    // Nothing comes in between, so none of them refuses now.
    for (const { limiter } of quotas) {
      if (isSettled) reservations.push(limiter.reserve(key, cost, { timeout: 0 }));
      else limiter.tryAcquire(key, cost);
    }
  }
  const standings = quotas.map((quota) => now(quota, key, cost));
  return { refused: NONE, standings, retryAfter: 0, reservations };
}

/** The code and the wait of an error, of whichever copy of the package. */
function refusalOf(error: unknown): { readonly code: unknown; readonly wait: number } {
  const { code, retryAfter } = (error ?? {}) as { readonly code?: unknown; readonly retryAfter?: unknown };
  return { code, wait: typeof retryAfter === "number" ? retryAfter : Infinity };
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
    return await limiter.timeUntilToken(key, cost);
  } catch (error) {
    const { code, wait } = refusalOf(error);
    // The key may have a burst of its own, or no room be left for it.
    if (code === "ERR_RATE_LIMIT_COST") return Infinity;
    if (code === "ERR_RATE_LIMIT_EXCEEDED") return wait;
    throw error;
  }
}

/** Where a bucket stands, if the limiter can tell: one with a burst of its own may not. */
async function standingOf(quota: Quota, key: string, cost: number): Promise<readonly Standing[]> {
  try {
    const { limiter } = quota;
    return [standing(quota, cost, await limiter.timeUntilToken(key, limiter.burst))];
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
    const { limiter } = quota;
    const taken = cost > limiter.burst ? Infinity : await take(limiter, key, cost, isSettled);
    if (typeof taken === "number") return refusedBy([refusal(quota, cost, taken)]);
    reservations = taken;
  }
  const standings = isTold ? await standingOf(quota, key, cost) : NONE;
  return { refused: NONE, standings, retryAfter: 0, reservations };
}
