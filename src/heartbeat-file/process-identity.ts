import fs from "node:fs";
import os from "node:os";
import type { HeartbeatState } from "./state.js";
import { parseTimestamp } from "./timestamp.js";
import { CLOCK_SKEW, type ProcessFate } from "./verdict.js";

/** The unit of start times in /proc, the same on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Whether a process with this id exists; `true` when that cannot be told. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM means that it exists and belongs to somebody else.
    return !(error instanceof Error && Reflect.get(error, "code") === "ESRCH");
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
  // The state is the line's 3rd field, the start time its 22nd; the name is the 2nd.
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const start = Number(fields[19] ?? Number.NaN);
  return Number.isSafeInteger(start) ? { ended: fields[0] === "Z" || fields[0] === "X", start } : undefined;
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
  const line = attempt(() => fs.readFileSync(`/proc/${pid}/stat`, "latin1"));
  return line === undefined ? undefined : parseProcessStat(line);
}

interface Place {
  /** Boot and pid namespace, where the system tells both. */
  readonly mark: string | undefined;
  readonly scope: string;
  readonly start: number | undefined;
}

let place: Place | undefined;

// A pid means something only in one boot of one kernel and in one pid namespace: two containers of a pod share
// the hostname, and each has a process 1.
function ownPlace(): Place {
  if (place !== undefined) return place;
  const boot = attempt(() => fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  const space = attempt(() => fs.readlinkSync("/proc/self/ns/pid"))?.replaceAll(/\D+/g, "");
  const start = readProcessStat(process.pid)?.start;
  place =
    boot === undefined || space === undefined
      ? {
          mark: undefined,
          scope:
            os
              .hostname()
              .replaceAll(/[^\w-]+/g, "-")
              .slice(0, 32) || "host",
          start,
        }
      : { mark: `${boot}/${space}`, scope: `${boot.slice(0, 8)}-${space}`, start };
  return place;
}

/** A short name, fit for a file name, for where the pids of this process mean something. */
export function pidScope(): string {
  return ownPlace().scope;
}

/** The mark of this process for `HeartbeatState.processStart`, or `undefined` where the system gives none. */
export function ownProcessStart(): string | undefined {
  const { mark, start } = ownPlace();
  return mark === undefined || start === undefined ? undefined : `${mark}/${start}`;
}

/** How many milliseconds ago a process started, or `undefined` where uptime and start time do not fit together. */
function processAge(start: number): number | undefined {
  const own = ownPlace().start;
  if (own === undefined) return undefined;
  const age = (ticks: number): number => (os.uptime() - ticks / TICKS_PER_SECOND) * 1000;
  // In some containers the uptime is the container's and the start time the host's.
  return age(own) < process.uptime() * 1000 - 1000 ? undefined : age(start);
}

/** What this host knows of the process that wrote `state`, at wall-clock time `now` in milliseconds. */
export function processFate(state: HeartbeatState, now: number): ProcessFate {
  if (state.hostname !== os.hostname()) return "unknown";
  const { processStart } = state;
  if (processStart !== undefined) {
    const written = processStart.slice(0, processStart.lastIndexOf("/"));
    if (written !== ownPlace().mark) return "unknown";
  }
  if (!processExists(state.pid)) return "gone";
  const stat = readProcessStat(state.pid);
  if (stat === undefined) return "running";
  if (stat.ended) return "gone";
  if (processStart !== undefined) return processStart.endsWith(`/${stat.start}`) ? "running" : "gone";
  // A file of another writer: who was not there yet when it began, or at its last beat, did not write it.
  const began = parseTimestamp(state.startedAt ?? state.timestamp);
  const age = processAge(stat.start);
  return age !== undefined && age + CLOCK_SKEW < now - began ? "gone" : "running";
}
