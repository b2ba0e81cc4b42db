import { isError } from "./is-error.js";
import { show } from "./show.js";
import { isThenable } from "./thenable.js";

/** The stack of an error; an error whose own properties throw has nothing to tell. */
function stackOf(cause: unknown): string | undefined {
  try {
    return isError(cause) ? String(cause.stack ?? cause) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Reports through `process.emitWarning`: what went wrong where nobody could be told by an error. Never throws:
 * a warning that cannot be made must not change anything either.
 */
export function warn(code: string, message: string, cause?: unknown): void {
  const detail = stackOf(cause);
  const told = cause === undefined || detail !== undefined ? message : `${message}: ${show(cause)}`;
  try {
    process.emitWarning(told, { type: "ResilienceWarning", code, detail });
  } catch {
    // Somebody has replaced it, or the stack is used up: there is nobody left to tell.
  }
}

/**
 * Runs a callback of the application whose failure must not change anything here. What it throws or
 * rejects with becomes a `KSTLIB_LISTENER_FAILED` warning.
 */
export function runContained<Args extends readonly unknown[]>(
  what: string,
  callback: (...args: Args) => unknown,
  ...args: Args
): void {
  const failed = (error: unknown): void => warn("KSTLIB_LISTENER_FAILED", `${what} failed`, error);
  try {
    const result = callback(...args);
    if (isThenable(result)) result.then(undefined, failed);
  } catch (error) {
    failed(error);
  }
}
