import type { Closed, Limits } from "../../circuit-breaker/machine.js";

/**
 * The failures in a row of a closed circuit: written when they happen, a success only while the count is above 0. At most
 * one write is under way; what happens meanwhile goes into the next.
 */
export class Failures {
  readonly #write: (reset: boolean, failures: number) => Promise<unknown>;
  readonly #settled: () => void;
  #reset = false;
  #failures = 0;
  /** Settles when everything is written. */
  #writing: Promise<void> | undefined;
  /** Whether the write under way may open the circuit: until it is answered, calls wait, and successes are too late. */
  mayTrip = false;

  /**
   * @param write must not reject.
   * @param settled is called when it is known again whether the circuit is open.
   */
  constructor(write: (reset: boolean, failures: number) => Promise<unknown>, settled: () => void) {
    this.#write = write;
    this.#settled = settled;
  }

  /** Settles when the store has answered; at once if nothing is under way. */
  get written(): Promise<void> | undefined {
    return this.#writing;
  }

  /** Failures that are not yet in an answer of the store. */
  get unsent(): number {
    return this.#failures;
  }

  /** Counts how a call has ended; the count that results is what this instance knows, and the store's is what holds. */
  count(state: Closed, limits: Limits, failed: boolean): Closed {
    if (failed) {
      this.#failures++;
      if (state.failures + 1 >= limits.maxFailures) this.mayTrip = true;
    } else {
      if (state.failures === 0 || this.mayTrip) return state;
      this.#reset = true;
      this.#failures = 0;
    }
    this.#writing ??= this.#writeAll();
    return { ...state, failures: failed ? state.failures + 1 : 0 };
  }

  /** What is not sent belongs to a state that is over. */
  forget(): void {
    this.#reset = false;
    this.#failures = 0;
  }

  async #writeAll(): Promise<void> {
    while (this.#reset || this.#failures > 0) {
      const [reset, failures] = [this.#reset, this.#failures];
      this.forget();
      await this.#write(reset, failures);
    }
    this.#writing = undefined;
    this.mayTrip = false;
    this.#settled();
  }
}
