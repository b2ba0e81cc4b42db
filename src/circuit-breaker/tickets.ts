import type { Ticket } from "./machine.js";

/** What settles the promise of an admitted call. */
export interface Handlers {
  readonly era: number;
  readonly fulfilled: <Value>(value: Value) => Value;
  readonly rejected: (error: unknown) => never;
}

/** The start of a call whose duration does not matter. */
export const UNTIMED: number = -1;

/** The ticket of a call in mode "off". */
export const OFF: Ticket = Object.freeze({ kind: "closed", era: -1, failures: 0, counter: undefined });

/** The ticket of a call that would be refused: it belongs to no era, so only the totals count it. */
export const OBSERVED: Ticket = Object.freeze({ kind: "closed", era: -2, failures: 0, counter: undefined });
