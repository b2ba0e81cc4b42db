import type { ShutdownContext, ShutdownMember } from "./report.js";

/** What a registration is of. */
export type ShutdownKind = "callback" | "server" | "worker" | "cluster";

/** What is registered to have its turn; times in milliseconds. */
export interface Hook {
  readonly name: string;
  readonly kind: ShutdownKind;
  readonly priority: number;
  readonly timeout?: number | undefined;
  /** @param time how long it may take, for those who divide it. */
  readonly callback: (context: ShutdownContext, time: number) => unknown;
  /** Tells, after its turn, what has become of the threads or processes behind it. */
  readonly members?: () => Promise<readonly ShutdownMember[]>;
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
