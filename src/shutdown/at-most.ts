import type { Clock } from "../kernel/clock.js";

/** Waits for `work`, which never rejects, at most `limit` milliseconds; keeps the process alive meanwhile. */
export function atMost(limit: number, work: Promise<unknown>, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(resolve, limit);
    void work.then(() => {
      timer.cancel();
      return resolve();
    });
  });
}
