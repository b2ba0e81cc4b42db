import { processFate } from "./process-identity.js";
import { decodeState, type HeartbeatState } from "./state.js";
import { readText } from "./state-file.js";
import { parseTimestamp } from "./timestamp.js";

/**
 * Whether a running process of this host that began later has made the file its own, as at a rolling restart: the
 * process that ends must not have the last word in it.
 *
 * @param own what this process would write.
 * @param now wall-clock time in milliseconds.
 */
export async function hasSuccessor(file: string, own: HeartbeatState, now: number): Promise<boolean> {
  const found = decodeState(await readText(file));
  if (found?.startedAt === undefined || own.startedAt === undefined || found.pid === own.pid) return false;
  const isLater = parseTimestamp(found.startedAt) > parseTimestamp(own.startedAt);
  return isLater && processFate(found, now) === "running";
}
