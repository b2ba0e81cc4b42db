import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { replaceFileSync } from "../../heartbeat-file/state-file.js";
import { formatTimestamp } from "../../heartbeat-file/timestamp.js";
import { threadClock } from "../../process/thread-clock.js";
import type { OnFreeze } from "../options.js";
import type { TimeoutInfo } from "../timeout-info.js";

/** Names longer than this are cut: a file name has 255 bytes at most. */
const LONGEST_NAME = 80;

/** The file name of a report, with its time. */
const REPORT = /^watchdog-.+-\d+-(\d{8}T\d{9}Z)(?:-\d+)?\.json$/;

/**
 * The file name of a report, without the extension.
 *
 * @param time ISO 8601, UTC.
 */
export function reportName(watchdog: string, pid: number, time: string): string {
  const name = watchdog.replaceAll(/[^\w.-]+/g, "-").slice(0, LONGEST_NAME);
  // To the millisecond, without characters that some file systems do not allow.
  return `watchdog-${name}-${pid}-${time.slice(0, 23).replaceAll(/[-:.]/g, "")}Z`;
}

/**
 * Writes the report of one watchdog as JSON: what stderr says, and which process it was.
 *
 * @returns the name of the file.
 * @throws the system's error.
 */
export function writeReport(directory: string, info: TimeoutInfo, onFreeze: OnFreeze): string {
  const time = formatTimestamp(threadClock.wallNow());
  const who = { pid: process.pid, hostname: hostname(), node: process.version, time };
  const { name, secondsInactive, kind, stack = null, details } = info;
  const report = { name, secondsInactive, kind, onFreeze, ...who, stack, details };
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const base = reportName(name, process.pid, time);
  let file = `${base}.json`;
  // Two watchdogs of the same name can time out at once.
  for (let another = 2; existsSync(path.join(directory, file)); another++) file = `${base}-${another}.json`;
  replaceFileSync(path.join(directory, file), `${JSON.stringify(report, null, 2)}\n`);
  return file;
}

/**
 * Removes the oldest reports beyond `most`, including those of other processes. Files with other names stay, and so does
 * `latest`, even if the clock was set back.
 *
 * @throws the system's error, but not if another process has removed the file.
 */
export function removeOldReports(directory: string, most: number, latest: string): void {
  const others = readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const time = entry.isFile() && entry.name !== latest ? REPORT.exec(entry.name)?.[1] : undefined;
    return time === undefined ? [] : [{ time, name: entry.name }];
  });
  others.sort((a, b) => (a.time < b.time ? 1 : -1));
  for (const { name } of others.slice(most - 1)) rmSync(path.join(directory, name), { force: true });
}
