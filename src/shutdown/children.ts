import { readFileSync } from "node:fs";

/**
 * The child processes that the main thread has started and that still run. Only Linux tells, and only
 * where its kernel was built to; elsewhere the list is empty.
 */
export function childProcesses(): readonly number[] {
  if (process.platform !== "linux") return [];
  try {
    // The first thread of a process has the number of the process.
    const list = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8");
    return list.split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
