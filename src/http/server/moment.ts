import type { Clock, Timer, TimerOptions } from "../../kernel/clock.js";

/** A clock that can stand still, so that several limits are asked about the same moment, and it is read once. */
export class Moment implements Clock {
  readonly #clock: Clock;
  #held: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Stands still until {@link release}. */
  hold(): void {
    this.#held = this.#clock.now();
  }

  release(): void {
    this.#held = undefined;
  }

  now(): number {
    return this.#held ?? this.#clock.now();
  }

  wallNow(): number {
    return this.#clock.wallNow();
  }

  setTimer(callback: () => void, delay: number, options?: TimerOptions): Timer {
    return this.#clock.setTimer(callback, delay, options);
  }

  sleepSync(delay: number): void {
    this.#clock.sleepSync(delay);
  }

  track(work: Promise<unknown>): void {
    this.#clock.track?.(work);
  }
}
