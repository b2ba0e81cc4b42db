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
  const stat = readStat(`/proc/${pid}`);
  if (stat === undefined) return "running";
  if (stat.ended) return "gone";
  if (processStart !== undefined) return processStart === `${own.mark}/${stat.start}` ? "running" : "gone";
  // A file of another writer: a process that started after that file was begun, or after its last beat, did not write it.
  const age = (start = Number.NaN): number => os.uptime() - start / TICKS_PER_SECOND;
  // In some containers the uptime is the container's and the start time the host's.
  const isTold = age(own.start) > process.uptime() - 1;
  const began = parseTimestamp(startedAt ?? timestamp);
  return isTold && age(stat.start) * 1000 + CLOCK_SKEW < now - began ? "gone" : "running";
}
