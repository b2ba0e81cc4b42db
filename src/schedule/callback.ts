import type { Boundary } from "./events.js";

/** What the calls of a callback are told to. */
export interface Calls {
  called(boundary: Boundary): void;
  overrun(boundary: Date): void;
  failed(boundary: Date, error: unknown): void;
}

/** Calls a callback of the application for one boundary at a time. */
export class Callback {
  readonly #callback: (boundary: Boundary) => unknown;
  readonly #queues: boolean;
  readonly #calls: Calls;
  #isRunning = false;
  #isEnded = false;
  /** Boundaries without a call since the last one. */
  #missed = 0;
  #queued: Date | undefined;

  constructor(callback: (boundary: Boundary) => unknown, queues: boolean, calls: Calls) {
    this.#callback = callback;
    this.#queues = queues;
    this.#calls = calls;
  }

  /** @param missed how many boundaries were passed before this one. */
  due(boundary: Date, missed: number): void {
    this.#missed += missed;
    if (!this.#isRunning) {
      void this.#run(boundary);
      return;
    }
    if (!this.#queues || this.#queued !== undefined) this.#missed += 1;
    if (this.#queues) this.#queued = boundary;
    this.#calls.overrun(boundary);
  }

  /** Nothing is called any more. */
  end(): void {
    this.#isEnded = true;
  }

  async #run(boundary: Date): Promise<void> {
    this.#isRunning = true;
    for (let next: Date | undefined = boundary; next !== undefined && !this.#isEnded; next = this.#take()) {
      const told = Object.freeze({ boundary: next, missed: this.#missed });
      this.#missed = 0;
      this.#calls.called(told);
      try {
        await this.#callback(told);
      } catch (error) {
        this.#calls.failed(next, error);
      }
    }
    this.#isRunning = false;
  }

  #take(): Date | undefined {
    const queued = this.#queued;
    this.#queued = undefined;
    return queued;
  }
}
