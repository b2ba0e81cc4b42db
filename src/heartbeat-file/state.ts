import type { Json } from "../kernel/component.js";
import { parseTimestamp } from "./timestamp.js";

/**
 * What the writer says of itself: `starting` (a beat before `start()`), `running`, `draining` (a shutdown has
 * begun), `frozen` (its monitor thread saw the event loop blocked), `stopped` (ended in order).
 */
export type HeartbeatStatus = "starting" | "running" | "draining" | "frozen" | "stopped";

const STATUSES: readonly HeartbeatStatus[] = ["starting", "running", "draining", "frozen", "stopped"];

/** Metadata as it stands in the file. */
export type HeartbeatMetadata = Readonly<Record<string, Json>>;

/** One beat as the state file holds it. What is optional here is missing in a file of the Python original. */
export interface HeartbeatState {
  /** When the beat was written: UTC, ISO 8601, such as `2026-01-02T03:04:05.678000+00:00`. */
  readonly timestamp: string;
  readonly pid: number;
  readonly hostname: string;
  readonly metadata: HeartbeatMetadata;
  readonly status?: HeartbeatStatus;
  /** Seconds between two beats. */
  readonly interval?: number;
  /** When the heartbeat was started; `started_at` in the file. */
  readonly startedAt?: string;
  /** The number of this beat; a gap is a beat that was not written. */
  readonly sequence?: number;
  /**
   * An opaque mark of the writing process (boot, pid namespace, start time) that tells it from a later one
   * with the same pid; `process_start` in the file. Linux only.
   */
  readonly processStart?: string;
}

const HIGHEST_PID = 2 ** 31 - 1;

// Holds for what JSON.parse returned: everything inside such an object is JSON too.
function isJsonObject(value: unknown): value is HeartbeatMetadata {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// Python writes NaN and Infinity, which JSON does not have. Strings are matched so as to be left alone, and
// the closing quote is optional so that no input makes the expression try twice.
const PYTHON_NUMBERS = /"(?:[^"\\]|\\[^]?)*"?|-?\bInfinity\b|\bNaN\b/g;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Either not JSON at all, or the JSON of Python.
  }
  try {
    return JSON.parse(text.replace(PYTHON_NUMBERS, (found) => (found.startsWith('"') ? found : "null")));
  } catch {
    return undefined;
  }
}

/** Turns the text of a file into the object it holds, or `undefined`. Never throws. */
export function parseJsonObject(text: string): HeartbeatMetadata | undefined {
  const value = parseJson(text);
  return isJsonObject(value) ? value : undefined;
}

function isTimestamp(value: Json | undefined): value is string {
  return typeof value === "string" && !Number.isNaN(parseTimestamp(value));
}

function isWhole(value: Json | undefined, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max;
}

/** The text of a state file: one JSON object on one line. */
export function encodeState(state: HeartbeatState): string {
  const { startedAt, processStart, timestamp, pid, hostname, metadata, status, interval, sequence } = state;
  const file = {
    timestamp,
    pid,
    hostname,
    metadata,
    status,
    interval,
    started_at: startedAt,
    sequence,
    process_start: processStart,
  };
  return `${JSON.stringify(file)}\n`;
}

/**
 * Reads the text of a state file, ours or the Python original's. `null` for anything that is not a state,
 * also for a status or a type that it does not know: a guess would be worth less. Never throws.
 */
export function decodeState(text: string): HeartbeatState | null {
  const file = parseJsonObject(text);
  if (file === undefined) return null;
  const { timestamp, pid, hostname } = file;
  if (!isTimestamp(timestamp) || !isWhole(pid, 1, HIGHEST_PID) || typeof hostname !== "string") return null;
  const metadata = file["metadata"] ?? {};
  if (!isJsonObject(metadata)) return null;

  const status = file["status"] ?? undefined;
  const known = STATUSES.find((word) => word === status);
  const interval = file["interval"] ?? undefined;
  const startedAt = file["started_at"] ?? undefined;
  const sequence = file["sequence"] ?? undefined;
  const processStart = file["process_start"] ?? undefined;
  if (status !== undefined && known === undefined) return null;
  if (interval !== undefined && !(typeof interval === "number" && interval > 0)) return null;
  if (startedAt !== undefined && !isTimestamp(startedAt)) return null;
  if (sequence !== undefined && !isWhole(sequence, 0, Number.MAX_SAFE_INTEGER)) return null;
  if (processStart !== undefined && typeof processStart !== "string") return null;
  return Object.freeze({
    timestamp,
    pid,
    hostname,
    metadata: Object.freeze(metadata),
    ...(known === undefined ? {} : { status: known }),
    ...(interval === undefined ? {} : { interval }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(sequence === undefined ? {} : { sequence }),
    ...(processStart === undefined ? {} : { processStart }),
  });
}
