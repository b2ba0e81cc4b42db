import fs from "node:fs";
import os from "node:os";
import type { HeartbeatState } from "./state.js";
import { hasCode } from "../kernel/system-error.js";
import { parseTimestamp } from "./timestamp.js";
import { CLOCK_SKEW, type ProcessFate } from "./verdict.js";

/** The unit of start times in /proc, the same on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Whether a process with this id exists; `true` when that cannot be told. */
export function processExists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM means that it exists and belongs to somebody else.
    return !hasCode(error, "ESRCH");
  }
}

/** What Linux says of a process in `/proc/<pid>/stat`. */
export interface ProcessStat {
  /** Ended and not yet collected by its parent. */
  readonly ended: boolean;
  /** Start time in ticks since boot. */
  readonly start: number;
}

/** Reads a line of `/proc/<pid>/stat`; the program's name in it may hold anything, also `)` and spaces. */
export function parseProcessStat(line: string): ProcessStat | undefined {
  // The name is the line's 2nd field, the state its 3rd, the start time its 22nd.
  const found = /^.*\) (?:([ZX])|\S) (?:\S+ ){18}(\d+)/s.exec(line);
  return found === null ? undefined : { ended: found[1] !== undefined, start: Number(found[2]) };
}

function attempt<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch {
    // Not Linux, /proc is not mounted or hides the process, or the permission model forbids it.
    return undefined;
  }
}

function readProcessStat(pid: number): ProcessStat | undefined {
  return attempt(() => parseProcessStat(fs.readFileSync(`/proc/${pid}/stat`, "latin1")));
}

interface Place {
  /** Boot and pid namespace, or the host where the system does not tell both. */
  readonly mark: string;
  /** Start time of this process, where the system tells it. */
  readonly start: number | undefined;
}

let place: Place | undefined;

// A pid means something only in one boot of one kernel and in one pid namespace: two containers of a pod share
// the hostname, and each has a process 1.
function ownPlace(): Place {
  place ??= {
    mark:
      attempt(() => {
        const boot = fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
        return `${boot}/${fs.readlinkSync("/proc/self/ns/pid").replaceAll(/\D+/g, "")}`;
      }) ?? os.hostname(),
    start: readProcessStat(process.pid)?.start,
  };
  return place;
}

/** A name, fit for a file name, for where the pids of this process mean something. */
export function pidScope(): string {
  return ownPlace()
    .mark.replaceAll(/[^\w-]+/g, "-")
    .slice(0, 64);
}

/** The place of a process and its start time, as {@link ownProcess} writes them. */
const PROCESS_START = /^(.+)\/(\d+)$/;

/** What a state says of this process; `processStart` only where the system tells it. */
export function ownProcess(): Pick<HeartbeatState, "pid" | "hostname" | "processStart"> {
  const { mark, start } = ownPlace();
  const identity = { pid: process.pid, hostname: os.hostname() };
  return start === undefined ? identity : { ...identity, processStart: `${mark}/${start}` };
}

/**
 * Which of two processes of one boot and pid namespace began later: above 0 when the first did, 0 when that cannot be
 * told. By the kernel's own count, which no change of the wall clock moves; a hundredth of a second is its unit.
 */
export function startOrder(first: HeartbeatState, second: HeartbeatState): number {
  const [, mark, start] = PROCESS_START.exec(first.processStart ?? "") ?? [];
  const [, otherMark, otherStart] = PROCESS_START.exec(second.processStart ?? "") ?? [];
  return mark !== undefined && mark === otherMark ? Number(start) - Number(otherStart) : 0;
}

/** What this host knows of the process that wrote `state`, at wall-clock time `now` in milliseconds. */
export function processFate(state: HeartbeatState, now: number): ProcessFate {
  const { hostname, pid, processStart, startedAt, timestamp } = state;
  const own = ownPlace();
  if (hostname !== os.hostname()) return "unknown";
  if (processStart !== undefined && !processStart.startsWith(`${own.mark}/`)) return "unknown";
  if (!processExists(pid)) return "gone";
  const stat = readProcessStat(pid);
  if (stat === undefined) return "running";
  if (stat.ended) return "gone";
  if (processStart !== undefined) return processStart === `${own.mark}/${stat.start}` ? "running" : "gone";
  // A file of another writer: who was not there yet when it began, or at its last beat, did not write it.
  const age = (start = Number.NaN): number => os.uptime() - start / TICKS_PER_SECOND;
  // In some containers the uptime is the container's and the start time the host's.
  const isTold = age(own.start) > process.uptime() - 1;
  const began = parseTimestamp(startedAt ?? timestamp);
  return isTold && age(stat.start) * 1000 + CLOCK_SKEW < now - began ? "gone" : "running";
}
