// @ts-check
// Judges by what the exchange wrote down whether a limit was kept: never more than burst + rate · t in any window.

/**
 * @typedef {import("./exchange.mjs").Request} Request
 * @typedef {import("./timeline.mjs").Span} Span
 * @typedef {object} Fullest the window that is closest to the limit, or farthest over it
 * @property {number} count of its requests
 * @property {number} allowed in that time
 * @property {number} seconds
 * @property {number} room what is left, negative when over
 * @property {number} windows how many were looked at
 * @property {number} over how many of them are over the limit
 */

/** @param {readonly Request[]} requests @param {Span} span @returns {Request[]} those whose token was asked for and that arrived within it, in the order of their arrivals */
export function within(requests, { from, to }) {
  return requests
    .filter(({ asked, arrived }) => asked >= from && arrived <= to)
    .toSorted((a, b) => a.arrived - b.arrived);
}

/**
 * The fullest of all windows, compared with the limit. A token was given between the moment at which the bot asked for it
 * and the arrival of its request, so that a window counts what was asked for and has arrived within it: on a busy machine,
 * too, it is over the limit only if the tokens were.
 *
 * @param {readonly Request[]} requests as of {@link within} @param {{ rate: number, burst: number }} limit
 * @returns {Fullest | undefined}
 */
export function fullest(requests, { rate, burst }) {
  let found;
  let [windows, over] = [0, 0];
  for (const { asked: from } of requests) {
    let count = 0;
    for (const { asked, arrived } of requests) {
      if (asked < from) continue;
      count++;
      windows++;
      const seconds = (arrived - from) / 1000;
      const most = burst + rate * seconds;
      const room = most - count;
      if (room < 0) over++;
      if (room < (found?.room ?? Infinity)) found = { count, allowed: Math.floor(most), seconds, room };
    }
  }
  return found && { ...found, windows, over };
}

/** The most that were under way at once. @param {readonly Request[]} requests */
export function mostAtOnce(requests) {
  return Math.max(
    0,
    ...requests.map(({ arrived }) => {
      return requests.filter((other) => other.arrived <= arrived && other.ended > arrived).length;
    }),
  );
}
