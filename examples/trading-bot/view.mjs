// @ts-check
// Draws a story on the screen; has no state.
import { fit, pad, paint, widthOf, wrap } from "./terminal.mjs";

/**
 * @typedef {import("./story.mjs").Story} Story
 * @typedef {import("./terminal.mjs").Style} Style
 * @typedef {{
 *   phases: readonly { fault: string, title: string, tells: string, seconds: number, of?: string }[],
 *   phase: number, phaseSince: number, cycle: number, again: boolean, stopping: boolean, now(): number,
 * }} Course where a schedule is
 */

export const LABEL = 11;
const BAR = 20;
const EVENT_INDENT = 18;
const SPARKS = "▁▂▃▄▅▆▇█";
/** Milliseconds at the full height of the latency. */
const HIGHEST = 350;
export const SECOND = BAR + 2;
/** @type {Record<string, "green" | "yellow" | "red" | "magenta">} */
const FAULT_STYLE = {
  none: "green",
  latency: "yellow",
  throttled: "yellow",
  errors: "red",
  refused: "red",
  hang: "red",
  poison: "magenta",
  stopped: "magenta",
  // Of the market watch.
  handover: "yellow",
  burst: "yellow",
  garbage: "yellow",
  "broken frame": "red",
  silence: "red",
  "half-open": "red",
  close: "red",
  "rest errors": "red",
  killed: "magenta",
};
/** @type {Record<string, Style>} */
const TONE_STYLE = { good: "green", bad: "red", warn: "yellow", plain: "gray" };
/** @type {Record<string, "green" | "red" | "yellow">} */
export const CIRCUIT_STYLE = { closed: "green", open: "red", "half-open": "yellow" };

/** @type {[string, string]} */
const ENDING = ["positions, connections, heartbeat, in this order", "the bot got SIGTERM"];

