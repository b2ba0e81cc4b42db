import { unlike } from "./show.js";

/** Throws a TypeError that begins with `label` unless `value` is an `AbortSignal`, of any realm. */
export function checkSignal(value: unknown, label: string): asserts value is AbortSignal {
  const { aborted, addEventListener } = (value ?? {}) as Partial<AbortSignal>;
  if (typeof aborted === "boolean" && typeof addEventListener === "function") return;
  throw new TypeError(unlike(label, "an AbortSignal", value));
}

/** What a policy ends what is inside it with; see `Scope`. */
export interface InnerScope {
  readonly aborted: boolean;
  readonly reason: unknown;
  /** Aborted with it; made when it is first asked for. */
  readonly signal: AbortSignal;
  /** Calls `run`, a function of its own, when it is aborted; what it returns takes that back. */
  onAbort(run: () => void): () => void;
}

/** What can give an execution up: the signal of its caller, or a policy outside. */
export type Abortable = AbortSignal | InnerScope;

/** Whether it is a policy's, and no signal. */
export function isScope(source: Abortable): source is InnerScope {
  return "onAbort" in source;
}

type Join = (run: () => void) => () => void;

const shared = new WeakMap<AbortSignal, Join>();

/** Puts one listener on the signal, for all who join until it aborts or the last of them has left. */
function listen(signal: AbortSignal): Join {
  const runs = new Set<() => void>();
  const end = (): void => {
    shared.delete(signal);
    signal.removeEventListener("abort", abort);
  };
  const abort = (): void => {
    end();
    for (const run of runs) run();
  };
  signal.addEventListener("abort", abort);
  const join: Join = (run) => {
    runs.add(run);
    return () => {
      if (runs.delete(run) && runs.size === 0) end();
    };
  };
  shared.set(signal, join);
  return join;
}

/**
 * Calls `run`, a function of its own, when the signal aborts; what it returns takes that back. All share one
 * listener: a hundred calls with the signal of the shutdown are no leak for Node to warn of.
 */
export function onAbort(source: Abortable, run: () => void): () => void {
  return isScope(source) ? source.onAbort(run) : (shared.get(source) ?? listen(source))(run);
}

/** Throws the reason of what is aborted. */
export function throwIfAborted(source: Abortable | undefined): void {
  if (source?.aborted) throw source.reason;
}
