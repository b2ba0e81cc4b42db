import fs from "node:fs";
import path from "node:path";
import { type Clock, realClock } from "../kernel/clock.js";
import { warn } from "../kernel/warning.js";
import { followLink } from "./link.js";
import { pidScope, processExists } from "../process/identity.js";
import { sleepSync } from "../process/thread-clock.js";
import { hasCode } from "../kernel/system-error.js";

/** The mode of a file that nobody else may read. */
export const OWNER_ONLY = 0o600;

/** First and last wait between attempts to rename, in milliseconds: on Windows a scanner or a reader may hold the file. */
const FIRST_PAUSE = 10;
const LAST_PAUSE = 80;

/** A temporary file of this age is nobody's any more, whoever wrote it. */
const ABANDONED = 3_600_000;
const TEMPORARY = /^([\w-]*)\.(\d+)\.[0-9a-f-]{36}\.tmp$/;

/** Says what to do where a container mounts the file by itself: nothing can be renamed over a mount. */
function explained(error: unknown, file: string): unknown {
  if (!hasCode(error, "EBUSY") || process.platform !== "linux") return error;
  const message = `EBUSY: ${file} cannot be replaced; where it is mounted by itself, mount its folder instead`;
  return Object.assign(new Error(message, { cause: error }), { code: "EBUSY" });
}

/** Renames, and tries again where somebody holds the file. */
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

/** Removes what killed processes left between creating and renaming a temporary file. */
async function sweep(prefix: string): Promise<void> {
  const folder = path.dirname(prefix);
  // A folder that can be written but not listed has nothing that could be swept.
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
      // Another process has swept it in the meantime.
    }
  }
}

function temporaryPrefix(file: string): string {
  // Cut, because a file name has 255 bytes and the rest of the temporary name wants up to 120.
  return path.join(path.dirname(file), `.${Array.from(path.basename(file)).slice(0, 30).join("")}.`);
}

function temporaryFile(prefix: string): string {
  // Not imported: it takes as long to load as all of the package. Not the global: a realm need not have it.
  const { randomUUID } = process.getBuiltinModule("node:crypto");
  // The pid is for the sweep; the rest cannot be guessed, so nobody can have put anything there.
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

/** Creates a file that is not there, with this mode whatever the umask takes away. */
async function create(file: string, content: string, mode: number, fsync: boolean): Promise<void> {
  const handle = await fs.promises.open(file, "wx", OWNER_ONLY);
  try {
    // By its handle: somebody may have put something else at its name by now.
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
 * Replaces a file's text, or makes the file, as {@link stateFileWriter} does, without a promise, in a folder that
 * is there and without following a link.
 *
 * @param mayReplace asked at the last moment; when it says no, everything stays as it was.
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
    // Gone when it was renamed.
    fs.rmSync(temporary, { force: true });
  }
}

/** How a state file is written. */
export interface WriteSettings {
  /** Whether each text is forced to the disk before it replaces the last one. */
  readonly fsync: boolean;
  /** The permission bits of the file. */
  readonly mode: number;
}

/**
 * Makes the function that replaces a file's text: a reader sees the old text or the new one, never a part. It
 * rejects with the system's error, and leaves no temporary file behind either way. The first write sweeps.
 *
 * Where the file is a link that its user made, what it leads to is replaced; a planted one is itself.
 *
 * `clock` times the pauses between attempts to rename, which are the machine's, not the heartbeat's.
 */
export function stateFileWriter(
  file: string,
  { fsync, mode }: WriteSettings = { fsync: false, mode: OWNER_ONLY },
  clock: Clock = realClock,
): (content: string) => Promise<void> {
  let sweptPrefix: string | undefined;
  let isTold = false;
  return async (content) => {
    const { target, objection } = await followLink(file);
    if (objection !== undefined && !isTold) {
      isTold = true;
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
      // The first error tells more than that of the cleaning; what stays is swept at the next start.
      await fs.promises.unlink(temporary).catch(() => undefined);
      throw error;
    }
    if (sweptPrefix === prefix) return;
    sweptPrefix = prefix;
    await sweep(prefix);
  };
}
