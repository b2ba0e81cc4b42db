import fs, { constants } from "node:fs";
import { type Decoded, decodeState } from "./state.js";
import { codeOf } from "../kernel/system-error.js";

/** A larger file cannot be a heartbeat and is not read. */
const LARGEST_FILE = 2 ** 20;

/** Avoids waiting for the other end of a pipe and acquiring a controlling terminal. Undefined on Windows. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Why no heartbeat can be read from a file. */
export type UnreadableReason =
  | "no such file"
  | "no permission"
  | "not a file"
  | "a circular link"
  | "larger than 1 MiB"
  | "changed while it was read"
  | "nested deeper than 100 levels"
  | "not a heartbeat"
  | `cannot be read: ${string}`;

/** The heartbeat in a file, or why there is none. */
export type Reading = Decoded | { readonly state: null; readonly reason: UnreadableReason };

class Refusal extends Error {
  constructor(readonly reason: UnreadableReason) {
    super(reason);
  }
}

/** The size of a regular file of at most 1 MiB; throws for anything else. */
function sizeOf(stats: fs.Stats): number {
  if (!stats.isFile()) throw new Refusal("not a file");
  if (stats.size > LARGEST_FILE) throw new Refusal("larger than 1 MiB");
  return stats.size;
}

function textOf(buffer: Buffer, bytesRead: number): string {
  // One byte more than the size was requested. A heartbeat is replaced as a whole, never written in place.
  if (bytesRead !== buffer.length - 1) throw new Refusal("changed while it was read");
  // Drops a byte order mark.
  return new TextDecoder().decode(buffer.subarray(0, bytesRead));
}

const REASONS: Readonly<Record<string, UnreadableReason>> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file",
  EACCES: "no permission",
  EPERM: "no permission",
  // Node's own permission model.
  ERR_ACCESS_DENIED: "no permission",
  EISDIR: "not a file",
  ENXIO: "not a file",
  ELOOP: "a circular link",
};

/** The reason that corresponds to a read error. */
export function unreadable(error: unknown): UnreadableReason {
  if (error instanceof Refusal) return error.reason;
  const code = codeOf(error) ?? "unknown error";
  return REASONS[code] ?? `cannot be read: ${code}`;
}

/** The text of a regular file of at most 1 MiB; rejects for anything else. */
export async function readText(file: string): Promise<string> {
  // Checked before opening, which can have side effects on a device or a pipe.
  sizeOf(await fs.promises.stat(file));
  const handle = await fs.promises.open(file, READ);
  try {
    const buffer = Buffer.allocUnsafe(sizeOf(await handle.stat()) + 1);
    return textOf(buffer, (await handle.read(buffer)).bytesRead);
  } finally {
    await handle.close();
  }
}

/** {@link readText} without a promise. */
export function readTextSync(file: string): string {
  sizeOf(fs.statSync(file));
  const descriptor = fs.openSync(file, READ);
  try {
    const buffer = Buffer.allocUnsafe(sizeOf(fs.fstatSync(descriptor)) + 1);
    return textOf(buffer, fs.readSync(descriptor, buffer));
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Reads a state file; never rejects. */
export async function readFile(file: string): Promise<Reading> {
  try {
    return decodeState(await readText(file));
  } catch (error) {
    return { state: null, reason: unreadable(error) };
  }
}

/** {@link readFile} without a promise; never throws. */
export function readFileSync(file: string): Reading {
  try {
    return decodeState(readTextSync(file));
  } catch (error) {
    return { state: null, reason: unreadable(error) };
  }
}
