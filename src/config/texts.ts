import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { LARGEST_FILE } from "./yaml-file.js";

/** Files and what was found in each: its text, or why there is none. */
export type Texts = ReadonlyMap<string, string>;

async function textOf(file: string): Promise<string> {
  try {
    // Non-blocking, so that a FIFO is not waited for.
    const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const stat = await handle.stat();
      if (!stat.isFile() || stat.size > LARGEST_FILE) return `${stat.mode} ${stat.size}`;
      return await handle.readFile("latin1");
    } finally {
      await handle.close();
    }
  } catch (error) {
    return String(error);
  }
}

/**
 * Reads files without blocking the thread, which a network file system may do for long. Their texts and not their
 * times: a new version may have the time of the one before, as a ConfigMap of Kubernetes does, or come in the same tick.
 */
export async function readTexts(files: ReadonlySet<string>): Promise<Texts> {
  return new Map(await Promise.all([...files].map(async (file) => [file, await textOf(file)] as const)));
}

export function isSame(texts: Texts, others: Texts): boolean {
  return isDeepStrictEqual(texts, others);
}
