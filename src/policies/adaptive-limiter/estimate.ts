import { boundedState, firstState, type LimitBounds, type LimitState, nextState } from "./limit.js";
import { SampleWindow } from "./window.js";

/** A limit that learns from calls. Reads no clock; times are milliseconds. */
export class Estimate {
  #bounds: LimitBounds;
  readonly #window = new SampleWindow();
  #state: LimitState;

  constructor(initial: number, bounds: LimitBounds) {
    this.#bounds = bounds;
    this.#state = firstState(Math.min(bounds.max, Math.max(bounds.min, initial)));
  }

  /** How many calls may be under way: a whole number. */
  get limit(): number {
    return Math.floor(this.#state.limit);
  }

  /** Latency without a queue at the service; `undefined` until it is known. */
  get minRtt(): number | undefined {
    return this.#state.minRtt;
  }

  /** Brings the limit within other bounds at `now`. Calls that ended under a limit that is no more say nothing of the new one. */
  bound(bounds: LimitBounds, now: number): void {
    const { limit } = this.#state;
    this.#bounds = bounds;
    this.#state = boundedState(this.#state, bounds);
    if (this.#state.limit !== limit) this.#window.clear(now);
  }

  /** Learns from a call that has ended: how long it took, and how many calls were under way when it began, itself included. */
  ended(now: number, rtt: number, inFlight: number, dropped: boolean): void {
    const sample = this.#window.add(now, rtt, inFlight, dropped);
    if (sample !== undefined) this.#state = nextState(this.#state, sample, this.#bounds);
  }
}
