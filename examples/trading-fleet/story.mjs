// @ts-check
// What happened, as seen from outside: combines what the bots, the exchange and the registry tell into one state. The view
// draws it and the summary judges it.
import { EventLog } from "../trading-bot/event-log.mjs";
import { now } from "./settings.mjs";

/**
 * @typedef {import("../trading-bot/event-log.mjs").Event} Event
 * @typedef {import("@kstlib/resilience/redis").HeartbeatInstance} HeartbeatInstance
 *
 * @typedef {object} Bot
 * @property {any} status the last one that it told
 * @property {string} circuit
 * @property {boolean} isCutOff it decides alone, because Redis does not answer it
 * @property {string} liveness what the registry says of it
 * @property {number | null} age seconds since its last beat, on the server's clock
 * @property {{ ok: boolean, seconds: number } | undefined} report of its shutdown
 * @property {number | string | undefined} exit an exit code or the name of a signal
 */

const OUTAGES = new Set(["errors", "hang"]);

export class FleetStory extends EventLog {
  /** @type {readonly import("./schedule.mjs").Phase[]} */
  phases;
  /** Whether the schedule begins again at its end. */
  again;
  phase = -1;
  cycle = 1;
  phaseSince = 0;
  stopping = false;
  interrupted = false;
  outages = 0;
  /** All of them, for the summary. @type {import("./exchange.mjs").Request[]} */
  requests = [];
  /** @type {import("./timeline.mjs").Mark[]} */
  marks = [];
  /** @type {Map<string, Bot>} */
  bots = new Map();
  registry = { joined: new Set(), stopped: new Set(), lost: /** @type {string[]} */ ([]) };
  /** When the schedule ended, on the clock of all processes. */
  #end = 0;
  /** The latest change of the circuit: which bot knew first, and when. */
  #change = { to: "closed", at: 0, later: /** @type {number[]} */ ([]) };

  /** @param {readonly import("./schedule.mjs").Phase[]} phases @param {boolean} again @param {readonly string[]} bots @param {(event: Event) => void} listener */
  constructor(phases, again, bots, listener) {
    super(listener);
    this.phases = phases;
    this.again = again;
    for (const bot of bots) {
      this.bots.set(bot, {
        status: undefined,
        circuit: "closed",
        isCutOff: false,
        liveness: "unknown",
        age: null,
        report: undefined,
        exit: undefined,
      });
    }
  }

  get end() {
    return this.#end || now();
  }

  /** The circuit as the latest of all changes left it. */
  get circuit() {
    return this.#change.to;
  }

  get circuitIsClosed() {
    return this.survivors.every(([, { circuit }]) => circuit === "closed");
  }

  /** The bots that were not killed. */
  get survivors() {
    return [...this.bots].filter(([, { exit }]) => exit === undefined || typeof exit === "number");
  }

  get fault() {
    return this.phases[this.phase]?.fault;
  }

  /** How many requests the exchange has seen in the last second that it reported. */
  get lastSecond() {
    const since = (this.requests.at(-1)?.ended ?? 0) - 1000;
    return this.requests.slice(-200).filter(({ arrived }) => arrived > since).length;
  }

  /** From now on, what happens belongs to the shutdown. */
  finish() {
    this.#end = now();
    this.stopping = true;
  }

  /** The schedule was interrupted: an outage in progress proves nothing. */
  interrupt() {
    this.interrupted = true;
    if (this.fault !== undefined && OUTAGES.has(this.fault)) this.outages--;
  }

  /** @param {any} message */
  fromExchange(message) {
    if (message.type === "requests") this.requests.push(...message.requests);
    if (message.type === "phase") this.#enter(message);
  }

