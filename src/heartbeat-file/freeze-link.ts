import fs from "node:fs";
import { ownProcess } from "./process-identity.js";
import { readTextSync } from "./read-file.js";
import { OWNER_ONLY, replaceFileSync } from "./state-file.js";
import { asciiJson, type HeartbeatMetadata, isJsonObject } from "./state.js";

/** Index of the number of writes that the heartbeat has begun; only its thread changes it. */
const BEGUN = 0;
/** Index of a flag that is 1 while the monitor replaces the file. */
const REPLACING = 1;

/** How long a beat waits for the monitor's rename, in milliseconds. */
const WAIT_LIMIT = 250;

/** What a heartbeat shares with a monitor thread, so that it can write `frozen` to the file. */
export interface FreezeLink {
  /** Absolute. */
  readonly file: string;
  /** The permission bits of the file. */
  readonly mode: number;
  readonly turns: Int32Array;
}

export function freezeLinkTo(file: string, mode: number = OWNER_ONLY): FreezeLink {
  return { file, mode, turns: new Int32Array(new SharedArrayBuffer(8)) };
}

/**
 * Called by the heartbeat when a write begins. From then on the monitor does not replace the file; if a replacement is
 * in progress, this waits for it.
 */
export function beginBeat({ turns }: FreezeLink): void {
  Atomics.add(turns, BEGUN, 1);
  if (Atomics.load(turns, REPLACING) === 0) return;
  // The monitor may have died; later beats must not wait for it.
  if (Atomics.wait(turns, REPLACING, 1, WAIT_LIMIT) === "timed-out") Atomics.store(turns, REPLACING, 0);
}

/** The fields of the last beat if this process wrote it, which makes further checks unnecessary. */
function ownBeat(file: string): HeartbeatMetadata | undefined {
  const { pid, hostname, processStart } = ownProcess();
  try {
    const beat: unknown = JSON.parse(readTextSync(file));
    if (!isJsonObject(beat) || beat["pid"] !== pid || beat["hostname"] !== hostname) return undefined;
    return beat["process_start"] === processStart ? beat : undefined;
  } catch {
    // There is no beat yet, or the file is not a heartbeat.
    return undefined;
  }
}

/**
 * Writes `frozen` to the heartbeat's file and keeps all other fields, including time and sequence, of the last beat.
 * Called by the monitor while the heartbeat's thread is frozen. Synchronous, because the thread pool for file
 * operations may be blocked too.
 *
 * A beat that begins meanwhile wins. So does a beat whose write was in progress when the thread froze: it is renamed
 * once the thread continues. One race remains: if the thread started a rename before it froze and the disk has delayed
 * it until now, the file shows the previous beat, as `frozen`, until the next one.
 *
 * @param isFrozen called right before the file is replaced.
 */
export function writeFrozen({ file, mode, turns }: FreezeLink, isFrozen: () => boolean): void {
  const begun = Atomics.load(turns, BEGUN);
  const beat = ownBeat(file);
  if (beat === undefined || beat["status"] === "stopped" || beat["status"] === "frozen") return;
  try {
    // A link was checked and followed when the beat was written.
    const target = fs.realpathSync(file);
    const text = `${asciiJson(JSON.stringify({ ...beat, status: "frozen" }))}\n`;
    replaceFileSync(target, text, mode, () => {
      Atomics.store(turns, REPLACING, 1);
      return isFrozen() && Atomics.load(turns, BEGUN) === begun;
    });
  } finally {
    Atomics.store(turns, REPLACING, 0);
    Atomics.notify(turns, REPLACING);
  }
}
