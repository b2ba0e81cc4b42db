// @ts-check
// Judges whether the limit was kept for all bots together, used, and shared again after Redis was stopped.
import { plural } from "../trading-bot/summary.mjs";
import { fullest, within } from "./bound.mjs";
import { ms, worst } from "./figures.mjs";
import { LIMIT, STORE_TIMEOUT_MS } from "./settings.mjs";
import { isShared, isUp, spans } from "./timeline.mjs";

/**
 * @typedef {import("./story.mjs").FleetStory} Story
 * @typedef {import("../trading-bot/summary.mjs").Promised} Promised
 * @typedef {import("./timeline.mjs").Span} Span
 */

const USED_AT_LEAST = 0.95;
/** After a change all bots know of, milliseconds until they wait for tokens again. */
const SETTLED_AFTER_MS = 300;
/** What is looked at before and after a stop, in milliseconds. */
const AROUND_MS = 1000;
/** Milliseconds by which a busy machine may hold a bot up. */
const TOLERANCE_MS = 50;

/** @param {Story} story */
function stops(story) {
  return spans(story.marks, story.end, ({ fault }) => fault === "stopped");
}

/** Those that were not interrupted. @param {Story} story */
function wholeStops(story) {
  return stops(story).filter(({ to }) => to < story.end);
}

/** @param {Story} story @param {string} title @param {readonly Span[]} found @param {string[]} facts @returns {Promised} */
function limitKept(story, title, found, facts) {
  const full = found
    .map((span) => fullest(within(story.requests, span), LIMIT))
    .filter((window) => window !== undefined);
  const [closest] = full.toSorted((a, b) => a.room - b.room);
  if (closest === undefined) return { title, held: undefined, facts: ["no request"] };
  const windows = full.reduce((sum, window) => sum + window.windows, 0);
  const over = full.reduce((sum, window) => sum + window.over, 0);
  return {
    title,
    held: over === 0,
    facts: [
      `${LIMIT.burst} + ${LIMIT.rate} a second: ${over} of ${windows} windows are over it`,
      `the fullest: ${plural(closest.count, "request")} in ${closest.seconds.toFixed(2)} s, when ${closest.allowed} were allowed`,
      ...facts,
    ],
  };
}

/** @param {Story} story */
export function keptTogether(story) {
  const [stop] = stops(story);
  const found = spans(story.marks, stop?.from ?? story.end, isShared);
  const before = found.filter(({ from }) => from < (stop?.from ?? Infinity));
  return limitKept(
    story,
    `One limit for all ${story.bots.size} together, as the exchange counts`,
    before,
    [],
  );
}

/** @param {Story} story @returns {Promised} */
export function keptAfterwards(story) {
  const thawed = wholeStops(story).map(({ to }) => to);
  const [first = Infinity] = thawed;
  const after = spans(story.marks, story.end, isShared).filter(({ from }) => from >= first);
  const waits = thawed.map((at) => (after.find(({ from }) => from >= at)?.from ?? Infinity) - at);
  const back = `all share it again ${ms(worst(waits))} after SIGCONT`;
  const kept = limitKept(story, "Afterwards they share one limit again", after, [back]);
  if (thawed.length === 0) return { ...kept, facts: ["Redis was not stopped before"] };
  return after.length === 0 && !story.interrupted ? { ...kept, held: false } : kept;
}

/** @param {Story} story @returns {Promised} */
export function limitUsed({ marks, end, requests, bots }) {
  let used = 0;
  let allowed = 0;
  /** @type {Map<string, number>} */
  const shares = new Map([...bots.keys()].map((bot) => [bot, 0]));
  for (const [index, span] of spans(marks, end, isUp).entries()) {
    const from = span.from + (index === 0 ? 0 : SETTLED_AFTER_MS);
    if (from >= span.to) continue;
    const found = requests.filter(({ arrived }) => arrived >= from && arrived < span.to);
    for (const { bot } of found) shares.set(bot, (shares.get(bot) ?? 0) + 1);
    used += found.length;
    allowed += (LIMIT.rate * (span.to - from)) / 1000 + (index === 0 ? LIMIT.burst : 0);
  }
  const part = used / allowed;
  return {
    title: `At least ${USED_AT_LEAST * 100} % of it is used while the market is up`,
    held: allowed < LIMIT.rate ? undefined : part >= USED_AT_LEAST,
    facts: [
      `${used} requests of ${allowed.toFixed(0)}: ${(part * 100).toFixed(1)} %`,
      `shares: ${[...shares].map(([bot, count]) => `${bot} ${((count / used) * 100).toFixed(0)} %`).join(", ")}`,
    ],
  };
}

/** @param {Story} story @returns {Promised} */
export function nobodyHeldUp(story) {
  const { requests, bots, survivors } = story;
  const found = wholeStops(story);
  // Who waited for its turn at that moment has waited for Redis only since then.
  const waits = found.flatMap(({ from, to }) =>
    requests
      .filter(({ asked, granted }) => asked < to && granted > from)
      .map(({ bot, asked, granted }) => ({ bot, wait: granted - Math.max(asked, from) })),
  );
  const longest = worst(waits.map(({ wait }) => wait));
  // The turn that it waited for, the time that Redis has, and the turn in its own share.
  const turn = (1000 * bots.size) / LIMIT.rate;
  const most = turn + STORE_TIMEOUT_MS + turn + TOLERANCE_MS;
  const stopped = found.reduce((sum, { from, to }) => sum + to - from, 0) / 1000;
  const eachGoesOn = survivors.every(([name]) => {
    return waits.filter(({ bot }) => bot === name).length >= (stopped * LIMIT.rate) / bots.size / 2;
  });
  // Full buckets are those before and after, and the part that each bot has of its own.
  const limit = { ...LIMIT, burst: 2 * LIMIT.burst + bots.size * Math.max(1, LIMIT.burst / bots.size) };
  const around = found.map(({ from, to }) =>
    fullest(within(requests, { from: from - AROUND_MS, to: to + AROUND_MS }), limit),
  );
  const over = around.reduce((sum, window) => sum + (window?.over ?? 0), 0);
  return {
    title: `With Redis stopped, each decides within ${STORE_TIMEOUT_MS} ms and goes on`,
    held: longest === undefined ? undefined : longest <= most && eachGoesOn && over === 0,
    facts: [
      found.length === 0
        ? "Redis was not stopped for as long as that"
        : `stopped for ${stopped.toFixed(1)} s; ${waits.length} requests meanwhile, ${(waits.length / stopped).toFixed(0)} a second`,
      `the longest wait for a token since SIGSTOP: ${ms(longest)}, its turn included`,
      `each keeps its share: ${over} windows are over ${limit.burst} + ${limit.rate} a second`,
    ],
  };
}
