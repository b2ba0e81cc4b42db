import type { Snapshot } from "../kernel/component.js";
import { isError } from "../kernel/is-error.js";
import { show } from "../kernel/show.js";
import type { Hook, ShutdownKind } from "./plan.js";
import type { ShutdownCut, ShutdownMember, ShutdownResult, ShutdownStatus } from "./report.js";

/** The state of a `GracefulShutdown`; times in seconds. */
export interface ShutdownSnapshot extends Snapshot {
  readonly kind: "shutdown";
  readonly state: "idle" | "draining" | "complete";
  readonly isInstalled: boolean;
  /** Why it shuts down; `null` before the shutdown. */
  readonly reason: string | null;
  /** The callback whose turn it is. */
  readonly runningCallback: string | null;
  /** The registered callbacks, in the order of their turns. */
  readonly callbacks: readonly {
    readonly name: string;
    readonly kind: ShutdownKind;
    readonly priority: number;
    readonly timeout: number | null;
  }[];
  /** The results of the callbacks that have ended. */
  readonly results: readonly {
    readonly name: string;
    readonly status: ShutdownStatus;
    readonly seconds: number;
    readonly error: string | null;
    /** Its threads or processes, if it has any. */
    readonly members?: readonly ShutdownMember[];
    /** The connections that a server has cut off; missing if there were none. */
    readonly cut?: ShutdownCut;
  }[];
}

function frozenList<From, To extends object>(
  items: readonly From[],
  make: (item: From) => To,
): readonly To[] {
  return Object.freeze(items.map((item) => Object.freeze(make(item))));
}

/** Makes a snapshot from its plain parts, the registrations and the results. */
export function describe(
  parts: Omit<ShutdownSnapshot, "kind" | "callbacks" | "results">,
  hooks: readonly Hook[],
  results: readonly ShutdownResult[],
): ShutdownSnapshot {
  return Object.freeze({
    kind: "shutdown",
    ...parts,
    callbacks: frozenList(hooks, ({ name, kind, priority, timeout }) => ({
      name,
      kind,
      priority,
      timeout: timeout === undefined ? null : timeout / 1000,
    })),
    results: describeResults(results),
  });
}

/** The results as plain data, with the message of each error. */
export function describeResults(results: readonly ShutdownResult[]): ShutdownSnapshot["results"] {
  return frozenList(results, (result) => ({ ...result, error: told(result) }));
}

function told(result: ShutdownResult): string | null {
  if (!("error" in result)) return null;
  const { error } = result;
  return isError(error) ? error.message : show(error);
}
