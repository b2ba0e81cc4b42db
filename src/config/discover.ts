import { statSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { fromHome } from "../kernel/home-path.js";

/** The environment variables that {@link findConfigFile} looks at. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where the configuration is looked for. */
export interface FindOptions {
  /** The file itself; a relative path starts at `cwd`. */
  readonly path: string | undefined;
  readonly cwd: string;
  readonly env: Environment;
}

/** What was found. */
export interface FoundFile {
  /** `undefined` when none was named or found. */
  readonly file: string | undefined;
  /** The file of the second name beside it, which is not read. */
  readonly twin: string | undefined;
}

/** The name of the file in every folder that is searched. */
export const FILE_NAME = "kstlib.conf.yml";
/** It is looked for after the first in each folder. */
const SECOND_NAME = "kstlib.conf.yaml";

/** Whether there is a regular file, or a link to one. One without access, such as in root's home, does not count. */
export function isFile(candidate: string): boolean {
  try {
    return statSync(candidate).isFile();
  } catch {
    return false;
  }
}

/** The home folder by the given environment, which may differ from the process's. */
export function homeOf(env: Environment): string {
  return env["HOME"] ?? env["USERPROFILE"] ?? homedir();
}

/** {@link homeOf}, or empty: a container may run under a user id without an account. */
function homeIfAny(env: Environment): string {
  try {
    return homeOf(env);
  } catch {
    return "";
  }
}

function userFolders(env: Environment): string[] {
  const home = homeIfAny(env);
  const configurations = [
    env["XDG_CONFIG_HOME"] || undefined,
    home === "" ? undefined : path.join(home, ".config"),
    env["APPDATA"] || undefined,
  ].filter((folder) => folder !== undefined);
  // The Python original looks in the last two.
  const shared = home === "" ? [] : [home, path.join(home, ".config")];
  return [...configurations.map((folder) => path.join(folder, "kstlib")), ...shared];
}

/**
 * The configuration file: `path`, else `$KSTLIB_CONFIG`, else `kstlib.conf.yml` (or `.yaml`) in `cwd`, else in the
 * user's folders: `$XDG_CONFIG_HOME/kstlib`, `~/.config/kstlib`, `%APPDATA%\kstlib`, `~`, `~/.config`. A file that
 * was named is returned whether it exists or not.
 *
 * @param looked receives every path that was checked.
 */
export function findConfigFile({ path: named, cwd, env }: FindOptions, looked: Set<string>): FoundFile {
  const explicit = named ?? (env["KSTLIB_CONFIG"] || undefined);
  if (explicit !== undefined) {
    const home = (): string => homeOf(env);
    return { file: path.resolve(cwd, fromHome(explicit, home)), twin: undefined };
  }
  for (const folder of [path.resolve(cwd), ...userFolders(env)]) {
    const both = [FILE_NAME, SECOND_NAME].map((name) => path.join(folder, name));
    for (const file of both) looked.add(file);
    const [file, twin] = both.filter(isFile);
    if (file !== undefined) return { file, twin };
  }
  return { file: undefined, twin: undefined };
}
