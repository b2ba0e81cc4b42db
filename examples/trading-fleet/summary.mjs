// @ts-check
// Judges a story: what was promised for all bots together, what happened, and whether they agree.
import { plural } from "../trading-bot/summary.mjs";
import { oneProbe, othersSpared } from "./circuit-judged.mjs";
import { keptAfterwards, keptTogether, limitUsed, nobodyHeldUp } from "./limit-judged.mjs";

/**
 * @typedef {import("./story.mjs").FleetStory} Story
 * @typedef {import("../trading-bot/summary.mjs").Promised} Promised
 */

/** 128 + the number of the signal: ended by SIGTERM, and everything went well. */
const EXIT_AFTER_SIGTERM = process.platform === "win32" ? 0 : 143;

/** @param {Story} story @returns {Promised} */
function nothingLost({ survivors, requests }) {
  const sums = { asked: 0, granted: 0, spared: 0, sent: 0, seen: 0, noAnswer: 0 };
  let held = survivors.length > 0;
  for (const [bot, { status, report }] of survivors) {
    if (report === undefined || status === undefined) held = false;
    if (status === undefined) continue;
    const seen = requests.filter((request) => request.bot === bot).length;
    const missing = status.sent - seen;
    // The exchange may not have read a request that the bot gave up.
    if (status.asked !== status.granted || status.granted !== status.spared + status.sent) held = false;
    if (missing < 0 || missing > status.noAnswer) held = false;
    if (status.sent !== status.answered + status.failed + status.noAnswer) held = false;
    for (const [name, value] of Object.entries({ ...status, seen })) {
      if (name in sums) sums[/** @type {keyof typeof sums} */ (name)] += value;
    }
  }
  return {
    title: "No call is lost, and both sides count the same",
    held,
    facts: [
      `${sums.asked} tokens asked for, ${sums.granted} given; ${sums.spared} calls refused by the circuit, ${sums.sent} sent`,
      `the exchange saw ${sums.seen}; ${sums.noAnswer} had no answer in time`,
    ],
  };
}

/** @param {Story} story @returns {Promised} */
function allSeen({ bots, survivors, registry }) {
  const names = survivors.map(([bot]) => bot);
  const missed = [...bots.values()].reduce((sum, { status }) => sum + (status?.missedBeats ?? 0), 0);
  const seen = names.filter((bot) => registry.joined.has(bot) && registry.stopped.has(bot));
  return {
    title: "The registry knows who is alive, and who stopped in order",
    held: seen.length === names.length && registry.lost.every((bot) => !names.includes(bot)),
    facts: [
      `${registry.joined.size} joined, ${registry.stopped.size} stopped, ${registry.lost.length} lost`,
      `${plural(missed, "beat")} missed while Redis did not answer`,
    ],
  };
}

/** @param {Story} story @returns {Promised} */
function shutDownInOrder({ bots }) {
  const all = [...bots.values()];
  return {
    title: "SIGTERM ends each in order",
    held: all.every(({ exit, report }) => exit === EXIT_AFTER_SIGTERM && report?.ok === true),
    facts: [
      [...bots]
        .map(
          ([bot, { exit, report }]) =>
            `${bot}: exit code ${exit}${report === undefined ? ", no report" : ""}`,
        )
        .join(", "),
    ],
  };
}

/** @param {Story} story @returns {Promised[]} */
export function judge(story) {
  if (story.requests.length === 0) {
    return [
      {
        title: "The demo starts",
        held: story.interrupted ? undefined : false,
        facts: ["no request reached the exchange"],
      },
    ];
  }
  return [
    keptTogether(story),
    limitUsed(story),
    othersSpared(story),
    oneProbe(story),
    nobodyHeldUp(story),
    keptAfterwards(story),
    nothingLost(story),
    allSeen(story),
    shutDownInOrder(story),
  ];
}