/** @param {number} milliseconds */
export function clock(milliseconds) {
  const seconds = Math.max(0, milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;
}

/** @param {string} label @param {string} text */
export function row(label, text) {
  return ` ${paint("gray", label.padEnd(LABEL))}${text}`;
}

/** The parts of a row that fit, the most important first. @param {number} room @param {string[]} parts */
export function details(room, ...parts) {
  let text = "";
  for (const part of parts) {
    const longer = text === "" ? part : `${text}, ${part}`;
    if (longer.length > room) break;
    text = longer;
  }
  return paint("gray", text);
}

/** @param {number} part @param {Style} style */
export function bar(part, style) {
  const filled = Math.round(Math.min(1, Math.max(0, part)) * BAR);
  return paint(style, "█".repeat(filled)) + paint("gray", "░".repeat(BAR - filled));
}

/** @param {number[]} values */
function sparkline(values) {
  return values
    .map((value) => SPARKS[Math.min(SPARKS.length - 1, Math.floor((value / HIGHEST) * SPARKS.length))])
    .join("");
}

/** The whole schedule as one line: the past bright, the rest dim. @param {Course} story @param {number} width */
function timeline(story, width) {
  const total = story.phases.reduce((sum, phase) => sum + phase.seconds, 0);
  let before = 0;
  let drawn = 0;
  let line = "";
  for (const [index, phase] of story.phases.entries()) {
    before += phase.seconds;
    const columns = Math.round((before / total) * width) - drawn;
    const elapsed = (story.now() - story.phaseSince) / 1000 / phase.seconds;
    const part = index < story.phase ? 1 : index > story.phase ? 0 : Math.min(1, elapsed);
    const done = Math.round(columns * part);
    const style = FAULT_STYLE[phase.fault] ?? "white";
    line += paint(style, "━".repeat(done)) + paint(["dim", style], "─".repeat(columns - done));
    drawn += columns;
  }
  return line;
}

/** @param {Course} story @param {string} program @param {[string, string]} ending @param {number} width @param {string} hint */
export function heading(story, program, ending, width, hint) {
  const phase = story.phases[story.phase];
  const cycle = story.cycle > 1 ? `  round ${story.cycle}` : "";
  const name = ` ${paint("bold", "@kstlib/resilience")}`;
  const right = `${clock(story.now())}${cycle}  ${paint("gray", hint)} `;
  const long = `${name}  ${program}`;
  const left = widthOf(long) + widthOf(right) < width ? long : name;
  const [label, title, tells] = story.stopping
    ? ["Shutdown", paint(["bold", "cyan"], ending[0]), ending[1]]
    : phase === undefined
      ? ["Exchange", "starting …", ""]
      : [
          phase.of ?? "Exchange",
          paint(["bold", FAULT_STYLE[phase.fault] ?? "white"], phase.title.toUpperCase()),
          phase.tells,
        ];
  return [
    left + " ".repeat(Math.max(1, width - widthOf(left) - widthOf(right))) + right,
    "",
    row(label, `${title}  ${upcoming(story)}`),
    row("", tells),
    ` ${timeline(story, width - 2)}`,
    "",
  ];
}

/** @param {Course} story */
function upcoming(story) {
  const phase = story.phases[story.phase];
  if (story.stopping || phase === undefined) return "";
  const left = Math.ceil(phase.seconds - (story.now() - story.phaseSince) / 1000);
  const next =
    (story.phases[story.phase + 1] ?? (story.again ? story.phases[0] : undefined))?.title ?? "the end";
  return paint("gray", `next: ${next}${left > 0 ? `, in ${left} s` : ""}`);
}

/** @param {Story} story @param {number} silent seconds @param {number} room */
function circuitRow(story, silent, room) {
  const { circuit, bot } = story;
  const { state } = circuit;
  const wait = bot.circuit.remainingSeconds === null ? 0 : bot.circuit.remainingSeconds - silent;
  const more = state === "open" && wait > 0 ? `${wait.toFixed(1)} s more` : "";
  const name = paint(["bold", CIRCUIT_STYLE[state] ?? "white"], `● ${state.toUpperCase()} ${more}`);
  const opened = `opened ${circuit.openings}×`;
  const times = `${story.openSeconds.toFixed(1)} s in all`;
  return row(
    "Circuit",
    pad(name, SECOND) + details(room, opened, times, `refused ${bot.circuit.stats.rejectedCalls}`),
  );
}

/** @param {Story} story @param {boolean} frozen @param {number} silent seconds */
function botRow({ exit, stopping }, frozen, silent) {
  if (exit !== undefined) return row("Bot", paint("bold", `○ ended: ${exit}`));
  if (frozen)
    return row(
      "Bot",
      paint(["bold", "red"], `● FROZEN`.padEnd(SECOND) + `nothing heard for ${silent.toFixed(1)} s`),
    );
  return row("Bot", stopping ? paint("cyan", "● shutting down") : paint("green", "● trading"));
}

/** @param {any} limiter @param {number} pausedFor milliseconds */
function limiterRow(limiter, pausedFor) {
  const label = limiter.name[0].toUpperCase() + limiter.name.slice(1);
  const paused = pausedFor > 0;
  const tokens = bar(limiter.tokens / limiter.burst, paused ? "yellow" : "cyan");
  const state = paused
    ? paint(["bold", "yellow"], `PAUSED ${(pausedFor / 1000).toFixed(1)} s`)
    : paint("gray", `${limiter.rate} a second`);
  return row(label, `${tokens}  ${limiter.tokens.toFixed(1)}/${limiter.burst} tokens  ${state}`);
}

/** @param {Story} story @param {number} width */
function patterns(story, width) {
  const { bot, heartbeat } = story;
  const silent = (story.now() - story.botAt) / 1000;
  const frozen = silent > 0.6 && story.exit === undefined;
  const pause = story.pausedUntil - story.now();
  const beatStyle = heartbeat.status === "alive" ? "green" : heartbeat.status === "stopped" ? "gray" : "red";
  const ping = bot.watchdog.secondsSincePing + silent;
  const late = ping > bot.watchdog.timeout;
  const stopped = story.stopping && !frozen;
  const watchdog = stopped
    ? paint("gray", "○ stopped")
    : late
      ? paint(["bold", "red"], "● NOT PINGED")
      : paint("green", "● pinged");
  const room = width - 1 - LABEL - SECOND;
  const sinceBeat = `${heartbeat.age.toFixed(1)} s ago`;
  const beats = [`beat ${heartbeat.sequence}`, `longest gap ${heartbeat.longestGap.toFixed(1)} s`];
  const sincePing = stopped ? "" : `${ping.toFixed(1)} s ago`;
  const freezes = [`freezes ${story.freezes.length}`, `timeout ${bot.watchdog.timeout} s`];
  return [
    botRow(story, frozen, silent),
    circuitRow(story, silent, room),
    ...bot.limiters.map((/** @type {any} */ limiter) => limiterRow(limiter, pause)),
    row(
      "Latency",
      `${pad(paint("cyan", sparkline(story.latencies.slice(-BAR))), BAR)}  ` +
        pad(`${bot.requests.latencyMs.toFixed(0)} ms`, 8) +
        paint("gray", `scale 0 to ${HIGHEST} ms`),
    ),
    row(
      "Heartbeat",
      pad(paint(["bold", beatStyle], `● ${heartbeat.status}`), SECOND) +
        pad(sinceBeat, 12) +
        details(room - 12, ...beats),
    ),
    row(
      "Watchdog",
      pad(watchdog, SECOND) + pad(sincePing, 12) + (stopped ? "" : details(room - 12, ...freezes)),
    ),
    row(
      "Trading",
      `orders done ${paint("bold", String(bot.orders.booked))}, refused ${bot.orders.refused}, ` +
        `positions open ${bot.orders.positions}`,
    ),
    row(
      "Prices",
      `fresh ${bot.looks.fresh}, last known ${paint(story.circuit.state === "open" ? "yellow" : "white", String(bot.looks.lastKnown))}`,
    ),
    row(
      "Calls",
      `made ${bot.attempts.calls}, retries ${bot.attempts.retries}, ` +
        `latest start ${bot.attempts.latest.start.toFixed(0)} of ${bot.attempts.latest.deadline} ms`,
    ),
  ];
}

/** An event, broken between words where it is wider than that. @param {import("./event-log.mjs").Event} event @param {number} width */
export function eventLines({ at, source, text, tone }, width) {
  const style = TONE_STYLE[tone] ?? "white";
  const [first = "", ...others] = wrap(text, Math.max(20, width - EVENT_INDENT));
  return [
    `${paint("gray", clock(at).padStart(6))}  ${source.padEnd(9)} ${paint(style, first)}`,
    ...others.map((line) => " ".repeat(EVENT_INDENT) + paint(style, line)),
  ];
}

/** @param {Story} story @param {string} hint @param {number} columns @param {number} rows */
export function frame(story, hint, columns, rows) {
  const lines = heading(story, "trading bot", ENDING, columns, hint);
  if (story.bot !== undefined) lines.push(...patterns(story, columns));
  return withEvents(lines, story.events, columns, rows);
}

/** The lines, and below them as many of the latest events as fit. @param {string[]} lines @param {import("./event-log.mjs").Event[]} events @param {number} columns @param {number} rows */
export function withEvents(lines, events, columns, rows) {
  const room = Math.max(0, rows - lines.length - 2);
  const ruler = ["", ` ${paint("gray", "─".repeat(Math.max(0, columns - 2)))}`];
  const shown = events.flatMap((event) => eventLines(event, columns - 2).map((line) => ` ${line}`));
  return [...lines, ...(room > 0 ? [...ruler, ...shown.slice(-room)] : [])].map((line) => fit(line, columns));
}

/** The status without a live view. @param {Story} story @param {number} width */
export function statusLines(story, width) {
  const { bot, heartbeat } = story;
  if (bot === undefined) return [];
  const tokens = bot.limiters.map(
    (/** @type {any} */ found) => `${found.name} ${found.tokens.toFixed(1)}/${found.burst}`,
  );
  const text =
    `circuit ${story.circuit.state}, tokens ${tokens.join(" ")}, ` +
    `${bot.requests.latencyMs.toFixed(0)} ms, heartbeat ${heartbeat.status} ${heartbeat.age.toFixed(1)} s, ` +
    `orders ${bot.orders.booked} done ${bot.orders.refused} refused, last known prices ${bot.looks.lastKnown}, retries ${bot.attempts.retries}`;
  return eventLines({ at: story.now(), source: "status", text, tone: "plain" }, width);
}
