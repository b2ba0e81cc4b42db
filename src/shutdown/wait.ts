import { onAbort } from "../kernel/abort.js";
import type { Clock } from "../kernel/clock.js";
import { resolveOptions } from "../kernel/options.js";
import { runAbortable } from "../kernel/policy.js";
import { type ShutdownWaitOptions, waitRules } from "./options.js";

/** A pending timer keeps the process alive; this one never fires. */
const FOREVER = Number.MAX_SAFE_INTEGER;

/**
 * Waits for the end of a shutdown and keeps the process alive meanwhile. Leaves nothing behind: a program may wait a
 * second at a time for as long as it runs.
 *
 * @param complete aborted when the shutdown is complete.
 * @returns `true` when it is complete, `false` when the timeout comes first; rejects when the caller's signal aborts.
 */
export async function waitForEnd(
  complete: AbortSignal,
  clock: Clock,
  options: ShutdownWaitOptions | undefined,
): Promise<boolean> {
  const { timeout = FOREVER, signal } = resolveOptions("wait", waitRules, options);
  let settle = (_isComplete: boolean): void => {};
  const ended = new Promise<boolean>((resolve) => {
    settle = resolve;
  });
  const timer = clock.setTimer(() => settle(false), timeout);
  const leave = onAbort(complete, () => settle(true));
  if (complete.aborted) settle(true);
  try {
    return await runAbortable(() => ended, signal);
  } finally {
    leave();
    timer.cancel();
  }
}

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
