import { statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { readFile, readFileSync } from "../../heartbeat-file/read-file.js";
import type { HeartbeatState } from "../../heartbeat-file/state.js";

/** What reading the heartbeat's file says about the watched run. */
export type BeatSign = "beat" | "frozen" | "none";

/** The heartbeat file at one moment. */
export interface FileVersion {
  /** Differs after each write, whatever the content. */
  readonly mark: string;
  readonly state: HeartbeatState | null;
}

/**
 * Finds out what is new in a heartbeat's file since a run began. Any change is a beat, whichever process made it: the
 * pid of a program behind `npm start` or `sh -c` is not known here. No times are compared, so clocks need not agree
 * and `touch` in a shell script is a beat too.
 */
export class BeatDetector {
  readonly #before: HeartbeatState | null;
  #mark: string | undefined;
  #interval: number | undefined;

  /** @param before the file as it was before the run began. */
  constructor(before: FileVersion | null) {
    this.#before = before?.state ?? null;
    this.#mark = before?.mark;
  }

  /** The seconds between two beats, if the last beat of this run says so. */
  get interval(): number | undefined {
    return this.#interval;
  }

  /** What is new in the file since the last look. */
  look(now: FileVersion | null): BeatSign {
    if (now === null || now.mark === this.#mark) return "none";
    this.#mark = now.mark;
    // A process of an earlier run is still alive and writes.
    if (now.state !== null && isSameWriter(now.state, this.#before)) return "none";
    this.#interval = now.state?.interval;
    return now.state?.status === "frozen" ? "frozen" : "beat";
  }
}

/** Whether both are from the same start of the same heartbeat; a file of the Python original cannot tell. */
function isSameWriter(state: HeartbeatState, before: HeartbeatState | null): boolean {
  return state.startedAt !== undefined && state.startedAt === before?.startedAt && state.pid === before.pid;
}

function markOf(stats: { ino: bigint; mtimeNs: bigint; size: bigint }): string {
  return `${stats.ino}/${stats.mtimeNs}/${stats.size}`;
}

/** Reads the file; `null` if it is missing or not accessible. */
export async function readVersion(file: string): Promise<FileVersion | null> {
  try {
    const mark = markOf(await stat(file, { bigint: true }));
    return { mark, state: (await readFile(file)).state };
  } catch {
    // Missing or not accessible: no beat, either way.
    return null;
  }
}

/** {@link readVersion} without a promise. */
export function readVersionSync(file: string): FileVersion | null {
  try {
    const mark = markOf(statSync(file, { bigint: true }));
    return { mark, state: readFileSync(file).state };
  } catch {
    // As above.
    return null;
  }
}
