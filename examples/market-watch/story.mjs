// @ts-check
// What happened, as seen from outside: combines the messages of all processes and what the webhook received into one state.
// The view draws it and the summary judges it.
import { EventLog } from "../trading-bot/event-log.mjs";
import { plural } from "../trading-bot/summary.mjs";
import { SEEN } from "./seen.mjs";

/**
 * @typedef {import("../trading-bot/event-log.mjs").Event} Event
 * @typedef {import("./schedule.mjs").Phase} Phase
 * @typedef {{ fault: string, after: number, reason: string, code: number }} Loss of the stream; `after` in seconds
 */

const EXAMPLES = new URL("..", import.meta.url).href;

/** What has happened since a phase began. */
const nothing = () => ({
  handovers: 0,
  losses: 0,
  opened: 0,
  targetDead: 0,
  unwell: /** @type {string[]} */ ([]),
  before: /** @type {Record<string, number>} */ ({}),
});

export class MarketStory extends EventLog {
  /** @type {readonly Phase[]} */
  phases;
  /** Whether the schedule begins again at its end. */
  again;
  phase = -1;
  cycle = 1;
  phaseSince = 0;
  stopping = false;
  interrupted = false;
  /** Whether there was a stream when the shutdown began. */
  connectedAtTheEnd = false;
  /** The exchange's latest report. @type {any} */
  exchange;
  /** All candles that the exchange closed, told at the end. @type {[string, number, number][]} */
  closedCandles = [];
  /** The latest status of the program, and those of the processes of it that were killed. @type {any} */
  main;
  /** @type {any[]} */
  former = [];
  mainAt = 0;
  /** The watchdog service's latest status. @type {any} */
  service;
  /** @type {Loss[]} */
  losses = [];
  /** What the webhook accepted. @type {import("./webhook.mjs").Received[]} */
  received = [];
  /** What the watchdog service told, with what ended it. @type {{ kind: string, recovered: boolean }[]} */
  unwell = [];
  connects = 0;
  handovers = 0;
  /** Gaps that began in a planned reconnect. */
  handoverGaps = 0;
  targetDead = 0;
  targetAlive = 0;
  circuit = { state: "closed", openings: 0, closings: 0 };
  /** @type {Record<string, number[]>} */
  prices = {};
  /** By program. @type {Record<string, { steps: { name: string, status: string }[], report?: any, exit?: number | string | undefined }>} */
  endings = { "market-watch": { steps: [] }, "watchdog-service": { steps: [] } };
  inPhase = nothing();
  /** The phases that were seen to their end, by fault. @type {string[]} */
  completed = [];

  /** @param {readonly Phase[]} phases @param {boolean} again @param {(event: Event) => void} listener */
  constructor(phases, again, listener) {
    super(listener);
    this.phases = phases;
    this.again = again;
  }

  get fault() {
    return this.phases[this.phase]?.fault ?? "none";
  }

  /** Whether all is as it should be when nothing is wrong. */
  get isCalm() {
    const { main, exchange } = this;
    return (
      main?.stream.state === "connected" &&
      main.isCurrent &&
      exchange?.subscribed === 1 &&
      main.gaps.open === 0 &&
      this.circuit.state === "closed" &&
      this.unwell.every(({ recovered }) => recovered)
    );
  }

  /** Whether the program has all that the exchange has closed. */
  get isCaughtUp() {
    const { main, closedCandles } = this;
    if (main === undefined) return false;
    return main.candles.stored === closedCandles.length && main.gaps.open === 0;
  }

  /** Whether the phase has shown what it is to show. */
  get isSeen() {
    const seen = SEEN[this.fault];
    return seen === undefined ? this.isCalm && this.inPhase.losses > 0 : seen(this);
  }

  /** Whether the program has read all that the exchange has sent in this phase. @param {string} what */
  hasRead(what) {
    const sent = this.exchange.stream[what];
    return sent > (this.inPhase.before[what] ?? 0) && this.total(what) === sent;
  }

  /** A count of the program, over all its processes. @param {string} name */
  total(name) {
    return this.sum((status) => status[name]);
  }

  /** @param {(status: any) => number} of */
  sum(of) {
    return [...this.former, this.main].reduce(
      (sum, status) => sum + (status === undefined ? 0 : of(status)),
      0,
    );
  }

  /** @param {number} index @param {number} cycle */
  enter(index, cycle) {
    this.phase = index;
    this.cycle = cycle;
    this.phaseSince = this.now();
    this.inPhase = { ...nothing(), before: this.exchange?.stream ?? {} };
    const phase = this.phases[index];
    if (phase === undefined) return;
    const tone = phase.fault === "none" ? "good" : phase.fault === "handover" ? "warn" : "bad";
    this.tell((phase.of ?? "exchange").toLowerCase(), `${phase.title}: ${phase.tells}`, tone);
  }

  complete() {
    this.completed.push(this.fault);
  }

  /** @param {any} message */
  fromExchange(message) {
    if (message.stream !== undefined) this.exchange = message;
    if (message.type === "closed") this.closedCandles = message.candles;
  }

  /** The program's process was killed: its counts stay, and the next process begins anew. */
  killed() {
    this.former.push(this.main);
    this.main = undefined;
  }

