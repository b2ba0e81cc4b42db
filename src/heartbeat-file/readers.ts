import { resolveOptions } from "../kernel/options.js";
import {
  type HeartbeatCheckOptions,
  type HeartbeatCheckSettings,
  heartbeatCheckRules,
  parsePath,
} from "./options.js";
import { processFate } from "./process-identity.js";
import { decodeState, type HeartbeatState } from "./state.js";
import { readText, readTextSync } from "./state-file.js";
import { type HeartbeatCheck, judge } from "./verdict.js";

function resolve(method: string, options: HeartbeatCheckOptions | undefined): HeartbeatCheckSettings {
  return resolveOptions(`Heartbeat.${method}`, heartbeatCheckRules, options);
}

function assess(text: string | null, { clock, maxAge }: HeartbeatCheckSettings): HeartbeatCheck {
  const state = decode(text);
  const now = clock.wallNow();
  return judge(state, state === null ? "unknown" : processFate(state, now), now, maxAge);
}

function decode(text: string | null): HeartbeatState | null {
  return text === null ? null : decodeState(text);
}

export async function readState(file: string | URL): Promise<HeartbeatState | null> {
  return decode(await readText(parsePath(file, "file")));
}

export function readStateSync(file: string | URL): HeartbeatState | null {
  return decode(readTextSync(parsePath(file, "file")));
}

export async function check(file: string | URL, options?: HeartbeatCheckOptions): Promise<HeartbeatCheck> {
  const settings = resolve("check", options);
  return assess(await readText(parsePath(file, "file")), settings);
}

export function checkSync(file: string | URL, options?: HeartbeatCheckOptions): HeartbeatCheck {
  return assess(readTextSync(parsePath(file, "file")), resolve("checkSync", options));
}
