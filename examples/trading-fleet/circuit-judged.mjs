// @ts-check
// Judges whether an outage found by one bot spared the others, and whether one probe at a time ended it.
import { plural } from "../trading-bot/summary.mjs";
import { mostAtOnce } from "./bound.mjs";
import { median, ms, worst } from "./figures.mjs";
import { CIRCUIT, SPREAD_MS } from "./settings.mjs";
import { openings } from "./timeline.mjs";

/**
 * @typedef {import("./story.mjs").FleetStory} Story
 * @typedef {import("../trading-bot/summary.mjs").Promised} Promised
 */

/** @param {Story} story @returns {Promised} */
export function othersSpared({ marks, end, requests, bots, outages }) {
  const found = openings(marks, end);
  const known = found.flatMap((opening) => [...opening.known.values()].filter((later) => later > 0));
  const first = found.filter(({ isFirst }) => isFirst);
  // What is sent while the circuit is open was sent by a bot that did not know it; how long it was on its way is another matter.
  const late = found.flatMap(({ at, until }) =>
    requests.filter(({ sent, arrived }) => sent > at && arrived < until).map(({ sent }) => sent - at),
  );
  const everybodyKnows = first.every(({ at, known: { size } }) => {
    const gone = marks.filter((mark) => mark.kind === "ended" && mark.at < at + SPREAD_MS);
    return size >= bots.size - gone.length;
  });
  const spared = [...bots.values()].reduce((sum, { status }) => sum + (status?.spared ?? 0), 0);
  const heldUp = worst([...bots.values()].map(({ status }) => status?.heldUp ?? 0));
  return {
    title: `An outage found by one spares the others within ${SPREAD_MS} ms`,
    held:
      outages === 0
        ? undefined
        : first.length === outages &&
          everybodyKnows &&
          known.length > 0 &&
          [...known, ...late].every((later) => later <= SPREAD_MS),
    facts: [
      `${plural(outages, "outage")}, ${first.length} opened the circuit; it opened ${plural(found.length, "time")} in all`,
      `the others knew after ${ms(median(known))} (median of ${known.length}), at the latest after ${ms(worst(known))}`,
      late.length === 0
        ? `the exchange saw no request that was sent after an opening; ${spared} calls were spared`
        : `the exchange saw ${plural(late.length, "request")} sent after an opening, the last ${ms(worst(late))} after; ${spared} calls were spared`,
      `the machine held a bot up for ${ms(heldUp)} at most`,
    ],
  };
}

/** @param {Story} story @returns {Promised} */
export function oneProbe({ marks, end, requests, circuitIsClosed, interrupted }) {
  const troubles = openings(marks, end)
    .filter(({ isFirst }) => isFirst)
    .map(({ at, known }) => {
      const closing = marks.filter((mark) => mark.kind === "circuit" && mark.to === "closed" && mark.at > at);
      return {
        from: at + Math.max(SPREAD_MS, ...known.values()),
        to: Math.min(end, ...closing.map((mark) => mark.at)),
      };
    });
  const probes = troubles.map(({ from, to }) =>
    requests.filter(({ sent, arrived }) => sent >= from && arrived <= to),
  );
  const count = probes.flat().length;
  const most = Math.max(0, ...probes.map(mostAtOnce));
  return {
    title: "One probe at a time asks whether it is over",
    held:
      count === 0 || (interrupted && !circuitIsClosed)
        ? undefined
        : most === CIRCUIT.halfOpenMaxCalls && circuitIsClosed,
    facts: [
      `${plural(count, "probe")} of all bots in ${plural(troubles.length, "outage")}, at most ${most} under way at once`,
      `${probes.flat().filter(({ status }) => status === 200).length} succeeded; the circuit is ${circuitIsClosed ? "closed for all" : "not closed for all"}`,
    ],
  };
}
