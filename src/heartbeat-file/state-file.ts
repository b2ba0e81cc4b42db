import fs from "node:fs";
import path from "node:path";
import { type Clock, realClock } from "../kernel/clock.js";
import { warn } from "../kernel/warning.js";
import { followLink } from "./link.js";
import { pidScope, processExists } from "../process/identity.js";
import { sleepSync } from "../process/thread-clock.js";
import { hasCode } from "../kernel/system-error.js";

/** The mode of a file that only its owner may read. */
export const OWNER_ONLY = 0o600;

/** First and last pause between attempts to rename, in milliseconds: on Windows a reader may lock the file. */
const FIRST_PAUSE = 10;
const LAST_PAUSE = 80;

/** The age in milliseconds from which any temporary file counts as abandoned. */
const ABANDONED = 3_600_000;
const TEMPORARY = /^([\w-]*)\.(\d+)\.[0-9a-f-]{36}\.tmp$/;

/** Adds advice for a file mounted into a container: a mount point cannot be the target of a rename. */
function explained(error: unknown, file: string): unknown {
  if (!hasCode(error, "EBUSY") || process.platform !== "linux") return error;
  const message = `EBUSY: ${file} cannot be replaced; if it is mounted by itself, mount its folder instead`;
  return Object.assign(new Error(message, { cause: error }), { code: "EBUSY" });
}

/** Renames, and retries while the file is locked. */
async function rename(from: string, to: string, clock: Clock, pause: number = FIRST_PAUSE): Promise<void> {
  try {
    return await fs.promises.rename(from, to);
  } catch (error) {
    if (pause > LAST_PAUSE || !hasCode(error, "EPERM", "EBUSY", "EACCES")) throw explained(error, to);
  }
  await new Promise<void>((resolve) => {
    clock.setTimer(resolve, pause);
  });
  return rename(from, to, clock, pause * 2);
}

/** Removes temporary files of processes that were killed before they could rename them. */
async function sweep(prefix: string): Promise<void> {
  const folder = path.dirname(prefix);
  // The folder may be writable but not readable.
  for (const name of await fs.promises.readdir(folder).catch(() => [])) {
    const file = path.join(folder, name);
    const found = file.startsWith(prefix) ? TEMPORARY.exec(file.slice(prefix.length)) : null;
    if (found === null) continue;
    const isOrphan = found[1] === pidScope() && !processExists(Number(found[2]));
    try {
      if (isOrphan || realClock.wallNow() - (await fs.promises.lstat(file)).mtimeMs > ABANDONED) {
        await fs.promises.unlink(file);
      }
    } catch {
      // Another process has removed it in the meantime.
    }
  }
}

function temporaryPrefix(file: string): string {
  // Shortened: a file name has at most 255 bytes, and the rest of the temporary name takes up to 120.
  return path.join(path.dirname(file), `.${Array.from(path.basename(file)).slice(0, 30).join("")}.`);
}

function temporaryFile(prefix: string): string {
  // Not imported, because it takes as long to load as this whole package. Some realms lack the global `crypto`.
  const { randomUUID } = process.getBuiltinModule("node:crypto");
  // The pid is for the sweep; the UUID keeps other users from planting a file under a predictable name.
  return `${prefix}${pidScope()}.${process.pid}.${randomUUID()}.tmp`;
}

function renameSync(from: string, to: string, pause: number = FIRST_PAUSE): void {
  try {
    fs.renameSync(from, to);
  } catch (error) {
    if (pause > LAST_PAUSE || !hasCode(error, "EPERM", "EBUSY", "EACCES")) throw error;
    sleepSync(pause);
    renameSync(from, to, pause * 2);
  }
}

/** Creates a new file with this mode, whatever the umask. */
async function create(file: string, content: string, mode: number, fsync: boolean): Promise<void> {
  const handle = await fs.promises.open(file, "wx", OWNER_ONLY);
  try {
    // Through the handle: the path may refer to another file by now.
    if (mode !== OWNER_ONLY) await handle.chmod(mode);
    await handle.writeFile(content);
    if (fsync) await handle.sync();
  } finally {
    await handle.close();
  }
}

function createSync(file: string, content: string, mode: number): void {
  const descriptor = fs.openSync(file, "wx", OWNER_ONLY);
  try {
    if (mode !== OWNER_ONLY) fs.fchmodSync(descriptor, mode);
    fs.writeFileSync(descriptor, content);
  } finally {
    fs.closeSync(descriptor);
  }
}

/**
 * Replaces a file's text or creates the file, like {@link stateFileWriter}, but synchronously, in an existing folder,
 * and without following a link.
 *
 * @param mayReplace called at the last moment; if it returns false, nothing is changed.
 */
export function replaceFileSync(
  file: string,
  content: string,
  mode: number = OWNER_ONLY,
  mayReplace: () => boolean = () => true,
): void {
  const temporary = temporaryFile(temporaryPrefix(file));
  try {
    createSync(temporary, content, mode);
    if (mayReplace()) renameSync(temporary, file);
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

/** How a state file is written. */
export interface WriteSettings {
  /** Whether each text is flushed to the disk before it replaces the previous one. */
  readonly fsync: boolean;
  /** The permission bits of the file. */
  readonly mode: number;
}

/**
 * Returns a function that replaces a file's text: a reader sees the old text or the new one, never a part. It rejects
 * with the system's error, and leaves no temporary file behind. The first write removes abandoned temporary files.
 *
 * If the file is a link made by its user or root, its target is replaced; any other link is itself replaced.
 *
 * `clock` times the pauses between attempts to rename; it is the real one even if the heartbeat has another.
 */
export function stateFileWriter(
  file: string,
  { fsync, mode }: WriteSettings = { fsync: false, mode: OWNER_ONLY },
  clock: Clock = realClock,
): (content: string) => Promise<void> {
  let sweptPrefix: string | undefined;
  let hasWarned = false;
  return async (content) => {
    const { target, objection } = await followLink(file);
    if (objection !== undefined && !hasWarned) {
      hasWarned = true;
      warn(
        "KSTLIB_HEARTBEAT_LINK",
        `${file} is a link and is replaced by the heartbeat's file: ${objection}`,
      );
    }
    const prefix = temporaryPrefix(target);
    const temporary = temporaryFile(prefix);
    try {
      await create(temporary, content, mode, fsync).catch(async (error: unknown) => {
        if (!hasCode(error, "ENOENT")) throw error;
        await fs.promises.mkdir(path.dirname(target), { recursive: true });
        await create(temporary, content, mode, fsync);
      });
      await rename(temporary, target, clock);
    } catch (error) {
      // Report the first error; a remaining temporary file is removed at the next start.
      await fs.promises.unlink(temporary).catch(() => undefined);
      throw error;
    }
    if (sweptPrefix === prefix) return;
    sweptPrefix = prefix;
    await sweep(prefix);
  };
}
