import fs from "node:fs";
import path from "node:path";
import { type Clock, realClock } from "../kernel/clock.js";
import { pidScope, processExists } from "./process-identity.js";

/** Larger files are not ours and are not read. */
const LARGEST_FILE = 2 ** 20;

/** Waits between attempts to rename, in milliseconds: on Windows a scanner or a reader may hold the file. */
const RENAME_PAUSES = [10, 20, 40, 80];
const RENAME_RETRIED = new Set<unknown>(["EPERM", "EBUSY", "EACCES"]);

/** A temporary file of this age is nobody's any more, whoever wrote it. */
const ABANDONED = 3_600_000;
const TEMPORARY = /^([\w-]+)\.(\d+)\.[0-9a-f-]{36}\.tmp$/;

/** Neither waits for the other end of a pipe nor takes a terminal over. Not on Windows, where these are undefined. */
const READ = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK | fs.constants.O_NOCTTY;

function errorCode(error: unknown): unknown {
  return error instanceof Error ? Reflect.get(error, "code") : undefined;
}

function readable(stats: fs.Stats): boolean {
  return stats.isFile() && stats.size <= LARGEST_FILE;
}

function text(buffer: Buffer, bytesRead: number): string | null {
  // One byte more was asked for than the file had: it is being written in place, so it is not one of ours.
  if (bytesRead !== buffer.length - 1) return null;
  return buffer.toString("utf8", 0, bytesRead).replace(/^\u{FEFF}/u, "");
}

/** The text of a regular file of at most 1 MiB; `null` for anything else, never an error. */
export async function readText(file: string): Promise<string | null> {
  try {
    if (!readable(await fs.promises.stat(file))) return null;
    const handle = await fs.promises.open(file, READ);
    try {
      const stats = await handle.stat();
      if (!readable(stats)) return null;
      const buffer = Buffer.allocUnsafe(stats.size + 1);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
      return text(buffer, bytesRead);
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
    if (!readable(fs.statSync(file))) return null;
    const descriptor = fs.openSync(file, READ);
    try {
      const stats = fs.fstatSync(descriptor);
      if (!readable(stats)) return null;
      const buffer = Buffer.allocUnsafe(stats.size + 1);
      return text(buffer, fs.readSync(descriptor, buffer, 0, buffer.length, 0));
    } finally {
      fs.closeSync(descriptor);
    }
  } catch {
    // As above.
    return null;
  }
}

/** Writes one file so that a reader sees the old text or the new one, never a part. */
export class StateFile {
  readonly #path: string;
  readonly #folder: string;
  readonly #prefix: string;
  readonly #fsync: boolean;
  readonly #clock: Clock;
  #swept = false;

  /** `clock` times the pauses between attempts to rename, which are the machine's, not the heartbeat's. */
  constructor(file: string, fsync: boolean, clock: Clock = realClock) {
    this.#path = file;
    this.#folder = path.dirname(file);
    // Cut, because a file name has 255 bytes and the rest of the temporary name wants up to 100.
    this.#prefix = `.${Array.from(path.basename(file)).slice(0, 30).join("")}.`;
    this.#fsync = fsync;
    this.#clock = clock;
  }

  /** Replaces the file's text. Rejects with the system's error, and leaves no temporary file behind either way. */
  async write(content: string): Promise<void> {
    // The pid is for the sweep; the rest cannot be guessed, so nobody can have put anything there.
    const name = `${this.#prefix}${pidScope()}.${process.pid}.${crypto.randomUUID()}.tmp`;
    const temporary = path.join(this.#folder, name);
    const handle = await this.#create(temporary);
    try {
      try {
        await handle.writeFile(content);
        if (this.#fsync) await handle.sync();
      } finally {
        await handle.close();
      }
      await this.#replaceWith(temporary);
    } catch (error) {
      // The first error tells more than that of the cleaning; what stays is swept at the next start.
      await fs.promises.unlink(temporary).catch(() => undefined);
      throw error;
    }
    if (this.#swept) return;
    this.#swept = true;
    await this.#sweep();
  }

  async #create(temporary: string): Promise<fs.promises.FileHandle> {
    const create = (): Promise<fs.promises.FileHandle> => fs.promises.open(temporary, "wx", 0o600);
    try {
      return await create();
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
    }
    await fs.promises.mkdir(this.#folder, { recursive: true });
    return create();
  }

  async #replaceWith(temporary: string): Promise<void> {
    for (const pause of RENAME_PAUSES) {
      try {
        return await fs.promises.rename(temporary, this.#path);
      } catch (error) {
        if (!RENAME_RETRIED.has(errorCode(error))) throw error;
      }
      await new Promise<void>((resolve) => {
        this.#clock.setTimer(resolve, pause);
      });
    }
    return fs.promises.rename(temporary, this.#path);
  }

  /** Removes what a killed process left between creating and renaming its temporary file. */
  async #sweep(): Promise<void> {
    // A folder that can be written but not listed has nothing that could be swept.
    const names = await fs.promises.readdir(this.#folder).catch(() => []);
    for (const name of names) {
      if (!name.startsWith(this.#prefix)) continue;
      const found = TEMPORARY.exec(name.slice(this.#prefix.length));
      if (found === null) continue;
      const file = path.join(this.#folder, name);
      const orphaned = found[1] === pidScope() && !processExists(Number(found[2]));
      // Another process may have swept it in the meantime.
      if (orphaned || (await this.#abandoned(file))) await fs.promises.unlink(file).catch(() => undefined);
    }
  }

  async #abandoned(file: string): Promise<boolean> {
    const stats = await fs.promises.lstat(file).catch(() => undefined);
    return stats !== undefined && realClock.wallNow() - stats.mtimeMs > ABANDONED;
  }
}
