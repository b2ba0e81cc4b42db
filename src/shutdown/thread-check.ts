import { whyNoThread } from "../process/thread.js";
import { warn } from "../kernel/warning.js";

const CODE = "KSTLIB_NO_DEADLINE_THREAD";
const MESSAGE = "a callback that blocks the thread can outlast the timeout of the shutdown";

let isTold = false;

/** Warns that nothing enforces the deadline from outside of the thread. */
export function warnNoDeadlineThread(error: unknown): void {
  warn(CODE, MESSAGE, error);
}

/**
 * Whether a deadline thread can be started, as far as that can be told without starting one, which would take each
 * program tens of milliseconds. Where it cannot, a warning says so, once: asked at the installation, that is long
 * before it matters.
 */
export function canStartDeadlineThread(): boolean {
  const why = whyNoThread();
  if (why === undefined) return true;
  if (!isTold) warn(CODE, `${MESSAGE}: ${why}`);
  isTold = true;
  return false;
}
