// @ts-check
// What the bots share, the exchange counts and the summary judges by.

/** Requests a second for all bots together, and as many at once. */
export const LIMIT = { rate: 50, burst: 5 };
/** Three failures in a row, of whichever bots, open the circuit; then nobody asks for a while, and then one alone. */
export const CIRCUIT = { maxFailures: 3, resetTimeout: 0.6, halfOpenMaxCalls: 1 };
/** A request that the exchange does not answer within this time has failed. */
export const REQUEST_TIMEOUT_MS = 250;
/** How long an answer of Redis is waited for, until a bot decides alone. */
export const STORE_TIMEOUT_MS = 250;
/** An outage found by one bot spares the others within this time. */
export const SPREAD_MS = 50;
/** The name under which the bots are listed as alive. */
export const SERVICE = "trading-bot";

/** Milliseconds on a clock that all processes of a machine share, and finer than `Date.now()`. */
export function now() {
  return performance.timeOrigin + performance.now();
}
