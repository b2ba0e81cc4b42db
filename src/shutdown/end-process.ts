import { writeSync } from "node:fs";
import { inspect } from "node:util";
import { show } from "../kernel/show.js";
import { trap } from "../kernel/trap.js";
import { runContained } from "../kernel/warning.js";

/** Shows anything that was thrown, also what throws when it is looked at. */
export function inspected(error: unknown): string {
  try {
    return inspect(error);
  } catch {
    return show(error);
  }
}

/** Writes a line to stderr at once, by whatever thread. */
export function say(text: string): void {
  try {
    writeSync(2, `[shutdown] ${text}\n`);
  } catch {
    // A closed or full stderr must not stop the end of the process.
  }
}

/**
 * Ends the process by `exit`, which may be the application's own and come back. An `exit` listener that throws
 * does so through `process.exit`: caught like any other error it would keep the process alive for ever.
 */
export function endProcess(exit: (code: number) => void, code: number): void {
  let exiting = false;
  const begun = (): void => {
    exiting = true;
  };
  runContained("exit", () => {
    process.prependOnceListener("exit", begun);
    try {
      return exit(code);
    } catch (error) {
      if (!exiting) throw error;
      say(`an exit listener failed: ${inspected(error)}`);
      // The listeners are not called again.
      return process.exit(code);
    } finally {
      process.off("exit", begun);
    }
  });
}

/** Ends the process without its `exit` listeners, also where JavaScript cannot run on the main thread. */
export function killProcess(): void {
  process.kill(process.pid, "SIGKILL");
  // Process 1 is still there.
  if (process.pid === 1) trap();
}
