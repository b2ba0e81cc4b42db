import { processFate, startOrder } from "./process-identity.js";
import { readFile } from "./read-file.js";
import type { HeartbeatState } from "./state.js";
import { parseTimestamp } from "./timestamp.js";

/** Whether the writer of `found` started after that of `own`. */
function isLater(found: HeartbeatState, own: HeartbeatState): boolean {
  // The wall clock may have been set back between the two.
  const order = startOrder(found, own);
  if (order !== 0) return order > 0;
  return parseTimestamp(found.startedAt ?? "") > parseTimestamp(own.startedAt ?? "");
}

/**
 * Whether the file belongs to a running process of this host that started later, as in a rolling restart. The process
 * that ends must then leave it alone.
 *
 * @param own what this process would write.
 * @param now wall-clock time in milliseconds.
 */
export async function hasSuccessor(file: string, own: HeartbeatState, now: number): Promise<boolean> {
  const { state } = await readFile(file);
  if (state === null || state.pid === own.pid) return false;
  return isLater(state, own) && processFate(state, now) === "running";
}
