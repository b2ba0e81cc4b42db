import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { readFileSync, unreadable } from "../../heartbeat-file/read-file.js";
import { fromHome } from "../../kernel/home-path.js";
import { expandPattern, isPattern } from "./glob.js";

const ENDING = ".heartbeat";

/** The files named by the arguments. */
export interface Found {
  /** Absolute paths, each once, in the order of the arguments, including named files that are missing. */
  readonly files: readonly string[];
  /** Whether any of them exists. */
  readonly isAny: boolean;
  /** Arguments that match no file. */
  readonly empty: readonly string[];
  /** Why, for those in `empty` where there is more to say. */
  readonly reasons: ReadonlyMap<string, string>;
}

type Kind = "file" | "folder" | "missing" | "unclear";

function kindOf(file: string): Kind {
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found === undefined) return "missing";
    return found.isDirectory() ? "folder" : "file";
  } catch (error) {
    // A file in a folder without permission may exist, and a circular link does exist; reading it reports the reason.
    return unreadable(error) === "no such file" ? "missing" : "unclear";
  }
}

/** The files of a folder that end in `.heartbeat`, with any content, and other files that are heartbeats. */
function inFolder(folder: string, onError: (error: unknown) => void): readonly string[] {
  let names: readonly string[];
  try {
    names = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && !entry.name.startsWith("."))
      .map((entry) => entry.name);
  } catch (error) {
    onError(error);
    return [];
  }
  return names
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((name) => path.join(folder, name))
    .filter((file) => file.endsWith(ENDING) || readFileSync(file).state !== null);
}

/** Finds the files that the arguments of `status` currently name. */
export function findFiles(targets: readonly string[], cwd: string): Found {
  const files = new Set<string>();
  const empty: string[] = [];
  const reasons = new Map<string, string>();
  let isAny = false;
  for (const target of targets.map((given) => fromHome(given))) {
    const onError = (error: unknown): void => {
      const reason = unreadable(error);
      if (reason === "no permission") reasons.set(target, reason);
    };
    const absolute = path.resolve(cwd, target);
    const kind = kindOf(absolute);
    const several = kind === "folder" || (kind !== "file" && isPattern(target));
    const found =
      kind === "folder"
        ? inFolder(absolute, onError)
        : several
          ? expandPattern(target, cwd, onError)
          : [absolute];
    if (several ? found.length > 0 : kind !== "missing") isAny = true;
    if (found.length === 0) empty.push(target);
    for (const file of found) files.add(file);
  }
  return { files: [...files], isAny, empty, reasons };
}

/** The description of an argument that matches no file. */
export function nothingIn(target: string, { reasons }: Pick<Found, "reasons">): string {
  const reason = reasons.get(target);
  return reason === undefined ? target : `${target} (${reason})`;
}

/** A name for each file: its base name without the extension, or its path if two would have the same name. */
export function namesOf(files: readonly string[], cwd: string): ReadonlyMap<string, string> {
  const short = (file: string): string => path.basename(file).replace(/(?<=.)\.(?:heartbeat|json)$/, "");
  const uses = new Map<string, number>();
  for (const file of files) uses.set(short(file), (uses.get(short(file)) ?? 0) + 1);
  return new Map(
    files.map((file) => {
      const relative = path.relative(cwd, file);
      const long = relative.startsWith("..") ? file : relative;
      return [file, uses.get(short(file)) === 1 ? short(file) : long];
    }),
  );
}
