import type { Clock } from "../kernel/clock.js";

/** Node's timers hold the process; this one never comes due in its life. */
const FOREVER = Number.MAX_SAFE_INTEGER;

/** Those who wait for the end of a shutdown. Each keeps the process alive and leaves nothing behind. */
export class Waiters {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves with `true` at {@link complete}, with `false` after `timeout` milliseconds. */
  wait(timeout: number | undefined, signal: AbortSignal | undefined): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const leave = (): void => {
        timer.cancel();
        signal?.removeEventListener("abort", abort);
        this.#waiting.delete(done);
      };
      const done = (): void => {
        leave();
        resolve(true);
      };
      const abort = (): void => {
        leave();
        reject(signal?.reason);
      };
      const timer = this.#clock.setTimer(() => {
        leave();
        resolve(false);
      }, timeout ?? FOREVER);
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.add(done);
    });
  }

  /** Lets everybody go. */
  complete(): void {
    for (const done of this.#waiting) done();
  }
}
