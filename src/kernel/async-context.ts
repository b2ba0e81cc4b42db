type Run = (work: () => void) => void;

const AT_ONCE: Run = (work) => work();

/**
 * Runs later work in the async context of now, that of `AsyncLocalStorage`. What a shared timer starts would otherwise get
 * the context of whoever has set the timer.
 */
export function inThisContext(): Run {
  // Not imported: the core also runs where there is no Node.
  const { process } = globalThis as { readonly process?: Partial<NodeJS.Process> };
  const hooks = process?.getBuiltinModule?.("node:async_hooks");
  if (hooks === undefined) return AT_ONCE;
  const resource = new hooks.AsyncResource("kstlib.resilience");
  return (work) => resource.runInAsyncScope(work);
}
