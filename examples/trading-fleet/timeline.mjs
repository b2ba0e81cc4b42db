// @ts-check
// When what was the case: the marks that all processes set on one clock, read in the order of their times.

/**
 * @typedef {{ at: number } & (
 *   | { kind: "phase", fault: string }
 *   | { kind: "circuit", bot: string, to: string }
 *   | { kind: "store", bot: string, isUp: boolean }
 *   | { kind: "ended", bot: string }
 * )} Mark
 * @typedef {{ fault: string, circuits: Map<string, string>, cutOff: Set<string> }} State
 * @typedef {{ from: number, to: number }} Span milliseconds on the clock of all
 */

/** What a bot knew that is gone says nothing any more. @param {State} state @param {string} bot */
function forget({ circuits, cutOff }, bot) {
  circuits.delete(bot);
  cutOff.delete(bot);
}

/** What was the case after each mark. @param {readonly Mark[]} marks */
export function* states(marks) {
  /** @type {State} */
  const state = { fault: "", circuits: new Map(), cutOff: new Set() };
  for (const mark of marks.toSorted((a, b) => a.at - b.at)) {
    if (mark.kind === "phase") state.fault = mark.fault;
    else if (mark.kind === "circuit") state.circuits.set(mark.bot, mark.to);
    else if (mark.kind === "ended") forget(state, mark.bot);
    else if (mark.isUp) state.cutOff.delete(mark.bot);
    else state.cutOff.add(mark.bot);
    yield { mark, state };
  }
}

/** The spans in which it held. @param {readonly Mark[]} marks @param {number} end @param {(state: State) => boolean} holds */
export function spans(marks, end, holds) {
  /** @type {Span[]} */
  const found = [];
  let from;
  for (const { mark, state } of states(marks)) {
    const held = holds(state);
    if (held) from ??= mark.at;
    if (held || from === undefined) continue;
    found.push({ from, to: mark.at });
    from = undefined;
  }
  if (from !== undefined) found.push({ from, to: end });
  return found;
}

/** All bots share the limit: Redis answers, and all have noticed. @param {State} state */
export function isShared({ fault, cutOff }) {
  return fault !== "" && fault !== "stopped" && cutOff.size === 0;
}

/** Nothing but the limit holds the bots back. @param {State} state */
export function isUp(state) {
  return (
    isShared(state) && state.fault === "none" && [...state.circuits.values()].every((to) => to === "closed")
  );
}

/**
 * An opening of the circuit.
 *
 * @typedef {object} Opening
 * @property {number} at when the first bot knew
 * @property {boolean} isFirst the circuit was closed before: an outage was found, or found again
 * @property {Map<string, number>} known by bot, how many milliseconds after the first it knew
 * @property {number} until when the first probe was allowed, or the circuit closed
 */

/** @param {readonly Mark[]} marks @param {number} end @returns {Opening[]} */
export function openings(marks, end) {
  /** @type {Opening[]} */
  const found = [];
  /** @type {Opening | undefined} */
  let latest;
  let isClosed = true;
  for (const { mark } of states(marks)) {
    if (mark.kind !== "circuit") continue;
    const { at, bot, to } = mark;
    if (to === "closed") isClosed = true;
    if (to !== "open") {
      // What a bot tells that did not know yet is about the time before.
      if (latest === undefined || !latest.known.has(bot)) continue;
      latest.until = at;
      latest = undefined;
    } else if (latest === undefined) {
      latest = { at, isFirst: isClosed, known: new Map([[bot, 0]]), until: end };
      found.push(latest);
      isClosed = false;
    } else if (!latest.known.has(bot)) {
      latest.known.set(bot, at - latest.at);
    }
  }
  return found;
}
