// @ts-check
// What happened, as seen from outside: combines the messages of both processes, the bot's stderr and its heartbeat file
// into one state. The view draws it and the summary judges it.

import { EventLog } from "./event-log.mjs";

const OUTAGES = new Set(["errors", "refused", "hang"]);
const HERE = new URL(".", import.meta.url).href;
const LATENCIES_KEPT = 60;

/** @typedef {import("./event-log.mjs").Event} Event */

export class Story extends EventLog {
  /** @type {readonly import("./schedule.mjs").Phase[]} */
  phases;
  /** Whether the schedule begins again at its end. */
  again;
  phase = -1;
  cycle = 1;
  phaseSince = 0;
  /** The bot's last status, and when it came. @type {any} */
  bot;
  botAt = 0;
  /** @type {any} */
  exchange;
  /** @type {number[]} */
  latencies = [];
  circuit = { state: "closed", since: 0, openings: 0, openMs: 0, openedAt: 0 };
  /** @type {{ title: string, opened: boolean, closed: boolean }[]} */
  outages = [];
  pausedUntil = 0;
  /** @type {{ at: number, detectedAfter?: number, lasted?: number, kind?: string, named: boolean }[]} */
  freezes = [];
  frozen = false;
  heartbeat = {
    status: "unknown",
    age: 0,
    sequence: 0,
    written: 0,
    longestGap: 0,
    stale: 0,
    frozen: 0,
    last: "",
  };
  /** Orders that only one side has reported so far. @type {Map<string, string>} */
  unmatched = new Map();
  accepted = 0;
  booked = 0;
  /** @type {{ name: string, status: string, seconds: number }[]} */
  closed = [];
  /** The report of the bot's shutdown. @type {{ reason: string, ok: boolean, seconds: number } | undefined} */
  report;
  stopping = false;
  interrupted = false;
  /** How the bot ended: an exit code or the name of a signal. @type {number | string | undefined} */
  exit;
  #beat = 0;

  /** @param {readonly import("./schedule.mjs").Phase[]} phases @param {boolean} again @param {(event: Event) => void} listener */
  constructor(phases, again, listener) {
    super(listener);
    this.phases = phases;
    this.again = again;
  }

  /** How long the circuit has been open in all. */
  get openSeconds() {
    const { state, since, openMs } = this.circuit;
    return (openMs + (state === "open" ? this.now() - since : 0)) / 1000;
  }

  /** @param {any} message */
  fromExchange(message) {
    if (message.type === "exchange") this.exchange = message;
    if (message.type === "accepted") {
      this.accepted++;
      this.#match(message.id, "exchange");
    }
    if (message.type === "phase") this.#enter(message.index, message.cycle);
  }

  /** @param {any} message */
  fromBot(message) {
    switch (message.type) {
      case "status":
        return this.#status(message);
      case "circuit":
        return this.#circuit(message);
      case "booked":
        this.booked++;
        return this.#match(message.id, "bot");
      case "throttled":
        this.pausedUntil = this.now() + message.seconds * 1000;
        return this.tell("limiter", `429, Retry-After: ${message.seconds} s. Both limiters pause`, "warn");
      case "notice":
        this.frozen = true;
        this.freezes.push({ at: this.now(), named: false });
        return this.tell("bot", "reads a notice of the exchange: its event loop is frozen", "bad");
      case "freeze":
        return this.#freeze(message);
      case "recovered":
        this.#thaw();
        return this.tell(
          "watchdog",
          `the trading loop pings again, after ${this.freezes.at(-1)?.lasted?.toFixed(1)} s`,
          "good",
        );
      case "closed":
        return this.#closed(message);
      case "ended":
        this.report = message;
        return this.tell(
          "shutdown",
          `${message.reason}: ${message.ok ? "all done" : "not all done"}, in ${message.seconds.toFixed(2)} s`,
          message.ok ? "good" : "bad",
        );
      default:
        return undefined;
    }
  }

