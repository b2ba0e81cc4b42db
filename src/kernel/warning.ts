import { isError } from "./is-error.js";
import { show } from "./show.js";
import { isThenable } from "./thenable.js";

/** The stack of an error; `undefined` if its own properties throw. */
function stackOf(cause: unknown): string | undefined {
  try {
    return isError(cause) ? String(cause.stack ?? cause) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Reports through `process.emitWarning` a problem that cannot be thrown. Never throws.
 */
export function warn(code: string, message: string, cause?: unknown): void {
  const detail = stackOf(cause);
  const told = cause === undefined || detail !== undefined ? message : `${message}: ${show(cause)}`;
  try {
    process.emitWarning(told, { type: "ResilienceWarning", code, detail });
  } catch {
    // `emitWarning` was replaced by something that throws, or the stack overflowed; it cannot be reported.
  }
}

// The ESM and the CommonJS build in one process share what was printed.
const SLOT = Symbol.for("@kstlib/resilience/warned");
/** Of the texts that are remembered; the oldest is forgotten first. */
const MOST_WARNED = 500;

/** {@link warn} for what is true of each of many: the same text is printed once in a process, while it is remembered. */
export function warnOnce(code: string, message: string): void {
  const warned = (Reflect.get(globalThis, SLOT) as Set<string> | undefined) ?? new Set();
  if (warned.has(message)) return;
  const [oldest] = warned;
  if (oldest !== undefined && warned.size >= MOST_WARNED) warned.delete(oldest);
  warned.add(message);
  Object.defineProperty(globalThis, SLOT, { value: warned, configurable: true });
  warn(code, message);
}

/**
 * Runs a callback of the application whose failure must have no effect here: what it throws or rejects with becomes a
 * `KSTLIB_LISTENER_FAILED` warning.
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
