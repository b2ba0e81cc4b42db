import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { hasCode } from "../heartbeat-file/system-error.js";
import { realClock } from "../kernel/clock.js";

const STDERR = 2;
const ATTEMPTS = 20;

/**
 * Opens stderr once more where it is a pipe or a terminal (Linux): a write to a full one then fails at once instead
 * of waiting for a reader that may never come. `undefined` where that cannot be done.
 */
function openWithoutWaiting(): number | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const stats = fstatSync(STDERR);
    if (!stats.isFIFO() && !stats.isCharacterDevice()) return undefined;
    const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
    return openSync(`/proc/self/fd/${STDERR}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    // Closed, without a reader, another user's terminal, or the permission model: the write itself will tell.
    return undefined;
  }
}

/**
 * Writes to stderr from this very thread. A worker's own streams print by way of the main thread, the one
 * that is frozen, perhaps in a write to that very stream.
 */
export function writeError(text: string): void {
  const opened = openWithoutWaiting();
  let left = Buffer.from(text);
  // A pipe that stays full for longer has no reader worth waiting for.
  for (let attempt = 0; left.length > 0 && attempt < ATTEMPTS; attempt++) {
    try {
      left = left.subarray(writeSync(opened ?? STDERR, left));
    } catch (error) {
      // Nobody is left to be told that stderr is closed.
      if (!hasCode(error, "EAGAIN")) break;
      realClock.sleepSync(5);
    }
  }
  if (opened !== undefined) closeSync(opened);
}
