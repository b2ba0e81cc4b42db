import os from "node:os";
import { ownPlace, processExists } from "../process/identity.js";
import { readStat } from "../process/proc.js";
import type { HeartbeatState } from "./state.js";
import { parseTimestamp } from "./timestamp.js";
import { CLOCK_SKEW, type ProcessFate } from "./verdict.js";

/** The unit of start times in /proc, the same on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

/** The place of a process and its start time, as {@link ownProcess} writes them. */
const PROCESS_START = /^(.+)\/(\d+)$/;

/** The fields of a state that identify this process; `processStart` only on Linux. */
export function ownProcess(): Pick<HeartbeatState, "pid" | "hostname" | "processStart"> {
  const { mark, start } = ownPlace();
  const identity = { pid: process.pid, hostname: os.hostname() };
  return start === undefined ? identity : { ...identity, processStart: `${mark}/${start}` };
}

/**
 * Compares the start times of two processes of one boot and pid namespace: above 0 if the first started later, 0 if
 * they cannot be compared. Uses the kernel's tick count (1/100 s), which changes of the wall clock do not affect.
 */
export function startOrder(first: HeartbeatState, second: HeartbeatState): number {
  const [, mark, start] = PROCESS_START.exec(first.processStart ?? "") ?? [];
  const [, otherMark, otherStart] = PROCESS_START.exec(second.processStart ?? "") ?? [];
  return mark !== undefined && mark === otherMark ? Number(start) - Number(otherStart) : 0;
}

/** What this host knows about the process that wrote `state`, at wall-clock time `now` in milliseconds. */
export function processFate(state: HeartbeatState, now: number): ProcessFate {
  const { hostname, pid, processStart, startedAt, timestamp } = state;
  const own = ownPlace();
  if (hostname !== os.hostname()) return "unknown";
  if (processStart !== undefined && !processStart.startsWith(`${own.mark}/`)) return "unknown";
  if (!processExists(pid)) return "gone";
  const stat = readStat(`/proc/${pid}`);
  if (stat === undefined) return "running";
  if (stat.ended) return "gone";
  if (processStart !== undefined) return processStart === `${own.mark}/${stat.start}` ? "running" : "gone";
  // Without `processStart`, a process that is younger than the heartbeat, or than its last beat, did not write the file.
  const age = (start = Number.NaN): number => os.uptime() - start / TICKS_PER_SECOND;
  // In some containers the uptime is that of the container but the start time counts from the boot of the host.
  const isTold = age(own.start) > process.uptime() - 1;
  const began = parseTimestamp(startedAt ?? timestamp);
  return isTold && age(stat.start) * 1000 + CLOCK_SKEW < now - began ? "gone" : "running";
}
