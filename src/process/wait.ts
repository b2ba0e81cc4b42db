import { realClock } from "../kernel/clock.js";

/** Resolves after `delay` milliseconds of the machine's time. */
export function pause(delay: number): Promise<void> {
  return new Promise((resolve) => {
    realClock.setTimer(resolve, delay);
  });
}

/** What `work` resolves with; `undefined` when that takes longer than `patience` milliseconds. */
export function within<Result>(work: Promise<Result>, patience: number): Promise<Result | undefined> {
  return new Promise((resolve, reject) => {
    const timer = realClock.setTimer(() => resolve(undefined), patience);
    work.finally(() => timer.cancel()).then(resolve, reject);
  });
}
