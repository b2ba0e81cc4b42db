import { closeSync, openSync } from "node:fs";

/** Which of the standard descriptors were terminals. */
const terminals = new Set<number>();

// Not imported: loading node:tty loads sockets and streams, even in a program that creates no shutdown.
const isTerminal = (descriptor: number): boolean => process.getBuiltinModule("node:tty").isatty(descriptor);

/** Remembers which of the standard descriptors are terminals. */
export function noteTerminals(): void {
  for (const descriptor of [0, 1, 2]) {
    if (isTerminal(descriptor)) terminals.add(descriptor);
  }
}

/**
 * Node 20 aborts at its exit when it cannot put the mode of a closed terminal back. It leaves descriptors alone that
 * are something else by then. Any other is left as it is: in the moment between, another thread may be given its
 * number, and libuv aborts when it closes one of these.
 */
export function letGoOfClosedTerminal(): void {
  // In another thread the exit is not that of the process.
  const { isMainThread } = process.getBuiltinModule("node:worker_threads");
  if (process.platform === "win32" || !isMainThread) return;
  for (const descriptor of terminals) {
    if (isTerminal(descriptor)) continue;
    try {
      closeSync(descriptor);
      // Gets the lowest number that is free.
      openSync("/dev/null", "r+");
    } catch {
      // It was closed before, or may not be opened: there is nothing to put back, or no way around it.
    }
  }
  terminals.clear();
}