  /** @param {any} message */
  fromMain(message) {
    switch (message.type) {
      case "status":
        return this.#status(message);
      case "connect":
        this.connects++;
        if (!message.isHandover) return this.tell("stream", `connected, connection ${this.connects}`, "good");
        this.handovers++;
        this.inPhase.handovers++;
        return this.tell("stream", "the next connection is open, beside the old one", "good");
      case "disconnect":
        return this.#disconnect(message);
      case "reconnecting":
        return this.tell("stream", `attempt ${message.attempt} in ${(message.delay * 1000).toFixed(0)} ms`);
      case "gap":
        if (this.fault === "handover") this.handoverGaps++;
        return this.tell("gap", `${message.symbol}: ${plural(message.candles, "candle")} missing`, "warn");
      case "filled":
        return this.tell("gap", `${message.symbol}: filled`, "good");
      case "circuit":
        return this.#circuit(message);
      case "target-dead":
        this.targetDead++;
        this.inPhase.targetDead++;
        return this.tell("heartbeat", "its target, the stream, is dead", "bad");
      case "target-alive":
        this.targetAlive++;
        return this.tell("heartbeat", "its target, the stream, is alive again", "good");
      case "notice":
        return this.tell("program", "reads a text of the exchange: its event loop is frozen", "bad");
      case "freeze":
        return this.tell("watchdog", `the event loop stood still for ${message.seconds.toFixed(1)} s`, "bad");
      default:
        return this.#fromProgram("market-watch", message);
    }
  }

  /** @param {any} message */
  fromService(message) {
    if (message.type === "status") this.service = message;
    if (message.type === "unwell") {
      this.inPhase.unwell.push(message.kind);
      if (message.kind !== "stopped") {
        this.unwell.push({ kind: message.kind, recovered: false });
      }
      const tone = message.kind === "stopped" ? "plain" : "bad";
      return this.tell("service", `market-watch is ${message.kind}`, tone);
    }
    if (message.type === "well") {
      for (const ill of this.unwell) ill.recovered = true;
      return this.tell(
        "service",
        `market-watch is alive again, after ${message.seconds.toFixed(1)} s`,
        "good",
      );
    }
    return this.#fromProgram("watchdog-service", message);
  }

  /** A line that a program wrote, or its watchdog's thread while it is frozen. @param {string} source @param {string} line */
  fromOutput(source, line) {
    // From a stack, only the frames of the program's own code.
    if (line.trim() === "" || /^\s*at (async |process\.)|\(node:internal|--trace-warnings/.test(line)) return;
    const text = line.trimEnd().replaceAll(EXAMPLES, "").replace("[watchdog] ", "");
    this.tell(line.includes("[watchdog]") ? "watchdog" : source, text, "warn");
  }

  /** The alerts that had to be told: by what happened, not by what their manager says. */
  get due() {
    const { openings, closings } = this.circuit;
    const ofComponents = openings + closings + this.targetDead + this.targetAlive;
    return this.sum(({ alerts }) => alerts.due) + ofComponents + (this.service?.alerts.due ?? 0);
  }

  /** The alerts that arrived, in messages of one or more. */
  get arrived() {
    return this.received.reduce((all, { count }) => all + count, 0);
  }

  /** @param {import("./webhook.mjs").Received} alert */
  fromWebhook(alert) {
    this.received.push(alert);
  }

  /** @param {string} program @param {number | string | undefined} exit */
  ended(program, exit) {
    const ending = this.endings[program];
    if (ending !== undefined) ending.exit = exit;
    this.tell("shutdown", `${program} ended: ${exit}`);
  }

  /** What both programs tell alike. @param {string} sender @param {any} message */
  #fromProgram(sender, message) {
    const ending = this.endings[sender];
    if (ending === undefined) return;
    if (message.type === "alert") {
      const times = message.count === 1 ? "" : ` × ${message.count}`;
      this.tell(
        "alert",
        `${message.level}: ${message.title}${times}`,
        message.level === "success" ? "good" : "warn",
      );
    }
    if (message.type === "alert-failed") this.tell("alert", `not delivered: ${message.error}`, "bad");
    if (message.type === "closed") ending.steps.push(message);
    if (message.type === "ended") {
      ending.report = message;
      const { ok, seconds } = message;
      this.tell("shutdown", `${sender}: ${ok ? "all done" : "not all done"}, in ${seconds.toFixed(2)} s`);
    }
  }

  /** @param {any} message */
  #status(message) {
    this.main = message;
    this.mainAt = this.now();
    for (const [symbol, price] of Object.entries(message.prices)) {
      const known = (this.prices[symbol] ??= []);
      if (price !== known.at(-1)) known.push(price);
      if (known.length > 60) known.shift();
    }
  }

  /** @param {any} message */
  #disconnect({ reason, code, wasProactive }) {
    if (wasProactive) return this.tell("stream", `the old connection is closed: ${reason}`);
    this.inPhase.losses++;
    // What it has reported of its stream is of the connection before.
    if (this.main !== undefined) this.main.isCurrent = false;
    const after = (this.now() - this.phaseSince) / 1000;
    this.losses.push({ fault: this.stopping ? "none" : this.fault, after, reason, code });
    return this.tell("stream", `lost: ${reason}, code ${code}`, "bad");
  }

  /** @param {{ from: string, to: string }} message */
  #circuit({ from, to }) {
    this.circuit.state = to;
    if (to === "open") {
      this.circuit.openings++;
      this.inPhase.opened++;
    }
    if (to === "closed") this.circuit.closings++;
    this.tell("circuit", `${from} → ${to}`, to === "closed" ? "good" : to === "open" ? "bad" : "warn");
  }
}
