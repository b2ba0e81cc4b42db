import { unlike } from "./show.js";

/** Throws a TypeError that begins with `label` unless `value` is an `AbortSignal`, of any realm. */
export function checkSignal(value: unknown, label: string): asserts value is AbortSignal {
  const { aborted, addEventListener } = (value ?? {}) as Partial<AbortSignal>;
  if (typeof aborted === "boolean" && typeof addEventListener === "function") return;
  throw new TypeError(unlike(label, "an AbortSignal", value));
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
export function onAbort(signal: AbortSignal, run: () => void): () => void {
  return (shared.get(signal) ?? listen(signal))(run);
}
