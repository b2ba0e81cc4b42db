import { realClock } from "../kernel/clock.js";
import { countedTime } from "./deadline.js";
import { runQueueWait } from "./thread-facts.js";

/** The monitor's time for deadlines: it stands still while the watched thread could not have run. */
export class MonitorTime {
  /** Milliseconds that count. */
  counted = 0;
  /** Milliseconds that were left out. */
  uncounted = 0;
  readonly #folder: string | undefined;
  #last: number = realClock.now();
  #asked = 0;
  #queued: number | undefined;

  constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  /** Says how long the monitor means to wait from now. */
  expect(wait: number): void {
    this.#asked = wait;
  }

  /** Says that the monitor was busy since the last {@link pass}: time like any other. */
  wasBusy(): void {
    this.#asked = realClock.now() - this.#last;
  }

  /** Takes in what has passed. Starvation is worth a file read only when somebody is `late`. */
  pass(late: boolean): void {
    const now = realClock.now();
    const queued = late ? runQueueWait(this.#folder) : undefined;
    const waited = queued === undefined || this.#queued === undefined ? 0 : queued - this.#queued;
    this.#queued = queued;
    const elapsed = now - this.#last;
    this.#last = now;
    const counts = countedTime(elapsed, this.#asked, waited);
    this.counted += counts;
    this.uncounted += elapsed - counts;
  }
}
