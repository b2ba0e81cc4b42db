import { killOwnProcess } from "../../process/kill.js";
import { pause } from "../../process/thread-clock.js";
import { writeStderr } from "../../process/write-stderr.js";
import { noteOf } from "../freeze-report.js";
import { EXITING, PULSE, REQUEST } from "../monitor-protocol.js";
import { EXIT, LEAVE } from "./freeze-hook.js";
import type { Expired } from "./expired.js";
import { type ThreadAccess, waitUntil } from "./thread-access.js";

/** How long the `exit` listeners of the process may take, in milliseconds. */
const EXIT_PATIENCE = 5000;

const IS_BACK = "the thread is back, the process goes on";

/** Where a frozen thread is. */
interface Whereabouts {
  /** Whether it is still in native code. */
  readonly native: boolean;
  /** Whether it has just left native code. */
  readonly returned: boolean;
}

/**
 * Ends the process as `onFreeze` of the frozen watchdogs says, unless the thread comes back in time.
 *
 * @param pulse of the thread when it was found frozen.
 */
export async function endAsAsked(
  thread: ThreadAccess,
  frozen: readonly Expired[],
  pulse: number,
  { native, returned }: Whereabouts,
): Promise<void> {
  const stillFrozen = frozen.filter(({ cells, pings }) => cells.pings === pings);
  const acting = stillFrozen.filter(({ order }) => order.onFreeze !== "report");
  const [first] = acting;
  if (first === undefined || thread.isBack(acting, pulse)) return;
  if (returned && (await thread.comesBack(acting, pulse))) writeStderr(noteOf(first.order.name, IS_BACK));
  else if (acting.some(({ order }) => order.onFreeze === "kill")) kill("onFreeze is kill");
  else await exit(thread, first, pulse, native);
}

async function exit(thread: ThreadAccess, leaving: Expired, pulse: number, native: boolean): Promise<void> {
  const { main, uninspectable } = thread.data;
  const { exitCode, name, id } = leaving.order;
  if (uninspectable !== undefined) return kill("JavaScript cannot be run on the frozen thread");
  writeStderr(noteOf(name, `ending the process with exit code ${exitCode}`));
  if (main) {
    const request = thread.nextRequest();
    const cells = { PULSE, REQUEST, EXITING };
    void thread.call(LEAVE, request, { id, pulse, exitCode, native }, cells);
    const reply = await exitReply(thread, request);
    // Withdrawn, so that it cannot end the process long after the thread is back.
    if (reply !== "leaving") thread.nextRequest();
    if (reply === "none") return kill("no JavaScript runs on the frozen thread");
    if (reply === "declined") {
      // It is back, but after native code it may have blocked again at once.
      if (native && !(await thread.comesBack([leaving], pulse))) return exit(thread, leaving, pulse, false);
      return writeStderr(noteOf(name, IS_BACK));
    }
  } else {
    // When a worker is frozen, the main thread runs and can end the process.
    void thread.evaluate(`(${EXIT})(${exitCode})`);
  }
  await pause(EXIT_PATIENCE);
  kill(`the exit listeners took longer than ${EXIT_PATIENCE / 1000} s`);
}

async function exitReply(thread: ThreadAccess, request: number): Promise<"leaving" | "declined" | "none"> {
  const reply = (): number => Atomics.load(thread.data.control, EXITING);
  if (!(await waitUntil(() => Math.abs(reply()) === request))) return "none";
  return reply() === request ? "leaving" : "declined";
}

function kill(why: string): void {
  const tell = (line: string): void => writeStderr(`[watchdog] ${line}\n`);
  tell(`killing the process: ${why}`);
  killOwnProcess(tell);
}
