import type { ShutdownCallback, ShutdownReport, ShutdownResult } from "./report.js";

/** A registered callback; times in milliseconds. */
export interface Hook {
  readonly name: string;
  readonly priority: number;
  readonly timeout: number | undefined;
  readonly callback: ShutdownCallback;
}

/** The order of the turns: lower priority first, ties as they were registered. */
export function inOrder(hooks: Iterable<Hook>): readonly Hook[] {
  // The sort is stable, and the hooks come in the order of their registration.
  return [...hooks].toSorted((one, other) => one.priority - other.priority);
}

/** How long a callback may run when its turn comes at `now`: its own timeout or what is left, 0 when nothing is. */
export function budget(hook: Pick<Hook, "timeout">, deadline: number, now: number): number {
  return Math.min(hook.timeout ?? Infinity, Math.max(0, deadline - now));
}

/** What is said of a callback whose turn never came. */
export function skipped(hook: Pick<Hook, "name">): ShutdownResult {
  return Object.freeze({ name: hook.name, status: "skipped", seconds: 0 });
}

/** The report of a shutdown that took `elapsed` milliseconds. */
export function summary(reason: string, results: readonly ShutdownResult[], elapsed: number): ShutdownReport {
  return Object.freeze({
    reason,
    results: Object.freeze([...results]),
    seconds: elapsed / 1000,
    ok: results.every((result) => result.status === "done"),
  });
}
