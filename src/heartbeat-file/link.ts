import fs from "node:fs";
import path from "node:path";
import { readText, unreadable } from "./read-file.js";
import { decodeState } from "./state.js";

/** Links that lead to links, at most. */
const MOST_LINKS = 8;

/** Which file a state file's name means. */
export interface Followed {
  /** What the links lead to; the name itself where it is none, or one that is not followed. */
  readonly target: string;
  /** Why a link is not followed. */
  readonly objection?: string;
}

/** Why somebody else may have put a link here; `undefined` when only the user or root can have. */
async function suspicion(link: fs.Stats, folder: string): Promise<string | undefined> {
  const own = process.getuid?.();
  if (own === undefined) return "links are not followed on this system";
  if (link.uid !== own && link.uid !== 0)
    return `it belongs to user ${link.uid}, this process to user ${own}`;
  const isOpen = ((await fs.promises.stat(folder)).mode & 0o002) !== 0;
  return isOpen ? `everybody may write to ${folder}` : undefined;
}

/** Whether a file may be replaced because a link says so: it is not there yet, is empty, or is a heartbeat. */
async function isReplaceable(file: string): Promise<boolean> {
  try {
    const text = await readText(file);
    return text.trim() === "" || decodeState(text).state !== null;
  } catch (error) {
    const reason = unreadable(error);
    // Says nothing of the file, such as that no descriptor is left: the link must not be lost by that.
    if (reason === "no permission" || reason.startsWith("cannot be read")) throw error;
    return reason === "no such file";
  }
}

/** The file that a link means, or the name itself. Where the system does not let one look, writing will tell. */
export async function followLink(file: string): Promise<Followed> {
  let target = file;
  for (let links = 0; links <= MOST_LINKS; links++) {
    const found = await fs.promises.lstat(target).catch(() => undefined);
    if (found?.isSymbolicLink() !== true) {
      if (links === 0 || (await isReplaceable(target))) return { target };
      return { target: file, objection: `it leads to ${target}, which is no heartbeat` };
    }
    const folder = await fs.promises.realpath(path.dirname(target));
    const objection = await suspicion(found, folder);
    if (objection !== undefined) return { target: file, objection };
    target = path.resolve(folder, await fs.promises.readlink(target));
  }
  return { target: file, objection: "it leads in a circle" };
}
