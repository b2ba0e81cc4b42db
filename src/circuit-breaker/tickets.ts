import type { Ticket } from "./machine.js";

/** The ticket of a call in mode "off". */
export const OFF: Ticket = Object.freeze({ kind: "closed", era: -1, failures: 0, counter: undefined });

/** The ticket of a call that would be refused: it belongs to no era, so only the totals count it. */
export const OBSERVED: Ticket = Object.freeze({ kind: "closed", era: -2, failures: 0, counter: undefined });
