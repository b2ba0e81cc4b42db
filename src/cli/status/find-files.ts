import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { readFileSync, unreadable } from "../../heartbeat-file/read-file.js";
import { fromHome } from "../../kernel/home-path.js";
import { expandPattern, isPattern } from "./glob.js";

const ENDING = ".heartbeat";

/** What the arguments came to. */
export interface Found {
  /** Absolute paths, each once, in the order of the arguments; also those that were named and are missing. */
  readonly files: readonly string[];
  /** Whether any of them was there. */
  readonly isAny: boolean;
  /** Arguments that led to no file. */
  readonly empty: readonly string[];
  /** Those of them that led to a folder which may not be looked into. */
  readonly forbidden: ReadonlySet<string>;
}

type Kind = "file" | "folder" | "missing" | "unclear";

function kindOf(file: string): Kind {
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found === undefined) return "missing";
    return found.isDirectory() ? "folder" : "file";
  } catch (error) {
    // In a folder that may not be entered it may be there, and a link in a circle is: looking at it will tell.
    return unreadable(error) === "no such file" ? "missing" : "unclear";
  }
}

/** In a folder everything that ends in `.heartbeat`, whatever is in it, and every other file that is a heartbeat. */
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

/** The files that the arguments of `status` mean at this moment. */
export function findFiles(targets: readonly string[], cwd: string): Found {
  const files = new Set<string>();
  const empty: string[] = [];
  const forbidden = new Set<string>();
  let isAny = false;
  for (const target of targets.map((given) => fromHome(given))) {
    const onError = (error: unknown): void => {
      if (unreadable(error) === "no permission") forbidden.add(target);
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
  return { files: [...files], isAny, empty, forbidden };
}

/** What to say of an argument that led to nothing. */
export function nothingIn(target: string, { forbidden }: Pick<Found, "forbidden">): string {
  return forbidden.has(target) ? `${target} (no permission)` : target;
}

/** What to call each file: its name without an ending, and its path where two would be called the same. */
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
