// @ts-check
// The screen: draws a story. It holds no state and decides nothing.
import { fit, pad, paint, widthOf } from "./terminal.mjs";

/** @typedef {import("./story.mjs").Story} Story @typedef {import("./terminal.mjs").Style} Style */

const LABEL = 11;
const BAR = 20;
const EVENT_INDENT = 18;
const SPARKS = "▁▂▃▄▅▆▇█";
/** @type {Record<string, "green" | "yellow" | "red" | "magenta">} */
const FAULT_STYLE = {
  none: "green",
  latency: "yellow",
  throttled: "yellow",
  errors: "red",
  refused: "red",
  hang: "red",
  poison: "magenta",
};
/** @type {Record<string, Style>} */
const TONE_STYLE = { good: "green", bad: "red", warn: "yellow", plain: "gray" };
/** @type {Record<string, "green" | "red" | "yellow">} */
const CIRCUIT_STYLE = { closed: "green", open: "red", "half-open": "yellow" };

/** @param {number} milliseconds */
export function clock(milliseconds) {
  const seconds = Math.max(0, milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;
}

/** @param {string} label @param {string} text */
function row(label, text) {
  return ` ${paint("gray", label.padEnd(LABEL))}${text}`;
}

/** @param {number} part @param {Style} style */
function bar(part, style) {
  const filled = Math.round(Math.min(1, Math.max(0, part)) * BAR);
  return paint(style, "█".repeat(filled)) + paint("gray", "░".repeat(BAR - filled));
}

/** @param {number[]} values */
function sparkline(values) {
  return values
    .map((value) => SPARKS[Math.min(SPARKS.length - 1, Math.floor((value / 350) * SPARKS.length))])
    .join("");
}

/** The whole schedule as one line: what is over bright, what comes dim. @param {Story} story @param {number} width */
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

/** @param {Story} story @param {number} width @param {string} hint */
function heading(story, width, hint) {
  const phase = story.phases[story.phase];
  const cycle = story.cycle > 1 ? `  round ${story.cycle}` : "";
  const left = ` ${paint("bold", "@kstlib/resilience")}  trading bot`;
  const right = `${clock(story.now())}${cycle}  ${paint("gray", hint)} `;
  const title = story.stopping
    ? paint(
        ["bold", "cyan"],
        "SHUTDOWN  the bot got SIGTERM: positions, connections, heartbeat, in this order",
      )
    : phase === undefined
      ? "starting …"
      : `${paint(["bold", FAULT_STYLE[phase.fault] ?? "white"], phase.title.toUpperCase())}  ${phase.tells}`;
  return [
    left + " ".repeat(Math.max(1, width - widthOf(left) - widthOf(right))) + right,
    "",
    row("Exchange", title),
    row("", upcoming(story)),
    ` ${timeline(story, width - 2)}`,
    "",
  ];
}

/** @param {Story} story */
function upcoming(story) {
  const phase = story.phases[story.phase];
  if (story.stopping || phase === undefined) return "";
  const left = Math.max(0, phase.seconds - (story.now() - story.phaseSince) / 1000);
  const next =
    (story.phases[story.phase + 1] ?? (story.again ? story.phases[0] : undefined))?.title ?? "the end";
  return paint("gray", `next: ${next}, in ${left.toFixed(0)} s`);
}

/** @param {Story} story @param {number} silent seconds */
function circuitRow(story, silent) {
  const { circuit, bot } = story;
  const { state } = circuit;
  const name = paint(["bold", CIRCUIT_STYLE[state] ?? "white"], `● ${state.toUpperCase()}`);
  const wait = bot.circuit.remainingSeconds === null ? 0 : bot.circuit.remainingSeconds - silent;
  const probes = state === "open" && wait > 0 ? `probes in ${wait.toFixed(1)} s, ` : "";
  const totals = `opened ${circuit.openings}×, open for ${story.openSeconds.toFixed(1)} s in all; refused ${bot.circuit.stats.rejectedCalls}`;
  return row("Circuit", pad(name, BAR + 2) + paint("red", probes) + paint("gray", totals));
}

/** @param {Story} story @param {boolean} frozen @param {number} silent seconds */
function botRow({ exit, stopping }, frozen, silent) {
  if (exit !== undefined) return row("Bot", paint("bold", `○ ended: ${exit}`));
  if (frozen)
    return row(
      "Bot",
      paint(["bold", "red"], `● FROZEN`.padEnd(BAR + 2) + `nothing heard for ${silent.toFixed(1)} s`),
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
  return row(label, `${tokens}  ${limiter.tokens.toFixed(1)} of ${limiter.burst} tokens  ${state}`);
}

/** @param {Story} story */
function patterns(story) {
  const { bot, heartbeat } = story;
  const silent = (story.now() - story.botAt) / 1000;
  const frozen = silent > 0.6 && story.exit === undefined;
  const pause = story.pausedUntil - story.now();
  const beatStyle = heartbeat.status === "alive" ? "green" : heartbeat.status === "stopped" ? "gray" : "red";
  const ping = bot.watchdog.secondsSincePing + silent;
  const late = ping > bot.watchdog.timeout;
  const watchdog = story.stopping
    ? paint("gray", "○ stopped with the trading loop")
    : late
      ? paint(["bold", "red"], "● NOT PINGED")
      : paint("green", "● pinged");
  const sinceBeat = `${heartbeat.age.toFixed(1)} s ago`;
  const beats = `beat ${heartbeat.sequence}, longest gap ${heartbeat.longestGap.toFixed(1)} s`;
  const sincePing = story.stopping ? "" : `${ping.toFixed(1)} s ago`;
  const freezes = `timeout ${bot.watchdog.timeout} s, freezes ${story.freezes.length}`;
  return [
    botRow(story, frozen, silent),
    circuitRow(story, silent),
    ...bot.limiters.map((/** @type {any} */ limiter) => limiterRow(limiter, pause)),
    row(
      "Latency",
      `${pad(paint("cyan", sparkline(story.latencies.slice(-BAR))), BAR)}  ${bot.requests.latencyMs.toFixed(0)} ms`,
    ),
    row(
      "Heartbeat",
      pad(paint(["bold", beatStyle], `● ${heartbeat.status}`), BAR + 2) +
        pad(sinceBeat, 12) +
        paint("gray", beats),
    ),
    row(
      "Watchdog",
      pad(watchdog, BAR + 2) + pad(sincePing, 12) + (story.stopping ? "" : paint("gray", freezes)),
    ),
    row(
      "Trading",
      `orders done ${paint("bold", String(bot.orders.booked))}, refused by the circuit ${bot.orders.refused}; ` +
        `positions open ${bot.orders.positions}`,
    ),
    row(
      "Prices",
      `fresh ${bot.looks.fresh}, from the cache ${paint(story.circuit.state === "open" ? "yellow" : "white", String(bot.looks.fromCache))}`,
    ),
  ];
}

/** @param {import("./story.mjs").Event} event */
export function eventLine({ at, source, text, tone }) {
  return `${paint("gray", clock(at).padStart(6))}  ${source.padEnd(9)} ${paint(TONE_STYLE[tone] ?? "white", text)}`;
}

/** @param {import("./story.mjs").Event} event @param {number} width */
function wrapEvent(event, width) {
  const room = Math.max(20, width - EVENT_INDENT);
  const lines = [""];
  for (const word of event.text.split(/(?<= )/)) {
    if (`${lines.at(-1)}${word}`.trimEnd().length > room) lines.push("");
    lines[lines.length - 1] += word;
  }
  const style = TONE_STYLE[event.tone] ?? "white";
  const [first = "", ...others] = lines;
  return [
    eventLine({ ...event, text: first }),
    ...others.map((line) => " ".repeat(EVENT_INDENT) + paint(style, line)),
  ];
}

/** @param {Story} story @param {string} hint @param {number} columns @param {number} rows */
export function frame(story, hint, columns, rows) {
  const lines = heading(story, columns, hint);
  if (story.bot !== undefined) lines.push(...patterns(story));
  const room = Math.max(0, rows - lines.length - 2);
  if (room > 0) lines.push("", ` ${paint("gray", "─".repeat(Math.max(0, columns - 2)))}`);
  const events = story.events.flatMap((event) => wrapEvent(event, columns - 2).map((line) => ` ${line}`));
  if (room > 0) lines.push(...events.slice(-room));
  return lines.map((line) => fit(line, columns));
}

/** One line for those who have no terminal. @param {Story} story */
export function statusLine(story) {
  const { bot, heartbeat } = story;
  if (bot === undefined) return "";
  const tokens = bot.limiters.map(
    (/** @type {any} */ found) => `${found.name} ${found.tokens.toFixed(1)}/${found.burst}`,
  );
  return (
    `${clock(story.now()).padStart(6)}  status    circuit ${story.circuit.state}, tokens ${tokens.join(" ")}, ` +
    `${bot.requests.latencyMs.toFixed(0)} ms, heartbeat ${heartbeat.status} ${heartbeat.age.toFixed(1)} s, ` +
    `orders ${bot.orders.booked} done ${bot.orders.refused} refused, cached prices ${bot.looks.fromCache}`
  );
}
