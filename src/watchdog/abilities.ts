import { warn } from "../kernel/warning.js";

// What a runtime lacks cannot be asked for without side effects; `npm run test:matrix` measures it.
const { bun, deno } = process.versions;

/** Whether one thread may evaluate on another: Deno refuses the session, Bun every question. */
export const canInspect: boolean = bun === undefined && deno === undefined;

/** Whether a SIGINT ends a script that is run with `breakOnSigint`: on Deno it ends the process. */
export const canBreak: boolean = process.platform !== "win32" && deno === undefined;

/** Why no thread may be inspected, where that is so. */
export const NO_INSPECTOR: string = canInspect
  ? "the permission model forbids the inspector"
  : "this runtime lets no thread be inspected";

let told = false;

/** Warns once that frozen synchronous code goes on to its next ping. */
export function warnNoInterruption(): void {
  if (told) return;
  told = true;
  warn(
    "KSTLIB_NO_INTERRUPTION",
    "frozen code cannot be interrupted here: runSync throws a timeout at the next ping or when the code returns",
  );
}
