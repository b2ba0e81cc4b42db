import { PROBLEM_TYPE, REDUCED_CAPACITY } from "./problem.js";
import type { RefusalContent, RefusalFacts } from "./refusal.js";
import type { RequestReservation } from "./request-limiter.js";
import type { Field } from "./response-fields.js";

/** An answer in place of the application's. */
export interface Refusal extends RefusalFacts, RefusalContent {
  readonly fields: readonly Field[];
}

/** What a request gets. */
export interface Verdict {
  /** `undefined`: it may go on. */
  readonly refusal: Refusal | undefined;
  /** Those of the response, also of a refusal. */
  readonly fields: readonly Field[];
  readonly reservations: readonly RequestReservation[];
}

export const UNLIMITED: Verdict = { refusal: undefined, fields: [], reservations: [] };

/** There is less capacity than requests need. @param retryAfter in whole seconds. */
export const reducedCapacity = (retryAfter: number): Refusal => ({
  status: 503,
  policies: [],
  retryAfter,
  fields: [["retry-after", String(retryAfter)]],
  contentType: PROBLEM_TYPE,
  body: REDUCED_CAPACITY,
});

const atLimiter = reducedCapacity(1);

export const UNAVAILABLE: Verdict = { refusal: atLimiter, fields: atLimiter.fields, reservations: [] };
