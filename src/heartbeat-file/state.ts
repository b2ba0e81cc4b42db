import type { Json } from "../kernel/component.js";
import { parseTimestamp } from "./timestamp.js";

/**
 * The state of the writer: `starting` (warming up, or a beat before `start()`), `running`, `draining` (a shutdown has
 * begun), `frozen` (its monitor thread found the event loop blocked), `stopped` (by `stop()`).
 */
export type HeartbeatStatus = "starting" | "running" | "draining" | "frozen" | "stopped";

const STATUSES: readonly HeartbeatStatus[] = ["starting", "running", "draining", "frozen", "stopped"];

/** A year, in seconds. With a longer interval, readers would take a dead process for a live one. */
export const LONGEST_INTERVAL: number = 365 * 86_400;

/** Metadata as in the file. */
export type HeartbeatMetadata = Readonly<Record<string, Json>>;

/** One beat, as in the state file. Optional fields are missing in files of the Python original. */
export interface HeartbeatState {
  /** When the beat was written: UTC, ISO 8601, such as `2026-01-02T03:04:05.678000+00:00`. */
  readonly timestamp: string;
  readonly pid: number;
  /** Empty if the file has none, as when an application of the Python original wrote it directly. */
  readonly hostname: string;
  readonly metadata: HeartbeatMetadata;
  readonly status?: HeartbeatStatus;
  /** Seconds between two beats, up to 365 days. */
  readonly interval?: number;
  /** When the heartbeat was started; `started_at` in the file. */
  readonly startedAt?: string;
  /** The number of this beat; a gap is a beat that was not written. */
  readonly sequence?: number;
  /**
   * An opaque mark of the writing process (boot, pid namespace, start time) that distinguishes it from a later one with
   * the same pid; `process_start` in the file. Linux only.
   */
  readonly processStart?: string;
}

/** Whether a value returned by `JSON.parse` is an object, so that all values in it are JSON. */
export function isJsonObject(value: unknown): value is HeartbeatMetadata {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * How many levels metadata may have, itself included. A few thousand would overflow the stack in `JSON.stringify` and
 * in recursive code of readers.
 */
export const DEEPEST_METADATA = 100;

/**
 * Freezes metadata from `JSON.parse` and everything in it, without recursion.
 *
 * @returns whether it is nested no deeper than {@link DEEPEST_METADATA}.
 */
export function freezeMetadata(metadata: HeartbeatMetadata): boolean {
  let level: readonly Json[] = [metadata];
  for (let depth = 0; depth <= DEEPEST_METADATA; depth++) {
    const objects = level.filter((value) => typeof value === "object" && value !== null);
    if (objects.length === 0) return true;
    level = objects.flatMap((value) => Object.values<Json>(Object.freeze(value)));
  }
  return false;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isTimestamp(value: unknown): boolean {
  return isText(value) && !Number.isNaN(parseTimestamp(value));
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** What each field may be. */
const FIELDS: Readonly<Record<keyof HeartbeatState, (value: unknown) => boolean>> = {
  timestamp: isTimestamp,
  // 0 would be a process group.
  pid: (value) => isCount(value) && value > 0 && value < 2 ** 31,
  hostname: isText,
  metadata: isJsonObject,
  status: (value) => STATUSES.some((status) => status === value),
  interval: (value) => typeof value === "number" && value > 0 && value <= LONGEST_INTERVAL,
  startedAt: isTimestamp,
  sequence: isCount,
  processStart: isText,
};
// Marked as pure, so that a bundler can drop the fields if nothing is decoded.
const KEYS = /* @__PURE__ */ Object.keys(FIELDS) as (keyof HeartbeatState)[];
/** Each field, and its name in the file. */
const NAMED = /* @__PURE__ */ KEYS.map(
  (key) => [key, key.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`)] as const,
);
const REQUIRED: ReadonlySet<string> = new Set(["timestamp", "pid", "hostname", "metadata"]);

function isState(fields: { readonly [Key in keyof HeartbeatState]?: unknown }): fields is HeartbeatState {
  return KEYS.every((key) => (key in fields ? FIELDS[key](fields[key]) : !REQUIRED.has(key)));
}

/**
 * JSON with all non-ASCII characters escaped: Python reads files in the encoding of the locale.
 */
export function asciiJson(text: string): string {
  return text.replaceAll(/[^\0-\x7F]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The text of a state file: one JSON object on one line of ASCII. */
export function encodeState(state: HeartbeatState): string {
  return `${asciiJson(JSON.stringify(Object.fromEntries(NAMED.map(([key, name]) => [name, state[key]]))))}\n`;
}

// Python writes NaN and Infinity, which are not JSON. Strings are matched too, to leave them unchanged; the closing
// quote is optional so that no input makes the expression backtrack.
const PYTHON_NUMBERS = /"(?:[^"\\]|\\[^]?)*"?|-?\bInfinity\b|\bNaN\b/g;

function withoutPythonNumbers(text: string): string {
  if (!/NaN|Infinity/.test(text)) return text;
  return text.replace(PYTHON_NUMBERS, (found) => (found.startsWith('"') ? found : "null"));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(withoutPythonNumbers(text));
  } catch {
    return undefined;
  }
}

/** The content of a state file. */
export type Decoded =
  | { readonly state: HeartbeatState; readonly reason?: undefined }
  | { readonly state: null; readonly reason: "not a heartbeat" | "nested deeper than 100 levels" };

const NOT_A_HEARTBEAT: Decoded = { state: null, reason: "not a heartbeat" };

/**
 * Reads the text of a state file of this package or the Python original. Anything else, including an unknown status or
 * a wrong type, is not a heartbeat. Never throws.
 *
 * A file without a hostname was written directly by an application of the Python original; there an unknown status is
 * ignored.
 */
export function decodeState(text: string): Decoded {
  const file = parse(text);
  if (!isJsonObject(file)) return NOT_A_HEARTBEAT;
  const state: Record<string, Json> = { hostname: "", metadata: {} };
  for (const [key, name] of NAMED) {
    const value = Object.hasOwn(file, name) ? (file[name] ?? null) : null;
    if (value !== null) state[key] = value;
  }
  if (state["hostname"] === "" && !FIELDS.status(state["status"])) delete state["status"];
  if (!isState(state)) return NOT_A_HEARTBEAT;
  if (!freezeMetadata(state.metadata)) {
    return { state: null, reason: "nested deeper than 100 levels" };
  }
  return { state: Object.freeze(state) };
}
