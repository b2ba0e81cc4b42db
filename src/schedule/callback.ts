import type { Boundary } from "./events.js";

/** Receives what becomes of a callback. */
export interface Told {
  called(boundary: Boundary): void;
  overrun(boundary: Date): void;
  failed(boundary: Date, error: unknown): void;
}

/** Calls a callback of the application for one boundary at a time. */
export class Callback {
  readonly #callback: (boundary: Boundary) => unknown;
  readonly #queues: boolean;
  readonly #told: Told;
  #isRunning = false;
  #isEnded = false;
  /** Boundaries without a call since the last one. */
  #missed = 0;
  #queued: Date | undefined;

  constructor(callback: (boundary: Boundary) => unknown, queues: boolean, told: Told) {
    this.#callback = callback;
    this.#queues = queues;
    this.#told = told;
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
    this.#told.overrun(boundary);
  }

  /** Nothing is called any more. */
  end(): void {
    this.#isEnded = true;
  }

  async #run(boundary: Date): Promise<void> {
    this.#isRunning = true;
    for (let next: Date | undefined = boundary; next !== undefined && !this.#isEnded; next = this.#take()) {
      const payload = Object.freeze({ boundary: next, missed: this.#missed });
      this.#missed = 0;
      this.#told.called(payload);
      try {
        await this.#callback(payload);
      } catch (error) {
        this.#told.failed(next, error);
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
