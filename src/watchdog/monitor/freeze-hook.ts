// Functions that are evaluated on the watched thread, in the middle of whatever it does. They can use only their
// arguments and globals. Comments stand outside the text, which is part of the monitor's program. The hook (a
// FreezeHook) is undefined after the last watchdog has stopped.
import { STACK_BELOW } from "../../process/inspector.js";

/**
 * Returns the stack and keeps it on the hook, because the monitor may no longer be waiting for it. There is none while
 * the thread is being interrupted, because it is leaving the frozen code.
 */
export const TAKE_STACK: string = `function takeStack(hook, request) {
  if (hook === undefined || hook.isInterrupting()) return undefined;
  const stack = (${STACK_BELOW})(takeStack);
  hook.late = { request, stack };
  return stack;
}`;

/**
 * Ends the process; an `exit` listener that throws is the last one to run. A process that a debugger can attach to
 * waits at its end for all inspector sessions, including the one that this runs in, which would never end. So the
 * inspector is closed, after the listeners of the application.
 */
export const EXIT = `function exit(code) {
  const inspector = process.getBuiltinModule("node:inspector");
  const release = () => inspector.url() !== undefined && inspector.close();
  process.on("exit", release);
  try {
    process.exit(code);
  } catch (error) {
    process._rawDebug?.(error);
    release();
    process.exit(code);
  }
}`;

/**
 * Ends the process unless the request was withdrawn or the thread is back. A thread that was frozen in native code has
 * come out of it if this runs. This is the one place where the library ends the process: `onFreeze: "exit"` asks for it.
 */
export const LEAVE: string = `function leave(hook, request, frozen, cells) {
  if (hook === undefined) return;
  const { control } = hook;
  const withdrawn =
    frozen.native ||
    Atomics.load(control, cells.REQUEST) !== request ||
    Atomics.load(control, cells.PULSE) !== frozen.pulse ||
    hook.subjects.get(frozen.id)?.cells.isTriggered !== true;
  Atomics.store(control, cells.EXITING, withdrawn ? -request : request);
  if (!withdrawn) (${EXIT})(frozen.exitCode);
}`;
