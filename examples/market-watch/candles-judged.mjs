// @ts-check
// Judges the candles: those that the exchange closed against those in the program's file.
import { plural } from "../trading-bot/summary.mjs";

/**
 * @typedef {import("./story.mjs").MarketStory} Story
 * @typedef {import("../trading-bot/summary.mjs").Promised} Promised
 * @typedef {import("./candle-store.mjs").Candle & { via: string }} Stored
 */

/** @param {Story} story @param {readonly Stored[]} stored @returns {Promised} */
export function allStored({ closedCandles }, stored) {
  const kept = new Map(stored.map(({ symbol, time, close }) => [`${symbol} ${time}`, close]));
  let lost = 0;
  let wrong = 0;
  for (const [symbol, time, close] of closedCandles) {
    const found = kept.get(`${symbol} ${time}`);
    if (found === undefined) lost++;
    else if (found !== close) wrong++;
  }
  const twice = stored.length - kept.size;
  const unknown = kept.size - (closedCandles.length - lost);
  return {
    title: "Every candle is stored, once",
    held: closedCandles.length > 0 && lost + wrong + twice + unknown === 0,
    facts: [
      `exchange: ${closedCandles.length} closed; program: ${stored.length} stored`,
      `lost ${lost}, stored twice ${twice}, with another price ${wrong}, unknown to the exchange ${unknown}`,
    ],
  };
}

/** @param {Story} story @param {readonly Stored[]} stored @returns {Promised} */
export function gapsFilled(story, stored) {
  const { stream, rest } = story.exchange;
  const found = story.sum(({ gaps }) => gaps.gaps);
  const filled = story.sum(({ gaps }) => gaps.filled);
  const byRest = stored.filter(({ via }) => via === "rest").length;
  const unsent = story.closedCandles.length - stream.candles;
  return {
    title: "Each gap of the stream is filled by REST",
    // What was sent into a connection that was lost must come by REST as well.
    held: found === filled && story.main.gaps.open === 0 && byRest >= unsent && byRest <= rest.candles,
    facts: [
      `${plural(found, "gap")} found, ${filled} filled`,
      `stored: ${stored.length - byRest} by the stream, ${byRest} by REST; sent to nobody: ${unsent}`,
    ],
  };
}
