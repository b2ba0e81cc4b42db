import { parsePath, PATH_RULE } from "../heartbeat-file/options.js";
import { configuredLayers } from "../kernel/configured.js";
import type { Duration } from "../kernel/duration.js";
import { custom, type Rule } from "../kernel/rules.js";
import { type StateFileOptions, stateFileRules } from "./state-file-options.js";

/** What the section `watchdog` of a configuration can say of the watchers that `Watchdog.fromStateFile` makes. */
export interface WatchedFileOptions {
  /** The file to watch when none is given: a path or a `file:` URL. Default: that of the section `heartbeat`. */
  readonly stateFile?: string | URL | undefined;
  /** How old the last beat may be, at least 1 ms. Default: three times the interval that the file names, or 30 s. */
  readonly maxAge?: Duration | undefined;
  /** How often the file is looked at, at least 1 ms. Default 5 s. */
  readonly checkInterval?: Duration | undefined;
}

/** What each of them may be and is by default. */
export const watchedFileRules: { readonly [Key in keyof Required<WatchedFileOptions>]: Rule<unknown> } = {
  stateFile: custom<string>({ allowed: PATH_RULE, file: { kind: "text" }, parse: parsePath }),
  maxAge: stateFileRules.maxAge,
  checkInterval: stateFileRules.checkInterval,
};

/** The file that a watcher is given, or else the one that the configuration names. */
export function watchedFile(given: unknown, options: StateFileOptions | undefined): string {
  if (given !== undefined) return parsePath(given, "file");
  const layers = [...configuredLayers("heartbeat", options), ...configuredLayers("watchdog", options)];
  const file = layers.findLast(({ stateFile }) => stateFile !== undefined)?.["stateFile"];
  if (file !== undefined) return parsePath(file, "file");
  throw new TypeError(
    `file must be ${PATH_RULE}, or the configuration must have a state_file in the section watchdog or heartbeat; got neither.`,
  );
}

/** What the configuration says of a watcher besides, lowest precedence first. */
export function watchedFileLayers(
  options: StateFileOptions | undefined,
): readonly Readonly<Record<string, unknown>>[] {
  // Callbacks in that section are meant for pinged watchdogs: this kind of timeout has other arguments.
  return configuredLayers("watchdog", options).map(({ maxAge, checkInterval }) => ({
    maxAge,
    checkInterval,
  }));
}
