import { realClock } from "../kernel/clock.js";

/** How long SIGKILL may take, in milliseconds, before the process is one that it does not end. */
const PATIENCE = 200;

export function pause(delay: number): Promise<void> {
  return new Promise((resolve) => {
    realClock.setTimer(resolve, delay);
  });
}

/**
 * Ends the process, whatever its threads are in. The kernel keeps the first process of a container (PID 1) from
 * every signal that it has no handler for, SIGKILL included, when it comes from inside; only a fault of its own ends
 * it. So this thread runs into a breakpoint that nobody waits at: the exit status is 133 then, that of SIGTRAP.
 *
 * @param isBack asked before the last resort.
 */
export async function killOwnProcess(write: (text: string) => void, isBack: () => boolean): Promise<void> {
  process.kill(process.pid, "SIGKILL");
  await pause(PATIENCE);
  if (isBack()) return;
  write("[watchdog] SIGKILL does not end PID 1: ending the process by a breakpoint\n");
  try {
    process.getBuiltinModule("node:v8").setFlagsFromString("--allow-natives-syntax");
    process.getBuiltinModule("node:vm").runInThisContext("%SystemBreak()");
  } catch (error) {
    // Another engine than V8.
    write(`[watchdog] the process cannot be ended from inside: ${String(error)}\n`);
  }
}
