import type { KeyPlace } from "../../rate-limiter/key-index.js";
import type { KeyedRateLimiter } from "../../rate-limiter/keyed-rate-limiter.js";
import { whole } from "./item-writer.js";
import { admittedBy, type Quota, remainingOf } from "./quota.js";
import type { ResponseFields } from "./response-fields.js";
import { UNLIMITED, type Verdict } from "./verdict.js";

/** How many verdicts are kept: most clients are at the same few places of their quota. A power of two. */
const KEPT = 256;

interface Kept {
  readonly remaining: number;
  /** Whole seconds until the bucket is full. */
  readonly seconds: number;
  readonly verdict: Verdict;
}

/** The short way of most requests: they cost 1, and the only quota there is admits them. */
export class UsualVerdicts {
  readonly #quota: Quota<KeyedRateLimiter>;
  readonly #fields: ResponseFields;
  readonly #kept: Kept[];

  /** @param fields such as depend on nothing but how the quota stands, in whole seconds. */
  constructor(quota: Quota<KeyedRateLimiter>, fields: ResponseFields) {
    this.#quota = quota;
    this.#fields = fields;
    this.#kept = Array.from({ length: KEPT }, () => ({ remaining: -1, seconds: 0, verdict: UNLIMITED }));
  }

  /** Where the bucket of a key is. */
  placeOf(key: string): KeyPlace {
    return this.#quota.limiter.places.of(key);
  }

  /** Takes the token, if it is there. @returns `undefined` where the request is to go the long way. */
  ask(place: KeyPlace): Verdict | undefined {
    const { limiter, limits } = this.#quota;
    const untilFull = limiter.places.takeOne(place);
    if (untilFull < 0) return undefined;
    const remaining = remainingOf(limits, 1, untilFull);
    const seconds = whole(untilFull);
    const slot = (remaining * 31 + seconds) & (KEPT - 1);
    const kept = this.#kept[slot];
    if (kept?.remaining === remaining && kept.seconds === seconds) return kept.verdict;
    const outcome = admittedBy(this.#quota, 1, untilFull);
    const fields = this.#fields.of(outcome, place.key, 1);
    const verdict = { refusal: undefined, fields, reservations: outcome.reservations };
    this.#kept[slot] = { remaining, seconds, verdict };
    return verdict;
  }
}
