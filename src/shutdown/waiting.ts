import type { Clock } from "../kernel/clock.js";
import { resolveOptions } from "../kernel/options.js";
import { runAbortable } from "../kernel/policy.js";
import { type ShutdownWaitOptions, waitRules } from "./options.js";

/** A timer holds the process; this one never comes due in its life. */
const FOREVER = Number.MAX_SAFE_INTEGER;

/** Those who wait for the end of a shutdown; each keeps the process alive meanwhile. */
export class Waiting {
  readonly #clock: Clock;
  readonly #waiting = new Set<(isComplete: boolean) => void>();
  #isComplete = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Resolves with `true` when the shutdown is complete, with `false` when the timeout comes first; rejects when
   * the signal aborts.
   */
  async wait(options: ShutdownWaitOptions | undefined): Promise<boolean> {
    const { timeout = FOREVER, signal } = resolveOptions("wait", waitRules, options);
    let settle = (_isComplete: boolean): void => {};
    const ended = new Promise<boolean>((resolve) => {
      settle = resolve;
    });
    const timer = this.#clock.setTimer(() => settle(false), timeout);
    this.#waiting.add(settle);
    if (this.#isComplete) settle(true);
    try {
      return await runAbortable(() => ended, signal);
    } finally {
      this.#waiting.delete(settle);
      timer.cancel();
    }
  }

  /** Lets all go, and everybody who comes later. */
  complete(): void {
    this.#isComplete = true;
    for (const settle of this.#waiting) settle(true);
  }
}
