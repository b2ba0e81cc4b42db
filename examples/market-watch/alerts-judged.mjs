// @ts-check
// Judges what was told: by the alerts of both programs, and by the watchdog service.
import { plural } from "../trading-bot/summary.mjs";
import { tested } from "./tested.mjs";

/**
 * @typedef {import("./story.mjs").MarketStory} Story
 * @typedef {import("../trading-bot/summary.mjs").Promised} Promised
 */

const ILLS = { stale: "stopped", frozen: "poison", dead: "killed" };

/** @param {Story} story @param {import("./webhook.mjs").Webhook["counts"]} webhook @returns {Promised} */
export function alertsArrive(story, { throttled, failed, duringPause }) {
  const { due, arrived, received, service } = story;
  const sum = (/** @type {string} */ name) =>
    story.sum(({ alerts }) => alerts[name]) + (service?.alerts[name] ?? 0);
  const [given, sent, counted, lost] = [
    sum("given"),
    sum("sent"),
    sum("counted"),
    sum("failed") + sum("dropped"),
  ];
  return {
    title: "Every alert arrives, once",
    held:
      due > 0 &&
      given === due &&
      sent + counted === given &&
      arrived === given &&
      lost === 0 &&
      duringPause === 0,
    facts: [
      `to tell: ${due}; programs: ${sent} sent, ${counted} counted in others, ${lost} lost`,
      `webhook: ${plural(received.length, "message")} for ${plural(arrived, "alert")}`,
      `the webhook answered ${throttled} with 429 and ${failed} with 500; ${plural(duringPause, "request")} during a pause`,
    ],
  };
}

/** @param {Story} story @returns {Promised} */
export function toldFromOutside(story) {
  const { unwell, completed } = story;
  const held = Object.entries(ILLS).every(([kind, fault]) => {
    const found = unwell.filter((told) => told.kind === kind);
    const expected = completed.filter((phase) => phase === fault).length;
    return found.length >= expected && found.every(({ recovered }) => recovered);
  });
  return {
    title: "Stale, frozen and dead are told from outside, and recovery",
    held: tested(story, Object.values(ILLS), held),
    facts: [
      unwell
        .slice(-3)
        .map(({ kind, recovered }) => `${kind}${recovered ? " and well again" : ""}`)
        .join(", ") || "nothing was told",
      `${plural(unwell.length, "time")} unwell, ${unwell.filter(({ recovered }) => recovered).length} recoveries`,
    ],
  };
}
