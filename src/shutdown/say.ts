import { writeStderr } from "../process/write-stderr.js";

/** Writes a line to stderr at once, from any thread. */
export function say(text: string): void {
  writeStderr(`[shutdown] ${text}\n`);
}
