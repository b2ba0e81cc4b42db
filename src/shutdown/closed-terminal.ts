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
 * For a closed terminal window: Node 20 aborts at exit if it cannot restore the mode of a closed terminal, but ignores
 * descriptors that refer to something else by then. So those that were terminals are reopened as /dev/null. No other
 * descriptor is touched: while it is closed, another thread might be given its number.
 */
export function letGoOfClosedTerminal(): void {
  // The exit of another thread is not that of the process.
  const { isMainThread } = process.getBuiltinModule("node:worker_threads");
  if (process.platform === "win32" || !isMainThread) return;
  for (const descriptor of terminals) {
    if (isTerminal(descriptor)) continue;
    try {
      closeSync(descriptor);
      // Gets the lowest free number, which is the one just closed.
      openSync("/dev/null", "r+");
    } catch {
      // It was already closed, or /dev/null cannot be opened; nothing else can be done.
    }
  }
  terminals.clear();
}
