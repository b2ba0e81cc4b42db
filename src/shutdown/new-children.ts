import { readdirSync } from "node:fs";
import { childrenOf, readStat } from "../process/proc.js";
import { say } from "./say.js";

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    // The process has ended.
    return [];
  }
}

/** A process and all its descendants. */
function family(pid: number): readonly number[] {
  const children = threadsOf(pid).flatMap((thread) => childrenOf(`/proc/${pid}/task/${thread}`));
  return [pid, ...children.flatMap(family)];
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has already ended.
  }
}

/**
 * Ends child processes for which a callback waits synchronously, as with `execSync`, so that the main thread returns to
 * JavaScript: the children that were started after the calling thread (Linux), with all their descendants, which would
 * keep the pipes of a killed shell open.
 */
export function killNewChildren(): void {
  const began = readStat("/proc/thread-self")?.start ?? Infinity;
  // The first thread of a process has the number of the process.
  const children = childrenOf(`/proc/self/task/${process.pid}`);
  for (const child of children) {
    if ((readStat(`/proc/${child}`)?.start ?? 0) < began) continue;
    say(`killing the child process ${child} that was started during the shutdown.`);
    // Find all before killing any: the children of a killed process get another parent.
    for (const member of family(child)) kill(member);
  }
}
