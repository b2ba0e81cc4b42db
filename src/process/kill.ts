import { realClock } from "../kernel/clock.js";
import { trap } from "./trap.js";

/** How long SIGKILL may take, in milliseconds, before the process is one that it does not end. */
const PATIENCE = 200;

export function pause(delay: number): Promise<void> {
  return new Promise((resolve) => {
    realClock.setTimer(resolve, delay);
  });
}

/**
 * Ends the process, whatever its threads are in: by SIGKILL, or where that has no effect by a {@link trap}.
 *
 * @param isBack asked before the last resort.
 */
export async function killOwnProcess(write: (text: string) => void, isBack: () => boolean): Promise<void> {
  process.kill(process.pid, "SIGKILL");
  await pause(PATIENCE);
  if (isBack()) return;
  write("[watchdog] SIGKILL does not end PID 1: ending the process by a breakpoint\n");
  try {
    trap();
  } catch (error) {
    // Another engine than V8.
    write(`[watchdog] the process cannot be ended from inside: ${String(error)}\n`);
  }
}
