import type { ShutdownCallback } from "./report.js";

/** A registered callback; times in milliseconds. */
export interface Hook {
  readonly name: string;
  readonly priority: number;
  readonly timeout?: number | undefined;
  readonly callback: ShutdownCallback;
  /** Undoes what the registration has done beside keeping the callback. */
  readonly release?: () => void;
}

/** The order of the turns: lower priority first, ties as they were registered. */
export function inOrder(hooks: readonly Hook[]): readonly Hook[] {
  // The sort is stable, and the hooks come in the order of their registration.
  return hooks.toSorted((one, other) => one.priority - other.priority);
}

/** How long a callback may run when its turn comes at `now`: its own timeout or what is left, 0 when nothing is. */
export function budget(hook: Pick<Hook, "timeout">, deadline: number, now: number): number {
  return Math.max(0, Math.min(hook.timeout ?? Infinity, deadline - now));
}
