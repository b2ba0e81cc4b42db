// @ts-check
// What happened, one line for each event, on the clock of the schedule.

const EVENTS_KEPT = 50;

/** @typedef {{ at: number, source: string, text: string, tone: "good" | "bad" | "warn" | "plain" }} Event */

export class EventLog {
  /** @type {Event[]} */
  events = [];
  /** @type {number | undefined} */
  #started;
  #listener;

  /** @param {(event: Event) => void} listener */
  constructor(listener) {
    this.#listener = listener;
  }

  /** Milliseconds since the schedule began; 0 before. */
  now() {
    return this.#started === undefined ? 0 : performance.now() - this.#started;
  }

  begin() {
    this.#started = performance.now();
  }

  /** @param {string} source @param {string} text @param {Event["tone"]} [tone] */
  tell(source, text, tone = "plain") {
    const event = { at: this.now(), source, text, tone };
    this.events.push(event);
    if (this.events.length > EVENTS_KEPT) this.events.shift();
    this.#listener(event);
  }
}
