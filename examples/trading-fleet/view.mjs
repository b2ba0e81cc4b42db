// @ts-check
// Draws a story of the fleet on the screen; has no state.
import { pad, paint } from "../trading-bot/terminal.mjs";
import {
  bar,
  CIRCUIT_STYLE,
  details,
  eventLines,
  heading,
  LABEL,
  row,
  SECOND,
  withEvents,
} from "../trading-bot/view.mjs";
import { LIMIT } from "./settings.mjs";

/** @typedef {import("./story.mjs").FleetStory} Story @typedef {import("./story.mjs").Bot} Bot */

/** @type {[string, string]} */
const ENDING = ["calls, limit and circuit, then the heartbeat", "each bot got SIGTERM"];
/** @type {Record<string, "green" | "red" | "gray">} */
const LIVENESS_STYLE = { alive: "green", stale: "red", stopped: "gray" };
/** Of a bot's row: liveness, age, circuit, limiter. */
const COLUMNS = [10, 11, 11, 13];

/** @param {Story} story @param {number} room */
function circuitRow({ circuit, bots }, room) {
  const spared = [...bots.values()].reduce((sum, { status }) => sum + (status?.spared ?? 0), 0);
  const name = paint(["bold", CIRCUIT_STYLE[circuit] ?? "white"], `● ${circuit.toUpperCase()}`);
  return row("Circuit", pad(name, SECOND) + details(room, `one for all, ${spared} calls spared`));
}

/** @param {Story} story @param {number} room */
function redisRow({ fault, stopping, bots }, room) {
  const stopped = fault === "stopped" && !stopping;
  const alone = [...bots.values()].filter(({ isCutOff }) => isCutOff).length;
  const state = stopped ? paint(["bold", "magenta"], "● STOPPED (SIGSTOP)") : paint("green", "● answers");
  const text = alone === 0 ? "the bots decide together" : `${alone} of ${bots.size} bots decide alone`;
  return row("Redis", pad(state, SECOND) + details(room, text));
}

/** @param {number | null} age */
function ago(age) {
  return age === null ? "" : `${age.toFixed(1)} s ago`;
}

/** @param {string} name @param {Bot} bot @param {number} all how many requests all have sent @param {number} room */
function botRow(name, { liveness, age, circuit, isCutOff, status, exit }, all, room) {
  const [first = 0, second = 0, third = 0, fourth = 0] = COLUMNS;
  const sent = status?.sent ?? 0;
  const share = all === 0 ? "" : `${((sent / all) * 100).toFixed(0)} % of all`;
  const rest = room - first - second - third - fourth;
  const now =
    exit === undefined
      ? pad(paint(CIRCUIT_STYLE[circuit] ?? "white", circuit), third) +
        pad(isCutOff ? paint("yellow", "own share") : paint("gray", "shared limit"), fourth)
      : pad(`ended: ${exit}`, third + fourth);
  return row(
    name,
    pad(paint(LIVENESS_STYLE[liveness] ?? "yellow", `● ${liveness}`), first) +
      pad(liveness === "stopped" ? "" : ago(age), second) +
      now +
      details(rest, `sent ${sent}`, share),
  );
}

/** @param {Story} story @param {string} hint @param {number} columns @param {number} rows */
export function frame(story, hint, columns, rows) {
  const lines = heading(story, "trading fleet", ENDING, columns, hint);
  const room = columns - 1 - LABEL;
  const used = story.lastSecond;
  const all = [...story.bots.values()].reduce((sum, { status }) => sum + (status?.sent ?? 0), 0);
  lines.push(
    row(
      "Limit",
      `${bar(used / LIMIT.rate, used > LIMIT.rate + LIMIT.burst ? "red" : "cyan")}  ` +
        `${String(used).padStart(2)} requests in a second  ` +
        details(room - SECOND - 25, `limit ${LIMIT.rate}, burst ${LIMIT.burst}`),
    ),
    circuitRow(story, room - SECOND),
    redisRow(story, room - SECOND),
    ...[...story.bots].map(([name, bot]) => botRow(name, bot, all, room)),
  );
  return withEvents(lines, story.events, columns, rows);
}

/** The status without a live view. @param {Story} story @param {number} width */
export function statusLines(story, width) {
  const bots = [...story.bots].map(
    ([name, { liveness, age, status, isCutOff }]) =>
      `${name} ${liveness} ${ago(age)}, sent ${status?.sent ?? 0}${isCutOff ? ", own share" : ""}`,
  );
  const text = `circuit ${story.circuit}, ${story.lastSecond} requests in a second; ${bots.join("; ")}`;
  return eventLines({ at: story.now(), source: "status", text, tone: "plain" }, width);
}
