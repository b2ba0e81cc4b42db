import { openSync, readSync } from "node:fs";
import { childrenOf, readProc, readStat } from "../../process/proc.js";
import type { TimeoutDetails } from "../timeout-info.js";

const LONGEST_COMMAND = 200;

/** What CPU time a thread has had since it started, in milliseconds. */
export interface CpuTimes {
  readonly ran: number;
  /** Runnable without a CPU, also because the control group's quota was used up. A wait counts when it is over. */
  readonly queued: number;
}

function parseCpuTimes(schedstat: string): CpuTimes | undefined {
  const [ran = Number.NaN, queued = Number.NaN] = schedstat.split(" ").map(Number);
  return Number.isFinite(ran) && Number.isFinite(queued)
    ? { ran: ran / 1e6, queued: queued / 1e6 }
    : undefined;
}

/** What the kernel's `folder` of a thread says of its share of the CPU (Linux). */
export function cpuTimes(folder: string | undefined): CpuTimes | undefined {
  return folder === undefined ? undefined : parseCpuTimes(readProc(`${folder}/schedstat`) ?? "");
}

let readOwn: (() => CpuTimes | undefined) | undefined;

function openOwn(): () => CpuTimes | undefined {
  try {
    const descriptor = openSync("/proc/thread-self/schedstat", "r");
    const buffer = Buffer.alloc(64);
    return () =>
      parseCpuTimes(buffer.toString("latin1", 0, readSync(descriptor, buffer, 0, buffer.length, 0)));
  } catch {
    // Another platform, or /proc is hidden or forbidden.
    return () => undefined;
  }
}

/**
 * The same for the calling thread. The file stays open until the thread ends: opening it for each reading was most of
 * what an idle monitor cost.
 */
export function ownCpuTimes(): CpuTimes | undefined {
  readOwn ??= openOwn();
  return readOwn();
}

/** Whether a thread runs, or would if it had a CPU (Linux). */
export function isRunnable(folder: string): boolean {
  return readStat(folder)?.state === "R";
}

function commandOf(pid: number): string {
  return (readProc(`/proc/${pid}/cmdline`) ?? "").replaceAll("\0", " ").trim().slice(0, LONGEST_COMMAND);
}

/** What the kernel says of a thread at this moment (Linux; elsewhere nothing). */
export function threadFacts(folder: string | undefined): TimeoutDetails {
  if (folder === undefined) return {};
  const threadState = readStat(folder)?.state;
  const waitingIn = readProc(`${folder}/wchan`)?.trim();
  const systemCall = /^\d+/.exec(readProc(`${folder}/syscall`) ?? "")?.[0];
  const children = childrenOf(folder).map((pid) => ({ pid, command: commandOf(pid) }));
  return {
    ...(threadState === undefined ? {} : { threadState }),
    ...(waitingIn === undefined || waitingIn === "" || waitingIn === "0" ? {} : { waitingIn }),
    ...(systemCall === undefined ? {} : { systemCall: Number(systemCall) }),
    ...(children.length === 0 ? {} : { children }),
  };
}
