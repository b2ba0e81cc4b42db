import { processFate, startOrder } from "./process-identity.js";
import { readFile } from "./read-file.js";
import type { HeartbeatState } from "./state.js";
import { parseTimestamp } from "./timestamp.js";

/** Whether the writer of `found` began after that of `own`. */
function isLater(found: HeartbeatState, own: HeartbeatState): boolean {
  // The wall clock may have been set back between the two.
  const order = startOrder(found, own);
  if (order !== 0) return order > 0;
  return parseTimestamp(found.startedAt ?? "") > parseTimestamp(own.startedAt ?? "");
}

/**
 * Whether a running process of this host that began later has written the file, as in a rolling restart: the process
 * that ends must then not write it any more.
 *
 * @param own what this process would write.
 * @param now wall-clock time in milliseconds.
 */
export async function hasSuccessor(file: string, own: HeartbeatState, now: number): Promise<boolean> {
  const { state } = await readFile(file);
  if (state === null || state.pid === own.pid) return false;
  return isLater(state, own) && processFate(state, now) === "running";
}
