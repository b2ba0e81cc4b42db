import type { ShutdownContext, ShutdownCut, ShutdownMember } from "./report.js";

/** The kind of a registration. */
export type ShutdownKind = "callback" | "server" | "worker" | "cluster";

/** A registration, which runs in its turn; times in milliseconds. */
export interface Hook {
  readonly name: string;
  readonly kind: ShutdownKind;
  readonly priority: number;
  readonly timeout?: number | undefined;
  /** @param time how long it may take, for registrations that divide it among several steps. */
  readonly callback: (context: ShutdownContext, time: number) => unknown;
  /** After its turn: what became of its threads or processes. */
  readonly members?: () => Promise<readonly ShutdownMember[]>;
  /** After its turn: which connections a server cut off. */
  readonly cut?: () => ShutdownCut | undefined;
  /** Removes the listeners that the registration has added. */
  readonly release?: () => void;
}

/** The order of the turns: lower priority first, ties in the order of registration. */
export function inOrder(hooks: readonly Hook[]): readonly Hook[] {
  // The sort is stable.
  return hooks.toSorted((one, other) => one.priority - other.priority);
}

/**
 * How long a callback may run when its turn comes at `now`: its own timeout or the remaining time, at least 0. If it
 * waits for clients, threads or processes and has no timeout of its own, it leaves a part to later callbacks.
 *
 * @param reserve that part; 0 for the last callback.
 */
export function budget(
  { kind, timeout }: Pick<Hook, "kind" | "timeout">,
  deadline: number,
  now: number,
  reserve: number,
): number {
  const left = Math.max(0, deadline - now);
  if (timeout !== undefined) return Math.min(timeout, left);
  return kind === "callback" ? left : left * (1 - reserve);
}
