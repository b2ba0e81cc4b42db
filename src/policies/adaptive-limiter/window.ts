import type { WindowSample } from "./algorithms.js";

/** Milliseconds that a window lasts at least. */
const LENGTH = 1000;
/** Calls that it has at least. */
const FEWEST = 10;
/** A call that took no more than this in milliseconds did not go to a service. */
const NO_SERVICE = 0.1;

/**
 * Collects calls into windows. Source: Netflix's concurrency-limits (`WindowedLimit`): 1 s and 10 calls at least,
 * latencies of 0.1 ms at least.
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

  /** Begins anew at `now`. */
  clear(now: number): void {
    this.#began = now;
    this.#calls = this.#total = this.#inFlight = 0;
    this.#dropped = false;
  }
}
