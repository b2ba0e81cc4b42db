import { unlike } from "./show.js";

/** Throws a TypeError that begins with `label` unless `value` is an `AbortSignal`, of any realm. */
export function checkSignal(value: unknown, label: string): asserts value is AbortSignal {
  const { aborted, addEventListener } = (value ?? {}) as Partial<AbortSignal>;
  if (typeof aborted === "boolean" && typeof addEventListener === "function") return;
  throw new TypeError(unlike(label, "an AbortSignal", value));
}

/** Lets a policy abort the work inside it; see `Scope`. */
export interface InnerScope {
  readonly aborted: boolean;
  readonly reason: unknown;
  /** Aborted together with the scope; created on first use. */
  readonly signal: AbortSignal;
  /** Calls `run` on abort; the returned function unsubscribes. Each call needs a distinct `run`. */
  onAbort(run: () => void): () => void;
}

/** Whatever can abort an execution: the caller's signal, or an outer policy. */
export type Abortable = AbortSignal | InnerScope;

/** Whether the source is a policy's scope rather than a signal. */
export function isScope(source: Abortable): source is InnerScope {
  return "onAbort" in source;
}

type Join = (run: () => void) => () => void;

const shared = new WeakMap<AbortSignal, Join>();

/** Adds one listener to the signal, shared by all subscribers until the signal aborts or the last one unsubscribes. */
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
 * Calls `run` when the source aborts; the returned function unsubscribes. Each call needs a distinct `run`. All share
 * one listener per signal, so that a hundred calls with one signal do not make Node warn of a leak.
 */
export function onAbort(source: Abortable, run: () => void): () => void {
  return isScope(source) ? source.onAbort(run) : (shared.get(source) ?? listen(source))(run);
}

/** Throws the abort reason if the source is aborted. */
export function throwIfAborted(source: Abortable | undefined): void {
  if (source?.aborted) throw source.reason;
}
