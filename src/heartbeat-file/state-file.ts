import fs, { constants } from "node:fs";
import path from "node:path";
import { type Clock, realClock } from "../kernel/clock.js";
import { pidScope, processExists } from "./process-identity.js";
import { hasCode } from "./system-error.js";

/** Larger files are not ours and are not read. */
const LARGEST_FILE = 2 ** 20;

/** First and last wait between attempts to rename, in milliseconds: on Windows a scanner or a reader may hold the file. */
const FIRST_PAUSE = 10;
const LAST_PAUSE = 80;

/** A temporary file of this age is nobody's any more, whoever wrote it. */
const ABANDONED = 3_600_000;
const TEMPORARY = /^([\w-]*)\.(\d+)\.[0-9a-f-]{36}\.tmp$/;

/** Neither waits for the other end of a pipe nor takes a terminal over. Not on Windows, where these are undefined. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** The size of a regular file of at most 1 MiB; throws for anything else. */
function sizeOf(stats: fs.Stats): number {
  if (stats.isFile() && stats.size <= LARGEST_FILE) return stats.size;
  throw new TypeError("no state file");
}

function textOf(buffer: Buffer, bytesRead: number): string | null {
  // One byte more was asked for than the file had: it is being written in place, so it is not one of ours.
  if (bytesRead !== buffer.length - 1) return null;
  // Leaves a byte order mark out.
  return new TextDecoder().decode(buffer.subarray(0, bytesRead));
}

/** The text of a regular file of at most 1 MiB; `null` for anything else, never an error. */
export async function readText(file: string): Promise<string | null> {
  try {
    // First, because opening alone may do something to what is no file.
    sizeOf(await fs.promises.stat(file));
    const handle = await fs.promises.open(file, READ);
    try {
      const buffer = Buffer.allocUnsafe(sizeOf(await handle.stat()) + 1);
      return textOf(buffer, (await handle.read(buffer)).bytesRead);
    } finally {
      await handle.close();
    }
  } catch {
    // Missing, forbidden, not a file: a reader has one answer to all of them.
    return null;
  }
}

/** {@link readText} without a promise. */
export function readTextSync(file: string): string | null {
  try {
    sizeOf(fs.statSync(file));
    const descriptor = fs.openSync(file, READ);
    try {
      const buffer = Buffer.allocUnsafe(sizeOf(fs.fstatSync(descriptor)) + 1);
      return textOf(buffer, fs.readSync(descriptor, buffer));
    } finally {
      fs.closeSync(descriptor);
    }
  } catch {
    // As above.
    return null;
  }
}

/** Renames, and tries again where somebody holds the file. */
async function rename(from: string, to: string, clock: Clock, pause: number = FIRST_PAUSE): Promise<void> {
  try {
    return await fs.promises.rename(from, to);
  } catch (error) {
    if (pause > LAST_PAUSE || !hasCode(error, "EPERM", "EBUSY", "EACCES")) throw error;
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
  // The pid is for the sweep; the rest cannot be guessed, so nobody can have put anything there.
  return `${prefix}${pidScope()}.${process.pid}.${crypto.randomUUID()}.tmp`;
}

function renameSync(from: string, to: string, pause: number = FIRST_PAUSE): void {
  try {
    fs.renameSync(from, to);
  } catch (error) {
    if (pause > LAST_PAUSE || !hasCode(error, "EPERM", "EBUSY", "EACCES")) throw error;
    realClock.sleepSync(pause);
    renameSync(from, to, pause * 2);
  }
}

/**
 * Replaces a file's text, or makes the file, as {@link stateFileWriter} does, without a promise and in a folder that
 * is there.
 *
 * @param mayReplace asked at the last moment; when it says no, everything stays as it was.
 */
export function replaceFileSync(file: string, content: string, mayReplace: () => boolean = () => true): void {
  const temporary = temporaryFile(temporaryPrefix(file));
  try {
    fs.writeFileSync(temporary, content, { flag: "wx", mode: 0o600 });
    if (mayReplace()) renameSync(temporary, file);
  } finally {
    // Gone when it was renamed.
    fs.rmSync(temporary, { force: true });
  }
}

/**
 * Makes the function that replaces a file's text: a reader sees the old text or the new one, never a part. It
 * rejects with the system's error, and leaves no temporary file behind either way. The first write sweeps.
 *
 * `clock` times the pauses between attempts to rename, which are the machine's, not the heartbeat's.
 */
export function stateFileWriter(
  file: string,
  fsync: boolean,
  clock: Clock = realClock,
): (content: string) => Promise<void> {
  const folder = path.dirname(file);
  const prefix = temporaryPrefix(file);
  let isSwept = false;
  return async (content) => {
    const temporary = temporaryFile(prefix);
    const create = (): Promise<void> =>
      fs.promises.writeFile(temporary, content, { flag: "wx", mode: 0o600, flush: fsync });
    try {
      await create().catch(async (error: unknown) => {
        if (!hasCode(error, "ENOENT")) throw error;
        await fs.promises.mkdir(folder, { recursive: true });
        await create();
      });
      await rename(temporary, file, clock);
    } catch (error) {
      // The first error tells more than that of the cleaning; what stays is swept at the next start.
      await fs.promises.unlink(temporary).catch(() => undefined);
      throw error;
    }
    if (isSwept) return;
    isSwept = true;
    await sweep(prefix);
  };
}
