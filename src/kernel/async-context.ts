import type { AsyncResource } from "node:async_hooks";
import { nodeProcess } from "./node-process.js";

/** Looked up once: that takes longer than all else here. */
let Resource: typeof AsyncResource | undefined;

/**
 * The async context of now, that of `AsyncLocalStorage`, for work that something shared starts later: a timer would give it
 * the context of whoever has set the timer. `undefined` where there is none.
 */
export function asyncContext(): Pick<AsyncResource, "runInAsyncScope"> | undefined {
  Resource ??= nodeProcess()?.getBuiltinModule?.("node:async_hooks").AsyncResource;
  return Resource && new Resource("kstlib.resilience");
}

/** Runs work in an async context. */
export function runIn(context: ReturnType<typeof asyncContext>, work: () => void): void {
  if (context === undefined) work();
  else context.runInAsyncScope(work);
}
