import type { Clock } from "../kernel/clock.js";

/**
 * The machine's time, for the library's own threads. No test replaces timers there, so their programs need not contain
 * what the real clock does for that.
 */
export const threadClock: Pick<Clock, "now" | "wallNow"> = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
};

/** The time that all threads of a process share, and all copies of this package in it, in milliseconds. */
export function sharedNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** Resolves after `delay` milliseconds. */
export async function pause(delay: number): Promise<void> {
  for (let left = delay; left > 0; left -= LONGEST_TIMEOUT) {
    await new Promise((resolve) => {
      setTimeout(resolve, Math.min(left, LONGEST_TIMEOUT));
    });
  }
}

/** Resolves like `work`, but with `undefined` if that takes longer than `patience` milliseconds. */
export function within<Result>(work: Promise<Result>, patience: number): Promise<Result | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), patience);
    work.finally(() => clearTimeout(timer)).then(resolve, reject);
  });
}

/** Blocks the calling thread for `delay` milliseconds. */
export function sleepSync(delay: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delay);
}
