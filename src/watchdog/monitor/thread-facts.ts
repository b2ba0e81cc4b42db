import { readFileSync } from "node:fs";
import type { ChildProcess, TimeoutDetails } from "../timeout-info.js";

const LONGEST_COMMAND = 200;

/** Reads one of the kernel's files, or `undefined` where there is none or it may not be read. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // Another platform, a hidden /proc, a thread or a child that is gone: all mean that nothing is known.
    return undefined;
  }
}

/** How a thread has fared in its life, in milliseconds. */
export interface CpuTimes {
  readonly ran: number;
  /** Runnable without a CPU, also for want of the control group's quota. A wait counts when it is over. */
  readonly queued: number;
}

/** What the kernel's `folder` of a thread says of its share of the CPU (Linux). */
export function cpuTimes(folder: string | undefined): CpuTimes | undefined {
  if (folder === undefined) return undefined;
  const [ran = Number.NaN, queued = Number.NaN] = (read(`${folder}/schedstat`) ?? "").split(" ").map(Number);
  return Number.isFinite(ran) && Number.isFinite(queued)
    ? { ran: ran / 1e6, queued: queued / 1e6 }
    : undefined;
}

/** Whether a thread runs or would, had it a CPU (Linux). */
export function isRunnable(folder: string): boolean {
  return stateOf(read(`${folder}/stat`) ?? "") === "R";
}

function childrenOf(folder: string): ChildProcess[] {
  const pids = read(`${folder}/children`)?.trim().split(" ") ?? [];
  return pids
    .filter((pid) => pid !== "")
    .map((pid) => ({
      pid: Number(pid),
      command: (read(`/proc/${pid}/cmdline`) ?? "").replaceAll("\0", " ").trim().slice(0, LONGEST_COMMAND),
    }));
}

/** The state letter stands after the command's name, which may hold anything, also parentheses. */
export function stateOf(stat: string): string | undefined {
  return /^.*\) (\S)/s.exec(stat)?.[1];
}

/** What the kernel says of a thread at this moment (Linux; elsewhere nothing). */
export function threadFacts(folder: string | undefined): TimeoutDetails {
  if (folder === undefined) return {};
  const threadState = stateOf(read(`${folder}/stat`) ?? "");
  const waitingIn = read(`${folder}/wchan`)?.trim();
  const systemCall = /^\d+/.exec(read(`${folder}/syscall`) ?? "")?.[0];
  const children = childrenOf(folder);
  return {
    ...(threadState === undefined ? {} : { threadState }),
    ...(waitingIn === undefined || waitingIn === "" || waitingIn === "0" ? {} : { waitingIn }),
    ...(systemCall === undefined ? {} : { systemCall: Number(systemCall) }),
    ...(children.length === 0 ? {} : { children }),
  };
}