  /** @param {string} name @param {any} message */
  fromBot(name, message) {
    const bot = this.bots.get(name);
    if (bot === undefined) return;
    if (message.type === "status") bot.status = message;
    if (message.type === "circuit") this.#circuit(name, bot, message);
    if (message.type === "store") this.#store(name, bot, message);
    if (message.type === "ended") {
      bot.report = message;
      const { ok, seconds } = message;
      this.tell(name, `${ok ? "all done" : "not all done"}, in ${seconds.toFixed(2)} s`, ok ? "good" : "bad");
    }
  }

  /** @param {string} name @param {number | string | undefined} exit */
  ended(name, exit) {
    const bot = this.bots.get(name);
    if (bot === undefined) return;
    bot.exit = exit;
    if (!this.stopping) this.marks.push({ at: now(), kind: "ended", bot: name });
    this.tell(name, `ended: ${exit}`, this.stopping ? "plain" : "bad");
  }

  /** @param {"joined" | "lost" | "stopped" | "status"} event @param {HeartbeatInstance} instance */
  fromRegistry(event, { instance, age, state }) {
    if (event === "joined") this.registry.joined.add(instance);
    if (event === "stopped") this.registry.stopped.add(instance);
    if (event === "lost") this.registry.lost.push(instance);
    if (event === "status") return this.tell("registry", `${instance} is ${state?.status}`);
    const tone = event === "lost" ? "bad" : event === "joined" ? "good" : "plain";
    const silent = event === "lost" ? `, silent for ${age?.toFixed(1)} s` : "";
    return this.tell("registry", `${instance} ${event}${silent}`, tone);
  }

  /** What a look at the registry found; nothing while Redis does not answer. @param {readonly HeartbeatInstance[] | undefined} instances */
  listed(instances) {
    for (const [name, bot] of this.bots) {
      const { status = "unknown", age = null } = instances?.find(({ instance }) => instance === name) ?? {};
      bot.liveness = status;
      bot.age = age;
    }
  }

  /** @param {{ index: number, cycle: number, at: number }} message */
  #enter({ index, cycle, at }) {
    this.phase = index;
    this.cycle = cycle;
    this.phaseSince = this.now();
    const phase = this.phases[index];
    if (phase === undefined) return;
    this.marks.push({ at, kind: "phase", fault: phase.fault });
    const isOutage = OUTAGES.has(phase.fault);
    if (isOutage) this.outages++;
    const tone = phase.fault === "none" ? "good" : isOutage ? "bad" : "warn";
    this.tell((phase.of ?? "exchange").toLowerCase(), `${phase.title}: ${phase.tells}`, tone);
  }

  /** @param {string} name @param {Bot} bot @param {{ from: string, to: string, failure: string, at: number }} message */
  #circuit(name, bot, { from, to, failure, at }) {
    bot.circuit = to;
    this.marks.push({ at, kind: "circuit", bot: name, to });
    const change = this.#change;
    if (to === change.to) {
      change.later.push(Math.abs(at - change.at));
      const others = [...this.bots.values()].filter(({ exit }) => exit === undefined).length - 1;
      if (to !== "open" || change.later.length !== others) return;
      this.tell(
        "circuit",
        `the others know ${change.later.map((later) => later.toFixed(1)).join(" and ")} ms later`,
      );
      return;
    }
    this.#change = { to, at, later: [] };
    const tells = to === "open" ? `: ${failure}` : to === "half-open" ? ": one probe may pass" : "";
    const tone = to === "closed" ? "good" : to === "open" ? "bad" : "warn";
    this.tell("circuit", `${from} → ${to}, ${name} knows first${tells}`, tone);
  }

  /** @param {string} name @param {Bot} bot @param {{ isUp: boolean, at: number }} message */
  #store(name, bot, { isUp, at }) {
    bot.isCutOff = !isUp;
    this.marks.push({ at, kind: "store", bot: name, isUp });
    const text = isUp
      ? "Redis answers: shares the limit again"
      : "Redis does not answer: keeps its share alone";
    this.tell(name, text, isUp ? "good" : "warn");
  }
}
