// @ts-check
// Draws a story of the market on the screen; has no state.
import { plural } from "../trading-bot/summary.mjs";
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
import { SYMBOLS } from "./settings.mjs";

/** @typedef {import("./story.mjs").MarketStory} Story */

/** @type {[string, string]} */
const ENDING = ["stream, gaps, alerts, store, then the heartbeat", "SIGTERM to both programs"];
const SPARKS = "▁▂▃▄▅▆▇█";
const SPARKS_SHOWN = 20;
const MINUTE = 60;
/** Seconds without a word from the program after which it is not said to run. */
const SILENT = 0.7;
/** @type {Record<string, "green" | "yellow" | "red">} */
const STREAM_STYLE = { connected: "green", connecting: "yellow", reconnecting: "red" };
/** @type {Record<string, "green" | "gray">} */
const VERDICT_STYLE = { alive: "green", stopped: "gray" };

/** The latest prices, from the lowest to the highest of them. @param {readonly number[]} values */
function sparkline(values) {
  const shown = values.slice(-SPARKS_SHOWN);
  const [low, high] = [Math.min(...shown), Math.max(...shown)];
  const step = (high - low) / (SPARKS.length - 1) || 1;
  return shown.map((value) => SPARKS[Math.round((value - low) / step)]).join("");
}

/** @param {string} text @param {"green" | "yellow" | "red" | "gray" | "white"} colour */
function state(text, colour) {
  return pad(paint(["bold", colour], `● ${text}`), SECOND);
}

/** @param {Story} story @param {number} room */
function streamRow({ main, losses }, room) {
  const { stream } = main;
  const uptime = stream.uptime === null ? [] : [`up ${stream.uptime.toFixed(1)} s`];
  return row(
    "Stream",
    state(stream.state.toUpperCase(), STREAM_STYLE[stream.state] ?? "gray") +
      details(room, ...uptime, `lost ${losses.length}×`, `read ${stream.messagesReceived}`),
  );
}

/** @param {Story} story @param {number} silent seconds @param {number} room */
function plannedRow({ main, handovers }, silent, room) {
  const left = Math.max(0, main.nextHandover - silent);
  return row(
    "Reconnect",
    `${bar(1 - left / MINUTE, "cyan")}  ` +
      details(
        room,
        `planned in ${left.toFixed(0)} s`,
        `done ${handovers}×`,
        `doubles ${main.stream.doubles}`,
      ),
  );
}

/** @param {Story} story @param {number} room */
function restRow({ main, circuit }, room) {
  const { gaps, limiter } = main;
  return row(
    "REST",
    state(circuit.state.toUpperCase(), CIRCUIT_STYLE[circuit.state] ?? "white") +
      details(
        room,
        `requests ${gaps.requests}`,
        `tokens ${limiter.tokens.toFixed(1)}/${limiter.burst}`,
        `opened ${circuit.openings}×`,
      ),
  );
}

/** @param {Story} story @param {number} room */
function candlesRow({ main }, room) {
  const { candles, gaps } = main;
  const open = gaps.open === 0 ? "no gap" : paint("yellow", `${gaps.open} open`);
  return row(
    "Candles",
    pad(`stored ${paint("bold", String(candles.stored))}, ${open}`, SECOND) +
      details(room, `by REST ${candles.rest}`, `gaps filled ${gaps.filled}`),
  );
}

/** @param {Story} story @param {number} silent seconds */
function programRow({ stopping, endings }, silent) {
  const exit = endings["market-watch"]?.exit;
  if (exit !== undefined) return row("Program", paint("bold", `○ ended: ${exit}`));
  if (silent > SILENT) {
    return row("Program", state("SILENT", "red") + `nothing heard for ${silent.toFixed(1)} s`);
  }
  return row("Program", stopping ? paint("cyan", "● shutting down") : paint("green", "● running"));
}

/** @param {Story} story @param {number} room */
function serviceRow({ service, unwell }, room) {
  const status = service?.status ?? "unknown";
  const told =
    unwell.length === 0
      ? "has told nothing yet"
      : `told ${unwell
          .map(({ kind }) => kind)
          .slice(-3)
          .join(", ")}`;
  return row("Service", state(status, VERDICT_STYLE[status] ?? "red") + details(room, told));
}

/** @param {Story} story @param {number} room */
function alertsRow({ due, arrived, received }, room) {
  return row(
    "Alerts",
    pad(`${paint("bold", String(due))} to tell`, SECOND) +
      details(room, `${arrived} arrived`, plural(received.length, "message")),
  );
}

/** @param {Story} story @param {string} hint @param {number} columns @param {number} rows */
export function frame(story, hint, columns, rows) {
  const lines = heading(story, "market watch", ENDING, columns, hint);
  const room = columns - 1 - LABEL - SECOND;
  const silent = (story.now() - story.mainAt) / 1000;
  lines.push(programRow(story, silent));
  if (story.main !== undefined) {
    lines.push(
      streamRow(story, room),
      plannedRow(story, silent, room),
      ...SYMBOLS.map((symbol) => {
        const prices = story.prices[symbol] ?? [];
        const last = prices.at(-1)?.toFixed(2) ?? "";
        return row(symbol, `${pad(paint("cyan", sparkline(prices)), SECOND)}${last}`);
      }),
      candlesRow(story, room),
      restRow(story, room),
    );
  }
  lines.push(serviceRow(story, room), alertsRow(story, room));
  return withEvents(lines, story.events, columns, rows);
}

/** The status without a live view. @param {Story} story @param {number} width */
export function statusLines(story, width) {
  const { main, service, circuit, due, arrived } = story;
  const program =
    main === undefined
      ? "no program"
      : `stream ${main.stream.state}, stored ${main.candles.stored}, ${main.gaps.open} gaps open`;
  const text = `${program}, REST ${circuit.state}, service: ${service?.status}, alerts ${due}, arrived ${arrived}`;
  return eventLines({ at: story.now(), source: "status", text, tone: "plain" }, width);
}
