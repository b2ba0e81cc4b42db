import fs from "node:fs";
import os from "node:os";
import { hasCode } from "../kernel/system-error.js";
import { readProc, readStat } from "./proc.js";

/** Whether a process with this id exists; `true` where that is unknown. */
export function processExists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it exists and belongs to another user.
    return !hasCode(error, "ESRCH");
  }
}

/** Where the pid of this process is valid, and when it started. */
export interface Place {
  /** Boot and pid namespace, or the host where the system does not say both. */
  readonly mark: string;
  /** Start time of this process in clock ticks since boot, where the system says so. */
  readonly start: number | undefined;
}

let place: Place | undefined;

function pidNamespace(): string | undefined {
  try {
    return fs.readlinkSync("/proc/self/ns/pid").replaceAll(/\D+/g, "");
  } catch {
    // Another platform, or /proc is hidden or forbidden.
    return undefined;
  }
}

// A pid is valid only in one boot of one kernel and in one pid namespace: two containers of a pod share the hostname, and
// each has a process 1.
function markOfPlace(): string {
  const boot = readProc("/proc/sys/kernel/random/boot_id")?.trim();
  const namespace = pidNamespace();
  return boot === undefined || namespace === undefined ? os.hostname() : `${boot}/${namespace}`;
}

/** The place of this process; read once. */
export function ownPlace(): Place {
  place ??= { mark: markOfPlace(), start: readStat(`/proc/${process.pid}`)?.start };
  return place;
}

/** The place of this process as part of a file name. */
export function pidScope(): string {
  return ownPlace()
    .mark.replaceAll(/[^\w-]+/g, "-")
    .slice(0, 64);
}
