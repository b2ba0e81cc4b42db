import { statSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";

/** The environment variables that {@link findConfigFile} looks at. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where the configuration is looked for. */
export interface FindOptions {
  /** The file itself; a relative path starts at `cwd`. */
  readonly path: string | undefined;
  readonly cwd: string;
  readonly env: Environment;
}

/** The name of the file in every folder that is searched. */
export const FILE_NAME = "kstlib.conf.yml";

/** Whether there is a regular file, or a link to one. */
export function isFile(candidate: string): boolean {
  return statSync(candidate, { throwIfNoEntry: false })?.isFile() ?? false;
}

function userFolders(env: Environment): string[] {
  const folders: string[] = [];
  if (env["XDG_CONFIG_HOME"]) folders.push(env["XDG_CONFIG_HOME"]);
  const home = env["HOME"] ?? env["USERPROFILE"] ?? homedir();
  if (home !== "") folders.push(path.join(home, ".config"));
  if (env["APPDATA"]) folders.push(env["APPDATA"]);
  return folders;
}

/**
 * The configuration file: `path`, else `$KSTLIB_CONFIG`, else `kstlib.conf.yml` in `cwd`, else in the user's
 * configuration folder (`$XDG_CONFIG_HOME/kstlib`, `~/.config/kstlib`, `%APPDATA%\kstlib`). A file that was
 * named is returned whether it exists or not; `undefined` when none was named and none is found.
 */
export function findConfigFile({ path: named, cwd, env }: FindOptions): string | undefined {
  const explicit = named ?? (env["KSTLIB_CONFIG"] || undefined);
  if (explicit !== undefined) return path.resolve(cwd, explicit);
  const candidates = [
    path.resolve(cwd, FILE_NAME),
    ...userFolders(env).map((folder) => path.join(folder, "kstlib", FILE_NAME)),
  ];
  return candidates.find(isFile);
}
