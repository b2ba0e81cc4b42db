import { existsSync, mkdirSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { replaceFileSync } from "../heartbeat-file/state-file.js";
import { formatTimestamp } from "../heartbeat-file/timestamp.js";
import { realClock } from "../kernel/clock.js";
import type { OnFreeze } from "./options.js";
import type { TimeoutInfo } from "./timeout-info.js";

/** Names longer than this are cut: a file name has 255 bytes at most. */
const LONGEST_NAME = 80;

/**
 * What a report's file is called, without its ending.
 *
 * @param time ISO 8601, UTC.
 */
export function reportName(watchdog: string, pid: number, time: string): string {
  const name = watchdog.replaceAll(/[^\w.-]+/g, "-").slice(0, LONGEST_NAME);
  // To the millisecond, without what some file systems do not allow.
  return `watchdog-${name}-${pid}-${time.slice(0, 23).replaceAll(/[-:.]/g, "")}Z`;
}

/**
 * Writes the report of one frozen watchdog as JSON: what stderr says, and which process it was.
 *
 * @returns the path of the file.
 * @throws the system's error.
 */
export function writeReport(directory: string, info: TimeoutInfo, onFreeze: OnFreeze): string {
  const time = formatTimestamp(realClock.wallNow());
  const who = { pid: process.pid, hostname: hostname(), node: process.version, time };
  const { name, secondsInactive, kind, stack = null, details } = info;
  const report = { name, secondsInactive, kind, onFreeze, ...who, stack, details };
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const base = path.join(directory, reportName(name, process.pid, time));
  let file = `${base}.json`;
  // Two watchdogs of one name, frozen together.
  for (let another = 2; existsSync(file); another++) file = `${base}-${another}.json`;
  replaceFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  return file;
}
