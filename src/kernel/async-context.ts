import type { AsyncResource } from "node:async_hooks";

type Run = (work: () => void) => void;

const AT_ONCE: Run = (work) => work();

/** Looked up once: that takes longer than all else here. */
let Resource: typeof AsyncResource | undefined;

/**
 * Runs later work in the async context of now, that of `AsyncLocalStorage`. What a shared timer starts would otherwise get
 * the context of whoever has set the timer.
 */
export function inThisContext(): Run {
  // Not imported: the core also runs where there is no Node.
  const { process } = globalThis as { readonly process?: Partial<NodeJS.Process> };
  Resource ??= process?.getBuiltinModule?.("node:async_hooks").AsyncResource;
  if (Resource === undefined) return AT_ONCE;
  const resource = new Resource("kstlib.resilience");
  return (work) => resource.runInAsyncScope(work);
}
