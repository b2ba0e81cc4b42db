import { statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { readFile, readFileSync } from "../../heartbeat-file/read-file.js";
import type { HeartbeatState } from "../../heartbeat-file/state.js";

/** What the heartbeat file shows about the watched run. */
export type BeatSign = "beat" | "frozen" | "none";

/** The heartbeat file at one moment. */
export interface FileVersion {
  /** Changes with each write, even if the content stays the same. */
  readonly mark: string;
  readonly state: HeartbeatState | null;
}

/**
 * Detects changes of a heartbeat file since a run began. A change by any process is a beat, because the pid of a
 * program behind `npm start` or `sh -c` is not known here. Times are not compared, so clocks may differ, and `touch` in
 * a shell script is a beat too.
 */
export class BeatDetector {
  readonly #before: HeartbeatState | null;
  #mark: string | undefined;
  #interval: number | undefined;

  /** @param before the file before the run began. */
  constructor(before: FileVersion | null) {
    this.#before = before?.state ?? null;
    this.#mark = before?.mark;
  }

  /** The seconds between two beats, if the last beat of this run contains them. */
  get interval(): number | undefined {
    return this.#interval;
  }

  /** What has changed in the file since the last look. */
  look(now: FileVersion | null): BeatSign {
    if (now === null || now.mark === this.#mark) return "none";
    this.#mark = now.mark;
    // A process of an earlier run is still alive and writes the file.
    if (now.state !== null && isSameWriter(now.state, this.#before)) return "none";
    this.#interval = now.state?.interval;
    return now.state?.status === "frozen" ? "frozen" : "beat";
  }
}

/** Whether both come from the same start of one heartbeat; unknown, so false, for files of the Python original. */
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
    // Either way, there is no beat.
    return null;
  }
}

/** {@link readVersion} without a promise. */
export function readVersionSync(file: string): FileVersion | null {
  try {
    const mark = markOf(statSync(file, { bigint: true }));
    return { mark, state: readFileSync(file).state };
  } catch {
    // As in `readVersion`.
    return null;
  }
}
