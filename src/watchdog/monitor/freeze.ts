import { writeFrozen } from "../../heartbeat-file/freeze-link.js";
import { writeStderr } from "../../process/write-stderr.js";
import { freezeReport, noteOf } from "../freeze-report.js";
import type { TimeoutInfo } from "../timeout-info.js";
import { ARMED, GUARD, INTERRUPTING } from "../watch-cells.js";
import { endAsAsked } from "./ending.js";
import { examine } from "./examination.js";
import type { Expired } from "./expired.js";
import { removeOldReports, writeReport } from "./report-file.js";
import { type ThreadAccess, waitUntil } from "./thread-access.js";

/**
 * Handles a freeze: finds out where the thread is, reports it, and interrupts it or ends the process.
 *
 * @param tell reports a timeout to the thread, with the number of the request for its stack.
 * @returns whether a debugger has stopped the thread: then nothing else was done.
 */
export async function handleFreeze(
  thread: ThreadAccess,
  frozen: readonly Expired[],
  tell: (expired: Expired, info: TimeoutInfo, request: number) => void,
): Promise<boolean> {
  const { pulse } = thread;
  const request = thread.nextRequest();
  await thread.lock();
  const { found, paused, answered } = await examine(thread, request);
  thread.unlock();
  if (paused) return true;
  const infoOf = ({ order: { name }, secondsInactive, details: notCounted }: Expired): TimeoutInfo => ({
    name,
    secondsInactive,
    ...found,
    details: { ...found.details, ...notCounted },
  });
  writeStderr(freezeReport(frozen.map(infoOf)));
  for (const one of frozen) record(thread, one, infoOf(one), pulse);
  for (const one of frozen) tell(one, infoOf(one), request);
  if (await interrupt(thread, frozen)) return false;
  const native = found.kind === "blocked-native";
  await endAsAsked(thread, frozen, pulse, { native: native && !answered, returned: native && answered });
  return false;
}

/** Writes the freeze to the heartbeat's file and to the folder for reports. */
function record(thread: ThreadAccess, frozen: Expired, info: TimeoutInfo, pulse: number): void {
  const { name, link, reportDirectory, maxReports, onFreeze } = frozen.order;
  // A failure is reported on stderr and changes nothing else.
  const attempt = (failure: string, action: () => void): void => {
    try {
      action();
    } catch (error) {
      writeStderr(noteOf(name, `${failure}: ${String(error)}`));
    }
  };
  if (link !== undefined) {
    const isFrozen = (): boolean => !thread.isBack([frozen], pulse);
    attempt(`${link.file} cannot say frozen`, () => writeFrozen(link, isFrozen));
  }
  if (reportDirectory === undefined) return;
  attempt(`no report in ${reportDirectory}`, () => {
    const latest = writeReport(reportDirectory, info, onFreeze);
    attempt(`old reports stay in ${reportDirectory}`, () =>
      removeOldReports(reportDirectory, maxReports, latest),
    );
  });
}

/** Throws an error into synchronous code that runs under a guard; says whether that code has ended. */
async function interrupt(thread: ThreadAccess, frozen: readonly Expired[]): Promise<boolean> {
  await thread.lock();
  const struck = frozen.filter(
    ({ cells }) => Atomics.compareExchange(cells.counters, GUARD, ARMED, INTERRUPTING) === ARMED,
  );
  if (struck.length === 0) {
    thread.unlock();
    return false;
  }
  // The run that it ends unlocks the thread.
  process.kill(process.pid, "SIGINT");
  return waitUntil(() => struck.every(({ cells }) => Atomics.load(cells.counters, GUARD) !== INTERRUPTING));
}
