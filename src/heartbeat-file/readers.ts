import { resolveOptions } from "../kernel/options.js";
import { type HeartbeatCheckOptions, heartbeatCheckRules, parsePath } from "./options.js";
import { processFate } from "./process-identity.js";
import { readFile, readFileSync, type Reading } from "./read-file.js";
import type { HeartbeatState } from "./state.js";
import { type HeartbeatCheck, judge } from "./verdict.js";

function assess({ state, reason }: Reading, options: HeartbeatCheckOptions | undefined): HeartbeatCheck {
  const { clock, maxAge } = resolveOptions("Heartbeat.check", heartbeatCheckRules, options);
  const now = clock.wallNow();
  return judge(state, state === null ? "unknown" : processFate(state, now), now, maxAge, reason);
}

export async function readState(file: string | URL): Promise<HeartbeatState | null> {
  return (await readFile(parsePath(file, "file"))).state;
}

export function readStateSync(file: string | URL): HeartbeatState | null {
  return readFileSync(parsePath(file, "file")).state;
}

export async function check(file: string | URL, options?: HeartbeatCheckOptions): Promise<HeartbeatCheck> {
  const path = parsePath(file, "file");
  const found = assess(await readFile(path), options);
  // The process may have written `stopped` and exited after the file was read.
  return found.status === "dead" ? assess(await readFile(path), options) : found;
}

export function checkSync(file: string | URL, options?: HeartbeatCheckOptions): HeartbeatCheck {
  const path = parsePath(file, "file");
  const found = assess(readFileSync(path), options);
  return found.status === "dead" ? assess(readFileSync(path), options) : found;
}

export async function isAlive(file: string | URL, options?: HeartbeatCheckOptions): Promise<boolean> {
  return (await check(file, options)).status === "alive";
}

export function isAliveSync(file: string | URL, options?: HeartbeatCheckOptions): boolean {
  return checkSync(file, options).status === "alive";
}
