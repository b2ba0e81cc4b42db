import { REDUCED_CAPACITY } from "./problem.js";
import type { RequestReservation } from "./request-limiter.js";
import type { Field } from "./response-fields.js";

/** What a request gets. */
export interface Verdict {
  /** Of the refusal; `undefined`: it may go on. */
  readonly status: 429 | 503 | undefined;
  readonly fields: readonly Field[];
  /** Problem details of a refusal. */
  readonly body: string;
  readonly reservations: readonly RequestReservation[];
}

export const UNLIMITED: Verdict = { status: undefined, fields: [], body: "", reservations: [] };

export const UNAVAILABLE: Verdict = {
  status: 503,
  fields: [["retry-after", "1"]],
  body: REDUCED_CAPACITY,
  reservations: [],
};
