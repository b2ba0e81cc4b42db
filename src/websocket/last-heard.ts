import type { Clock } from "../kernel/clock.js";

/** What is read so soon after a standstill may have been sent during it. Milliseconds. */
const CATCHING_UP = 1000;

/** A moment on both clocks, in milliseconds. */
export interface Moment {
  readonly at: number;
  readonly wall: number;
}

/**
 * Up to when a connection has certainly delivered everything. That is when it was last heard of, except after a
 * standstill of the process or of the paused socket: then messages are read long after they were sent, and an end that
 * follows them may have come long before.
 */
export class LastHeard {
  readonly #clock: Clock;
  #latest: Moment;
  /** Before the last standstill. */
  #before: Moment;
  /** When that was over; while the socket is paused, it is not. */
  #resumed = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#latest = this.#before = this.#moment();
  }

  get moment(): Moment {
    return this.#isCatchingUp(this.#clock.now()) ? this.#before : this.#latest;
  }

  hear(): void {
    const moment = this.#moment();
    if (moment.at - this.#latest.at > CATCHING_UP && !this.#isCatchingUp(moment.at)) {
      this.#before = this.#latest;
      this.#resumed = moment.at;
    }
    this.#latest = moment;
  }

  pause(): void {
    // Soon after a standstill or another pause, not all of its messages are read yet: this one goes on with it.
    if (!this.#isCatchingUp(this.#clock.now())) this.#before = this.#latest;
    this.#resumed = Infinity;
  }

  resume(): void {
    this.#resumed = this.#clock.now();
  }

  #isCatchingUp(now: number): boolean {
    return now - this.#resumed < CATCHING_UP;
  }

  #moment(): Moment {
    return { at: this.#clock.now(), wall: this.#clock.wallNow() };
  }
}
