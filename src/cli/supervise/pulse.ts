import { statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { readFile, readFileSync } from "../../heartbeat-file/read-file.js";
import type { HeartbeatState } from "../../heartbeat-file/state.js";

/** What a look at the heartbeat's file says of the run that is watched. */
export type Pulse = "beat" | "frozen" | "none";

/** The file at one moment. */
export interface Sighting {
  /** Another one after each write, whatever the content. */
  readonly mark: string;
  readonly state: HeartbeatState | null;
}

/**
 * Finds out what is new in a heartbeat's file since a run began. A change is a beat, by whichever process of the
 * run it was made: the pid of a program behind `npm start` or `sh -c` is not known here. Neither are times
 * compared, so that no clock has to be right, and `touch` in a shell script is a beat too.
 */
export class RunPulse {
  readonly #before: HeartbeatState | null;
  #mark: string | undefined;
  #interval: number | undefined;

  /** @param before the file as it was before the run began. */
  constructor(before: Sighting | null) {
    this.#before = before?.state ?? null;
    this.#mark = before?.mark;
  }

  /** The seconds between two beats, when the last beat of this run tells. */
  get interval(): number | undefined {
    return this.#interval;
  }

  /** What the file, as it is now, says that it did not say at the last look. */
  look(now: Sighting | null): Pulse {
    if (now === null || now.mark === this.#mark) return "none";
    this.#mark = now.mark;
    // Somebody of an earlier run still lives and writes.
    if (now.state !== null && isSameWriter(now.state, this.#before)) return "none";
    this.#interval = now.state?.interval;
    return now.state?.status === "frozen" ? "frozen" : "beat";
  }
}

/** Whether both are of one start of one heartbeat; a file of the Python original does not tell. */
function isSameWriter(state: HeartbeatState, before: HeartbeatState | null): boolean {
  return state.startedAt !== undefined && state.startedAt === before?.startedAt && state.pid === before.pid;
}

function markOf(stats: { ino: bigint; mtimeNs: bigint; size: bigint }): string {
  return `${stats.ino}/${stats.mtimeNs}/${stats.size}`;
}

/** Looks at the file; `null` when it is not there. */
export async function sight(file: string): Promise<Sighting | null> {
  try {
    const mark = markOf(await stat(file, { bigint: true }));
    return { mark, state: (await readFile(file)).state };
  } catch {
    // Missing or out of reach: no beat, either way.
    return null;
  }
}

/** {@link sight} without a promise. */
export function sightSync(file: string): Sighting | null {
  try {
    const mark = markOf(statSync(file, { bigint: true }));
    return { mark, state: readFileSync(file).state };
  } catch {
    // As above.
    return null;
  }
}
