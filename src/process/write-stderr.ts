import { writeSync } from "node:fs";
import { hasCode } from "../kernel/system-error.js";
import { realClock } from "../kernel/clock.js";

const ATTEMPTS = 20;

/**
 * Writes to stderr from this very thread. A worker's own streams print by way of the main thread, the one
 * that is frozen.
 */
export function writeStderr(text: string): void {
  let left = Buffer.from(text);
  // A pipe that stays full for longer has no reader worth waiting for.
  for (let attempt = 0; left.length > 0 && attempt < ATTEMPTS; attempt++) {
    try {
      left = left.subarray(writeSync(2, left));
    } catch (error) {
      // Nobody is left to be told that stderr is closed.
      if (!hasCode(error, "EAGAIN")) return;
      realClock.sleepSync(5);
    }
  }
}