  /** A line that the bot, or the watchdog's thread while the bot is frozen, wrote to stderr. @param {string} line */
  fromStderr(line) {
    // From a stack, only the frames of the bot's own code.
    if (line.trim() === "" || /^\s*at (async |process\.)|\(node:internal/.test(line)) return;
    const text = line.trimEnd().replace(HERE, "");
    const freeze = this.freezes.at(-1);
    if (freeze === undefined || !this.frozen) return this.tell("stderr", text, "warn");
    freeze.detectedAfter ??= (this.now() - freeze.at) / 1000;
    if (line.includes("notice.mjs")) freeze.named = true;
    return this.tell("watchdog", text.replace("[watchdog] ", ""), "bad");
  }

  /** What an external monitor finds in the heartbeat file. @param {{ status: string, age: number | null | undefined, state: any }} check */
  fromMonitor({ status, age, state }) {
    const { heartbeat } = this;
    if (status !== heartbeat.status) {
      if (status === "stale") heartbeat.stale++;
      if (status === "frozen") heartbeat.frozen++;
      const tone = status === "alive" ? "good" : status === "stopped" ? "plain" : "bad";
      if (heartbeat.status !== "unknown") this.tell("monitor", `the heartbeat is ${status}`, tone);
      heartbeat.status = status;
    }
    heartbeat.age = age ?? 0;
    if (state === null || state === undefined || state.sequence === heartbeat.sequence) return;
    const beat = Date.parse(state.timestamp);
    if (this.#beat > 0) heartbeat.longestGap = Math.max(heartbeat.longestGap, (beat - this.#beat) / 1000);
    this.#beat = beat;
    heartbeat.sequence = state.sequence;
    heartbeat.last = state.status;
  }

  /** The schedule was interrupted: an outage in progress, or one that begins while the bot ends, proves nothing. */
  interrupt() {
    this.interrupted = true;
    this.outages = this.outages.filter(({ closed }) => closed);
  }

  /** @param {number} index @param {number} cycle */
  #enter(index, cycle) {
    this.phase = index;
    this.cycle = cycle;
    this.phaseSince = this.now();
    const phase = this.phases[index];
    if (phase === undefined) return;
    const outage = OUTAGES.has(phase.fault);
    if (outage && !this.interrupted) this.outages.push({ title: phase.title, opened: false, closed: false });
    this.tell(
      "exchange",
      `${phase.title}: ${phase.tells}`,
      phase.fault === "none" ? "good" : outage ? "bad" : "warn",
    );
  }

  /** @param {any} message */
  #status(message) {
    if (message.requests.answered !== this.bot?.requests.answered) {
      this.latencies.push(message.requests.latencyMs);
      if (this.latencies.length > LATENCIES_KEPT) this.latencies.shift();
    }
    this.bot = message;
    this.botAt = this.now();
    this.#thaw();
    this.circuit.state = message.circuit.state;
  }

  #thaw() {
    if (!this.frozen) return;
    this.frozen = false;
    const freeze = this.freezes.at(-1);
    if (freeze !== undefined) freeze.lasted = (this.now() - freeze.at) / 1000;
  }

  /** @param {{ from: string, to: string, failure: string, at: number }} message */
  #circuit({ from, to, failure, at }) {
    const { circuit } = this;
    if (from === "open") circuit.openMs += at - circuit.openedAt;
    if (to === "open") {
      circuit.openings++;
      circuit.openedAt = at;
    }
    circuit.state = to;
    circuit.since = this.now();
    const outage = this.outages.at(-1);
    if (outage !== undefined && to === "open") outage.opened = true;
    if (outage !== undefined && to === "closed") outage.closed = true;
    const tells = {
      open: `${failure}. Last known prices serve`,
      "half-open": "probes may pass",
      closed: "requests pass again",
    };
    const tone = to === "closed" ? "good" : to === "open" ? "bad" : "warn";
    this.tell("circuit", `${from} → ${to}: ${tells[/** @type {"open"} */ (to)] ?? ""}`, tone);
  }

  /** @param {{ kind: string, seconds: number }} message */
  #freeze({ kind, seconds }) {
    const known = this.freezes.findLast((found) => found.kind === undefined);
    if (known === undefined) this.freezes.push({ at: this.now(), kind, named: false });
    else known.kind = kind;
    this.tell("watchdog", `onTimeout: ${kind}, ${seconds.toFixed(1)} s without a ping`, "bad");
  }

  /** @param {{ name: string, status: string, seconds: number }} step */
  #closed({ name, status, seconds }) {
    this.closed.push({ name, status, seconds });
    this.tell(
      "shutdown",
      `${name}: ${status} in ${seconds.toFixed(2)} s`,
      status === "done" ? "good" : "bad",
    );
  }

  /** @param {string} id @param {string} side */
  #match(id, side) {
    const other = this.unmatched.get(id);
    if (other === undefined || other === side)
      this.unmatched.set(other === undefined ? id : `${id} again`, side);
    else this.unmatched.delete(id);
  }
}
