import type { Clock, Timer } from "../kernel/clock.js";

/** One timer at a time. */
export class Alarm {
  readonly #clock: Clock;
  readonly #options: { readonly ref: boolean };
  #timer: Timer | undefined;

  /** @param ref whether it keeps the process alive while it is set. */
  constructor(clock: Clock, ref: boolean) {
    this.#clock = clock;
    this.#options = { ref };
  }

  get isSet(): boolean {
    return this.#timer !== undefined;
  }

  /** Runs `callback` after `wait` milliseconds, in place of what was to run before. */
  set(callback: () => void, wait: number): void {
    this.cancel();
    const fire = (): void => {
      this.#timer = undefined;
      callback();
    };
    this.#timer = this.#clock.setTimer(fire, wait, this.#options);
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
