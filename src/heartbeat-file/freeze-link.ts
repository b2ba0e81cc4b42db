import fs from "node:fs";
import { ownProcess } from "./process-identity.js";
import { readFileSync } from "./read-file.js";
import { OWNER_ONLY, replaceFileSync } from "./state-file.js";
import { encodeState, type HeartbeatState } from "./state.js";

/** How many writes the heartbeat has begun. Written by the heartbeat's thread. */
const BEGUN = 0;
/** 1 while the monitor replaces the file. */
const REPLACING = 1;

/** How long a beat waits for the monitor, which is in the midst of one rename, in milliseconds. */
const PATIENCE = 250;

/** What a heartbeat shares with a monitor thread, which says `frozen` in its file. */
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
 * Called by the heartbeat when a write begins: from here on nobody else replaces the file. A monitor that has
 * looked before does not replace it any more, or is doing so right now and is waited for.
 */
export function beginBeat({ turns }: FreezeLink): void {
  Atomics.add(turns, BEGUN, 1);
  if (Atomics.load(turns, REPLACING) === 0) return;
  // A monitor that died in it must not make every later beat wait.
  if (Atomics.wait(turns, REPLACING, 1, PATIENCE) === "timed-out") Atomics.store(turns, REPLACING, 0);
}

/** Whether this process has written it and beats on. */
function isOwnBeat(state: HeartbeatState): boolean {
  const own = ownProcess();
  const written = state.pid === own.pid && state.hostname === own.hostname;
  return written && state.processStart === own.processStart && state.status !== "stopped";
}

/**
 * Says `frozen` in the heartbeat's file: all else stays as it was at the last beat, whose time and number it is.
 * Called by the monitor while the heartbeat's thread is frozen; synchronous, because the pool of threads that file
 * operations share may be as busy as that thread.
 *
 * A beat that begins meanwhile wins, and so does one that was on its way when the thread froze: it is renamed when
 * the thread is back. What remains is a rename that the frozen thread had handed to the system before it froze and
 * that the disk has kept waiting until just now: then a beat is overwritten by the one before it, as `frozen`, and
 * the thread's next beat sets it right.
 *
 * @param isFrozen asked right before the file is replaced.
 */
export function writeFrozen({ file, mode, turns }: FreezeLink, isFrozen: () => boolean): void {
  const begun = Atomics.load(turns, BEGUN);
  const { state } = readFileSync(file);
  if (state === null || !isOwnBeat(state) || state.status === "frozen") return;
  try {
    // Where the beat itself has gone through a link, having looked whether it may.
    const target = fs.realpathSync(file);
    replaceFileSync(target, encodeState({ ...state, status: "frozen" }), mode, () => {
      Atomics.store(turns, REPLACING, 1);
      return isFrozen() && Atomics.load(turns, BEGUN) === begun;
    });
  } finally {
    Atomics.store(turns, REPLACING, 0);
    Atomics.notify(turns, REPLACING);
  }
}
