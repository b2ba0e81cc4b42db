import { writeStderr } from "../process/write-stderr.js";

/** Writes a line to stderr at once, from whatever thread. */
export function say(text: string): void {
  writeStderr(`[shutdown] ${text}\n`);
}
