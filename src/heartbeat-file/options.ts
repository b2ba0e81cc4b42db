import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Clock, realClock } from "../kernel/clock.js";
import type { Duration } from "../kernel/duration.js";
import type { OptionRules, SettingsFor } from "../kernel/options.js";
import { duration, having, optional, type Rule } from "../kernel/rules.js";
import { show } from "../kernel/show.js";

/** Options of the readers of a heartbeat's file. */
export interface HeartbeatCheckOptions {
  /**
   * The age up to which the last beat counts as alive, above 0; a number is seconds. Default: three times the
   * interval that the file names, or 30 s when it names none.
   */
  readonly maxAge?: Duration | undefined;
  /** Source of the wall-clock time. Default `realClock`. */
  readonly clock?: Clock | undefined;
}

/** Checked reader options; milliseconds. */
export type HeartbeatCheckSettings = SettingsFor<
  HeartbeatCheckOptions,
  { maxAge: number | undefined; clock: Clock }
>;

/** What the path of a state file may be. */
export const PATH_RULE: string = "a path (a string that is not empty, without NUL) or a file: URL";

/** A URL, also one of another realm. */
function isUrlLike(value: unknown): value is URL {
  return typeof value === "object" && value !== null && "href" in value && "protocol" in value;
}

/**
 * Makes the absolute path of a state file.
 *
 * @throws TypeError when it is neither a path nor a `file:` URL.
 */
export function parsePath(value: unknown, label: string): string {
  const isUrl = isUrlLike(value);
  try {
    const file = isUrl ? fileURLToPath(value) : value;
    if (typeof file === "string" && file !== "" && !file.includes("\0")) return path.resolve(file);
  } catch {
    // A URL that names no file.
  }
  throw new TypeError(`${label} must be ${PATH_RULE}; got ${show(isUrl ? value.href : value)}.`);
}

/** A clock for the times of a heartbeat. */
export const clockRule: Rule<Clock> = having(realClock, "a clock", [
  "now",
  "wallNow",
  "setTimer",
  "sleepSync",
]);

/** What each option of a reader may be and is by default. */
export const heartbeatCheckRules: OptionRules<HeartbeatCheckSettings> = {
  maxAge: optional(duration(undefined)),
  clock: clockRule,
};
