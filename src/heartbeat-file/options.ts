import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "../kernel/clock.js";
import type { Duration } from "../kernel/duration.js";
import { fromHome, isForeignHome } from "../kernel/home-path.js";
import { clockRule } from "../kernel/object-rules.js";
import type { OptionRules, SettingsFor } from "../kernel/options.js";
import { duration, optional } from "../kernel/rules.js";
import { unlike } from "../kernel/show.js";

/** Options of the readers of a heartbeat's file. */
export interface HeartbeatCheckOptions {
  /**
   * The age up to which the last beat counts as alive, above 0; a number is seconds. Default: three times the
   * interval in the file, or 30 s if it has none.
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
export const PATH_RULE: string =
  "a path (a non-empty string, without NUL, not in another user's ~name/) or a file: URL";

/** The text of a URL, recognised by its `href`: `instanceof` fails for a URL of another realm. */
function urlText(value: unknown): string | undefined {
  const { href } = Object(value) as { readonly href?: unknown };
  return typeof href === "string" ? href : undefined;
}

/**
 * Returns the absolute path of a state file; a leading `~/` stands for the home folder.
 *
 * @throws TypeError when it is neither a path nor a `file:` URL.
 */
export function parsePath(value: unknown, label: string): string {
  const url = urlText(value);
  try {
    const file = url === undefined ? value : fileURLToPath(url);
    const isPath = typeof file === "string" && file !== "" && !file.includes("\0");
    if (isPath && url !== undefined) return path.resolve(file);
    if (isPath && !isForeignHome(file)) return path.resolve(fromHome(file));
  } catch {
    // Not a file: URL, or the user has no home folder.
  }
  throw new TypeError(unlike(label, PATH_RULE, url ?? value));
}

/** The allowed values and the default of each reader option. */
export const heartbeatCheckRules: OptionRules<HeartbeatCheckSettings> = {
  maxAge: optional(duration(undefined)),
  clock: clockRule,
};
