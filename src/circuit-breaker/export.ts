import { type Clock, monotonicClock } from "../kernel/clock.js";
import { isPlainObject } from "../kernel/plain-object.js";
import { unlike } from "../kernel/show.js";
import type { Saved } from "./machine.js";
import type { CircuitExport } from "./report.js";

/** The state of a circuit as plain JSON. */
export function exportOf({ isOpen, failures, reopenings, remaining }: Saved, wallNow: number): CircuitExport {
  return Object.freeze({
    version: 1,
    state: isOpen ? "open" : "closed",
    failureCount: failures,
    reopenings,
    remainingSeconds: remaining / 1000,
    exportedAt: wallNow,
  });
}

/**
 * Reads the argument of `restore`, which comes from a file or another process. Unknown keys are ignored.
 *
 * @throws TypeError that says what is wrong.
 */
export function savedOf(given: unknown, wallNow: number): Saved {
  if (!isPlainObject(given))
    throw new TypeError(unlike("the state of a circuit", "what export() gives", given));
  const { version, state, ...others } = given as Readonly<Record<string, unknown>>;
  if (version !== 1) throw new TypeError(unlike("version of the state", "1", version));
  if (state !== "closed" && state !== "open")
    throw new TypeError(unlike("state", '"closed" or "open"', state));
  const number = (key: keyof CircuitExport): number => {
    const value = others[key];
    if (typeof value === "number" && value >= 0 && value < Infinity) return value;
    throw new TypeError(unlike(key, "a number of at least 0", value));
  };
  // Setting the wall clock back must not lengthen the wait.
  const passed = Math.max(0, wallNow - number("exportedAt"));
  return {
    isOpen: state === "open",
    failures: number("failureCount"),
    reopenings: number("reopenings"),
    remaining: Math.max(0, number("remainingSeconds") * 1000 - passed),
  };
}

/** The wall-clock time of a breaker's clock, which need not have any. */
export function wallNowOf(clock: Partial<Clock>): number {
  return clock.wallNow?.() ?? monotonicClock.wallNow();
}
