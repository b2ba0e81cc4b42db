import type { FreezeHook } from "./monitor-protocol.js";

// These functions are sent as source text to the watched thread and break into whatever it does: they know nothing
// but their arguments and what every thread has. The hook is gone when the last watchdog is.

/** The stack of what the thread is doing; kept on the hook, because the monitor may have given up by now. */
export function takeStack(hook: FreezeHook | undefined, request: number): string | undefined {
  // Too late when interrupting: what the thread does now is to leave the frozen code.
  if (hook === undefined || hook.isInterrupting()) return undefined;
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 50;
  const holder: { stack?: unknown } = {};
  Error.captureStackTrace(holder, takeStack);
  Error.stackTraceLimit = limit;
  const [, evaluation = "", ...frames] = String(holder.stack).split("\n");
  // The first frame is the evaluation itself.
  const stack = (/^\s+at <anonymous>:\d+:/.test(evaluation) ? frames : [evaluation, ...frames]).join("\n");
  hook.late = { request, stack };
  return stack;
}

/** Ends the process unless the request was withdrawn or the thread has come back to life. */
export function leave(
  hook: FreezeHook | undefined,
  request: number,
  frozen: { readonly id: number; readonly pulse: number; readonly exitCode: number },
  cells: { readonly PULSE: number; readonly REQUEST: number; readonly EXITING: number },
): void {
  if (hook === undefined) return;
  const { control } = hook;
  const withdrawn =
    Atomics.load(control, cells.REQUEST) !== request ||
    Atomics.load(control, cells.PULSE) !== frozen.pulse ||
    hook.subjects.get(frozen.id)?.cells.isTriggered !== true;
  Atomics.store(control, cells.EXITING, withdrawn ? -request : request);
  // The one place where the library ends the process: asked for by `onFreeze: "exit"`, on its behalf.
  if (!withdrawn) process.exit(frozen.exitCode);
}
