import type { WindowSample } from "./algorithms.js";

/** The shortest window, in milliseconds. */
const LENGTH = 1000;
/** The fewest calls in a window. */
const FEWEST = 10;
/** A call that took fewer milliseconds than this did not reach a service. */
const NO_SERVICE = 0.1;

/**
 * Collects calls into windows. Source: Netflix's concurrency-limits (`WindowedLimit`): at least 1 s and 10 calls,
 * latencies of at least 0.1 ms.
 */
export class SampleWindow {
  #began: number | undefined;
  #calls = 0;
  #total = 0;
  #inFlight = 0;
  #dropped = false;

  /** Adds a call that ended at `now`; returns the window when it is over. Times are milliseconds. */
  add(now: number, rtt: number, inFlight: number, dropped: boolean): WindowSample | undefined {
    if (rtt < NO_SERVICE && !dropped) return undefined;
    this.#began ??= now - rtt;
    this.#calls++;
    this.#total += rtt;
    this.#inFlight = Math.max(this.#inFlight, inFlight);
    this.#dropped ||= dropped;
    if (this.#calls < FEWEST || now - this.#began < LENGTH) return undefined;
    const sample = { rtt: this.#total / this.#calls, inFlight: this.#inFlight, dropped: this.#dropped };
    this.clear(now);
    return sample;
  }

  /** Begins a new window at `now`. */
  clear(now: number): void {
    this.#began = now;
    this.#calls = this.#total = this.#inFlight = 0;
    this.#dropped = false;
  }
}
