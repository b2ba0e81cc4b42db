import { openSync, readSync } from "node:fs";
import { childrenOf, readProc, readStat } from "../../process/proc.js";
import type { TimeoutDetails } from "../timeout-info.js";

const LONGEST_COMMAND = 200;

/** The CPU times of a thread since it started, in milliseconds. */
export interface CpuTimes {
  readonly ran: number;
  /** Runnable without a CPU, or without quota of its control group. A wait is added when it ends. */
  readonly queued: number;
}

function parseCpuTimes(schedstat: string): CpuTimes | undefined {
  const [ran = Number.NaN, queued = Number.NaN] = schedstat.split(" ").map(Number);
  return Number.isFinite(ran) && Number.isFinite(queued)
    ? { ran: ran / 1e6, queued: queued / 1e6 }
    : undefined;
}

/** Reads the CPU times of a thread from its folder in `/proc` (Linux). */
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
 * Those of the calling thread. The file stays open until the thread ends: opening it for each reading was most of the
 * cost of an idle monitor.
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

/** What the kernel knows about a thread at this moment (Linux; nothing elsewhere). */
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
