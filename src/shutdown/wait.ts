import { onAbort } from "../kernel/abort.js";
import type { Clock } from "../kernel/clock.js";
import type { Duration } from "../kernel/duration.js";
import { signalRule } from "../kernel/object-rules.js";
import { type OptionRules, resolveOptions, type SettingsFor } from "../kernel/options.js";
import { runAbortable } from "../kernel/policy.js";
import { duration, optional } from "../kernel/rules.js";

/** Options of `wait`. */
export interface ShutdownWaitOptions {
  /** How long to wait, 0 or more. Default: no limit. */
  readonly timeout?: Duration | undefined;
  /** Gives up waiting: the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** The checked options of `wait`; times in milliseconds. */
type ShutdownWaitSettings = SettingsFor<
  ShutdownWaitOptions,
  { timeout: number | undefined; signal: AbortSignal | undefined }
>;

/** The allowed values of each option of `wait`. */
const waitRules: OptionRules<ShutdownWaitSettings> = {
  timeout: optional(duration(undefined, { zero: true })),
  signal: signalRule,
};

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
