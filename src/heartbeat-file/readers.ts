import { resolveOptions } from "../kernel/options.js";
import { type HeartbeatCheckOptions, heartbeatCheckRules, parsePath } from "./options.js";
import { processFate } from "./process-identity.js";
import { decodeState, type HeartbeatState } from "./state.js";
import { readText, readTextSync } from "./state-file.js";
import { type HeartbeatCheck, judge } from "./verdict.js";

function assess(state: HeartbeatState | null, options: HeartbeatCheckOptions | undefined): HeartbeatCheck {
  const { clock, maxAge } = resolveOptions("Heartbeat.check", heartbeatCheckRules, options);
  const now = clock.wallNow();
  return judge(state, state === null ? "unknown" : processFate(state, now), now, maxAge);
}

export async function readState(file: string | URL): Promise<HeartbeatState | null> {
  return decodeState(await readText(parsePath(file, "file")));
}

export function readStateSync(file: string | URL): HeartbeatState | null {
  return decodeState(readTextSync(parsePath(file, "file")));
}

export async function check(file: string | URL, options?: HeartbeatCheckOptions): Promise<HeartbeatCheck> {
  return assess(await readState(file), options);
}

export function checkSync(file: string | URL, options?: HeartbeatCheckOptions): HeartbeatCheck {
  return assess(readStateSync(file), options);
}

export async function isAlive(file: string | URL, options?: HeartbeatCheckOptions): Promise<boolean> {
  return (await check(file, options)).status === "alive";
}

export function isAliveSync(file: string | URL, options?: HeartbeatCheckOptions): boolean {
  return checkSync(file, options).status === "alive";
}
