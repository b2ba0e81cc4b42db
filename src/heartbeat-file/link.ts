import fs from "node:fs";
import path from "node:path";
import { readText, unreadable } from "./read-file.js";
import { decodeState } from "./state.js";

/** The longest chain of links that is followed. */
const MAX_LINKS = 8;

/** The file that a state file's path refers to. */
export interface Followed {
  /** The target of the link, or the path itself if it is not a link or a link that is not followed. */
  readonly target: string;
  /** Why the link is not followed; missing otherwise. */
  readonly objection?: string;
}

/** Why the link may have been planted; `undefined` if only the user or root can have made it. */
async function distrust(link: fs.Stats, folder: string): Promise<string | undefined> {
  const own = process.getuid?.();
  if (own === undefined) return "links are not followed on this system";
  if (link.uid !== own && link.uid !== 0)
    return `it belongs to user ${link.uid}, this process to user ${own}`;
  const isOpen = ((await fs.promises.stat(folder)).mode & 0o002) !== 0;
  return isOpen ? `every user may write to ${folder}` : undefined;
}

/** Whether the target of a link may be replaced: it does not exist, is empty, or is a heartbeat. */
async function isReplaceable(file: string): Promise<boolean> {
  try {
    const text = await readText(file);
    return text.trim() === "" || decodeState(text).state !== null;
  } catch (error) {
    const reason = unreadable(error);
    // Says nothing about the target (no descriptor left, for example), so it is no reason to replace the link.
    if (reason === "no permission" || reason.startsWith("cannot be read")) throw error;
    return reason === "no such file";
  }
}

/** Follows a link if that is safe. If the link cannot be read, the write reports why. */
export async function followLink(file: string): Promise<Followed> {
  let target = file;
  for (let links = 0; links <= MAX_LINKS; links++) {
    const found = await fs.promises.lstat(target).catch(() => undefined);
    if (found?.isSymbolicLink() !== true) {
      if (links === 0 || (await isReplaceable(target))) return { target };
      return { target: file, objection: `its target ${target} is not a heartbeat` };
    }
    const folder = await fs.promises.realpath(path.dirname(target));
    const objection = await distrust(found, folder);
    if (objection !== undefined) return { target: file, objection };
    target = path.resolve(folder, await fs.promises.readlink(target));
  }
  return { target: file, objection: "it is circular" };
}
