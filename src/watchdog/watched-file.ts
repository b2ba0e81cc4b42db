import { parsePath, PATH_RULE } from "../heartbeat-file/options.js";
import { configuredLayers } from "../kernel/configured.js";
import type { Duration } from "../kernel/duration.js";
import { custom, type Rule } from "../kernel/rules.js";
import { type StateFileOptions, stateFileRules } from "./state-file-options.js";

/** The options in the section `watchdog` of a configuration that are for `Watchdog.fromStateFile`. */
export interface WatchedFileOptions {
  /** The file to watch when none is given: a path or a `file:` URL. Default: that of the section `heartbeat`. */
  readonly stateFile?: string | URL | undefined;
  /** How old the last beat may be, at least 1 ms. Default: three times the interval that the file names, or 30 s. */
  readonly maxAge?: Duration | undefined;
  /** How often the file is looked at, at least 1 ms. Default 5 s. */
  readonly checkInterval?: Duration | undefined;
}

/** The rules of these options. */
export const watchedFileRules: { readonly [Key in keyof Required<WatchedFileOptions>]: Rule<unknown> } = {
  stateFile: custom<string>({ allowed: PATH_RULE, file: { kind: "text" }, parse: parsePath }),
  maxAge: stateFileRules.maxAge,
  checkInterval: stateFileRules.checkInterval,
};

/** The given file, or else the one in the configuration. */
export function watchedFile(given: unknown, options: StateFileOptions | undefined): string {
  if (given !== undefined) return parsePath(given, "file");
  const layers = [...configuredLayers("heartbeat", options), ...configuredLayers("watchdog", options)];
  const file = layers.findLast(({ stateFile }) => stateFile !== undefined)?.["stateFile"];
  if (file !== undefined) return parsePath(file, "file");
  throw new TypeError(
    `file must be ${PATH_RULE}, or the configuration must have a state_file in the section watchdog or heartbeat; got neither.`,
  );
}

/** The other options in the configuration, lowest precedence first. */
export function watchedFileLayers(
  options: StateFileOptions | undefined,
): readonly Readonly<Record<string, unknown>>[] {
  // Callbacks in that section are for pinged watchdogs: theirs have other arguments.
  return configuredLayers("watchdog", options).map(({ maxAge, checkInterval }) => ({
    maxAge,
    checkInterval,
  }));
}
