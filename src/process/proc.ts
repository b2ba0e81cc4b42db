import { readFileSync } from "node:fs";

/** Reads one of Linux's files about processes and threads; `undefined` where there is none or it may not be read. */
export function readProc(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // Another platform, /proc hidden or forbidden, or the process or thread has ended.
    return undefined;
  }
}

/** What the file `stat` of a process or thread says (Linux). */
export interface ProcessStat {
  /** The kernel's letter: `R` running, `S` sleeping, `D` in uninterruptible sleep, `Z` ended. */
  readonly state: string;
  /** Whether it has ended and its parent has not waited for it yet. */
  readonly ended: boolean;
  readonly group: number;
  readonly session: number;
  /** When it started, in clock ticks since boot. */
  readonly start: number;
}

/** Reads the line of a file `stat`. */
export function parseStat(line: string): ProcessStat | undefined {
  // The 2nd field is the program's name in parentheses, which may contain parentheses, spaces and line breaks.
  // After it come the state (3rd), the parent, the group (5th), the session (6th); the start is the 22nd.
  const found = /^.*\) (\S) \S+ (\S+) (\S+) (?:\S+ ){15}(\d+)/s.exec(line);
  const [, state, group, session, start] = found ?? [];
  if (state === undefined) return undefined;
  const ended = state === "Z" || state === "X";
  return { state, ended, group: Number(group), session: Number(session), start: Number(start) };
}

/** Reads the `stat` of a process or thread from its folder in `/proc`. */
export function readStat(folder: string): ProcessStat | undefined {
  return parseStat(readProc(`${folder}/stat`) ?? "");
}

/** The pids of the children that one thread has started. */
export function childrenOf(threadFolder: string): readonly number[] {
  const pids = readProc(`${threadFolder}/children`)?.trim() ?? "";
  return pids === "" ? [] : pids.split(" ").map(Number);
}
