import { closeSync, fstatSync, openSync } from "node:fs";
import { isatty } from "node:tty";

/**
 * Node 20 aborts at its exit when it cannot put the mode of a closed terminal back. It leaves descriptors alone that
 * are something else by then.
 */
export function letGoOfClosedTerminal(): void {
  // In another thread the exit is not that of the process.
  const { isMainThread } = process.getBuiltinModule("node:worker_threads");
  if (process.platform === "win32" || !isMainThread) return;
  for (const descriptor of [0, 1, 2]) {
    try {
      // A terminal that has been closed is still a device, but no terminal any more.
      if (isatty(descriptor) || !fstatSync(descriptor).isCharacterDevice()) continue;
      closeSync(descriptor);
      // Gets the lowest number that is free.
      openSync("/dev/null", "r+");
    } catch {
      // It was closed before, or may not be opened: there is nothing to put back, or no way around it.
    }
  }
}
