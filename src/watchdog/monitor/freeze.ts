import { writeFrozen } from "../../heartbeat-file/freeze-link.js";
import { freezeReport, noteOf } from "../freeze-report.js";
import type { Notice } from "../monitor-protocol.js";
import type { TimeoutInfo } from "../timeout-info.js";
import { ARMED, GUARD, INTERRUPTING } from "../watch-cells.js";
import { endAsAsked } from "./ending.js";
import { examine } from "./examination.js";
import type { Frozen } from "./frozen.js";
import { notCounted } from "./not-counted.js";
import { removeOldReports, writeReport } from "./report-file.js";
import { type ThreadAccess, waitUntil } from "./thread-access.js";

/**
 * What the monitor does about a frozen thread: finds out where it is, reports, and interrupts it or ends the process.
 *
 * @returns `"paused"`, and has done nothing, when a debugger has stopped the thread.
 */
export async function handleFreeze(
  thread: ThreadAccess,
  frozen: readonly Frozen[],
  notify: (notice: Notice) => void,
): Promise<"handled" | "paused"> {
  const { pulse } = thread;
  const request = thread.nextRequest();
  const { kind, stack, details, paused, answered } = await examine(thread, request);
  if (paused) return "paused";
  const infoOf = ({ name, secondsInactive, secondsNotCounted }: Frozen): TimeoutInfo => ({
    name,
    secondsInactive,
    kind,
    ...(stack === undefined ? {} : { stack }),
    details: { ...details, ...notCounted(secondsNotCounted) },
  });
  thread.write(freezeReport(frozen.map(infoOf)));
  for (const one of frozen) record(thread, one, infoOf(one), pulse);
  for (const one of frozen) {
    const { id, pings, at, cells } = one;
    // Sent before the cells show it: code that sees it there may call `stop()`, which delivers what was sent.
    notify({ id, pings, at, request, info: infoOf(one) });
    cells.fire(pings);
  }
  if (await interrupt(frozen)) return "handled";
  const native = kind === "blocked-native";
  await endAsAsked(thread, frozen, pulse, { native: native && !answered, returned: native && answered });
  return "handled";
}

/** Leaves it in files, for those who look at the process from outside. */
function record(thread: ThreadAccess, frozen: Frozen, info: TimeoutInfo, pulse: number): void {
  const { name, link, reportDirectory, maxReports, onFreeze } = frozen;
  // What fails is a line on stderr and nothing else.
  const attempt = (failure: string, action: () => void): void => {
    try {
      action();
    } catch (error) {
      thread.write(noteOf(name, `${failure}: ${String(error)}`));
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
async function interrupt(frozen: readonly Frozen[]): Promise<boolean> {
  const struck = frozen.filter(
    ({ cells }) => Atomics.compareExchange(cells.counters, GUARD, ARMED, INTERRUPTING) === ARMED,
  );
  if (struck.length === 0) return false;
  process.kill(process.pid, "SIGINT");
  return waitUntil(() => struck.every(({ cells }) => Atomics.load(cells.counters, GUARD) !== INTERRUPTING));
}
