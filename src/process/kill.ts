import { trap } from "./trap.js";

/**
 * Ends the process at once, without its `exit` listeners.
 *
 * The kernel protects the first process of a container (PID 1) from signals that it has no handler for, SIGKILL
 * included, when they come from inside the container. A {@link trap} ends that one.
 *
 * @param tell is given a line for stderr.
 */
export function killOwnProcess(tell: (line: string) => void): void {
  process.kill(process.pid, "SIGKILL");
  if (process.pid !== 1) return;
  tell("SIGKILL does not end PID 1: ending the process by a breakpoint");
  try {
    trap();
  } catch (error) {
    // Another engine than V8.
    tell(`the process cannot be ended from inside: ${String(error)}`);
  }
}
