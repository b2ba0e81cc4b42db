import { show } from "./show.js";

/**
 * A length of time: a number is **seconds**, a string carries its unit or units, largest first:
 * `"250ms"`, `"30s"`, `"5m"`, `"2h"`, `"1h30m"`, `"1d"`.
 */
export type Duration = number | string;

/** What a duration may be, in the words of an error message. */
export interface DurationRange {
  /** Whether 0 is allowed. Default `false`. */
  readonly zero?: boolean;
  /** Whether a bare number above 3600 is taken as it stands instead of as forgotten milliseconds. Default `false`. */
  readonly long?: boolean;
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
] as const;

const NUMBER = String.raw`\d+(?:\.\d+)?`;
const SHAPE = new RegExp(`^${UNITS.map(([unit]) => `(?:(${NUMBER})${unit})?`).join("")}$`);

/** A bare number of seconds above this is almost always milliseconds by mistake. */
const SUSPICIOUS_SECONDS = 3600;
/** Above this (317 years) it is not milliseconds either. */
const ABSURD_SECONDS = 1e10;

/** What {@link parseDuration} accepts, for messages and for the schema's description. */
export function durationRule(range: DurationRange = {}): string {
  return `a duration ${range.zero ? "of 0 or more" : "above 0"}: seconds as a number, or a string with its unit such as "250ms", "30s", "5m", "1h30m"`;
}

/** The regular expression of a duration string, shared with the JSON Schema. */
export const DURATION_PATTERN: RegExp = /* @__PURE__ */ new RegExp(`^(?=.)${SHAPE.source.slice(1)}`);

function parseText(text: string): number {
  const match = text === "" ? null : SHAPE.exec(text);
  if (match === null) return Number.NaN;
  return UNITS.reduce((total, [, milliseconds], index) => {
    const amount = match[index + 1];
    return amount === undefined ? total : total + Number(amount) * milliseconds;
  }, 0);
}

/** Writes seconds the way {@link Duration} reads them, `30000` as `8h20m`. */
export function formatDuration(seconds: number): string {
  let left = Math.round(seconds * 1000);
  if (left <= 0) return "0s";
  let text = "";
  for (const [unit, milliseconds] of UNITS) {
    const amount = Math.floor(left / milliseconds);
    if (amount > 0) text += `${amount}${unit}`;
    left -= amount * milliseconds;
  }
  return text;
}

function spoken(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)} h${rest === 0 ? "" : ` ${rest} min`}`;
}

/**
 * Reads a {@link Duration} and returns milliseconds.
 *
 * @param label names the option in the error.
 * @throws TypeError when the value is neither a number nor a string with units.
 * @throws RangeError when it is NaN, infinite, negative, zero where that makes no sense, or a bare number above 3600.
 */
export function parseDuration(value: unknown, label: string, range: DurationRange = {}): number {
  const refuse = (Kind: ErrorConstructor): never => {
    throw new Kind(`${label} must be ${durationRule(range)}; got ${show(value)}.`);
  };
  if (typeof value !== "number" && typeof value !== "string") return refuse(TypeError);
  const milliseconds = typeof value === "number" ? value * 1000 : parseText(value);
  if (typeof value === "string" && Number.isNaN(milliseconds)) return refuse(TypeError);
  if (!Number.isFinite(milliseconds) || milliseconds < 0) return refuse(RangeError);
  if (milliseconds === 0 && !range.zero) return refuse(RangeError);
  if (typeof value === "number" && value > SUSPICIOUS_SECONDS && !range.long) {
    if (value > ABSURD_SECONDS) return refuse(RangeError);
    throw new RangeError(
      `${label}: ${value} is ${spoken(value)}; a number is seconds. Did you mean ${value / 1000} or "${value}ms"? Write "2h" to mean a longer time.`,
    );
  }
  return milliseconds;
}
