import fs from "node:fs";

/** Whether a process runs. One that has ended does not, also while its parent has not yet asked how. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return (
      !fs.existsSync("/proc/self/stat") || !fs.readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ")
    );
  } catch {
    return false;
  }
}
