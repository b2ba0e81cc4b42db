import { writeSync } from "node:fs";
import { hasCode } from "../kernel/system-error.js";
import { sleepSync } from "./thread-clock.js";

const ATTEMPTS = 20;
/** Between two attempts, in milliseconds. */
const PAUSE = 5;

/**
 * Writes to stderr from the calling thread: the streams of a worker thread print through the main thread, which may hang.
 * If a pipe is full because its reader is slow, it tries again for a tenth of a second.
 */
export function writeStderr(text: string): void {
  let left = Buffer.from(text);
  for (let attempt = 0; left.length > 0 && attempt < ATTEMPTS; attempt++) {
    try {
      left = left.subarray(writeSync(2, left));
    } catch (error) {
      // stderr is closed; this cannot be reported anywhere.
      if (!hasCode(error, "EAGAIN")) return;
      sleepSync(PAUSE);
    }
  }
}
