import { unlike } from "./show.js";

type Amount<Unit extends string> = "" | `${number}${Unit}`;

/**
 * A length of time: a number is **seconds**, a string carries its unit or units, largest first:
 * `"250ms"`, `"30s"`, `"5m"`, `"2h"`, `"1h30m"`, `"1d"`. For a string known only at run time, such as an environment
 * variable, use {@link asDuration}.
 */
export type Duration =
  | number
  | Exclude<`${Amount<"d">}${Amount<"h">}${Amount<"m">}${Amount<"s">}${Amount<"ms">}`, "">;

/** Which durations are allowed. */
export interface DurationRange {
  /** Whether 0 is allowed. Default `false`. */
  readonly zero?: boolean;
  /** Whether a bare number above 3600 is accepted, instead of being taken for milliseconds. Default `false`. */
  readonly long?: boolean;
}

/** The regular expression of a duration string, shared with the JSON Schema; one group for each unit. */
export const DURATION_PATTERN: RegExp =
  /^(?=.)(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/;
const UNITS = [86_400_000, 3_600_000, 60_000, 1000, 1];
const NAMES = ["d", "h", "m", "s", "ms"];

/** A bare number of seconds above this is almost always milliseconds by mistake. */
const SUSPICIOUS_SECONDS = 3600;
/** Above this (317 years) it cannot be meant as milliseconds either. */
const ABSURD_SECONDS = 1e10;

/** What {@link parseDuration} accepts, for messages and for the schema's description. */
export function durationRule(range: DurationRange = {}): string {
  return `a duration ${range.zero ? "of 0 or more" : "above 0"}: seconds as a number, or a string with its unit such as "250ms", "30s", "5m", "1h30m"`;
}

function parseText(text: unknown): number | undefined {
  const match = typeof text === "string" ? DURATION_PATTERN.exec(text) : null;
  if (match === null) return undefined;
  const [, ...amounts] = match;
  return UNITS.reduce((total, unit, index) => total + Number(amounts[index] ?? 0) * unit, 0);
}

/** Formats seconds as a {@link Duration}: `30000` as `8h20m`. */
export function formatDuration(seconds: number): string {
  let left = Math.round(seconds * 1000);
  if (left <= 0) return "0s";
  let text = "";
  UNITS.forEach((unit, index) => {
    const amount = Math.floor(left / unit);
    if (amount > 0) text += `${amount}${NAMES[index]}`;
    left -= amount * unit;
  });
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
 * @throws RangeError when it is NaN, infinite, negative, zero where that is not allowed, or a bare number above 3600.
 */
export function parseDuration(value: unknown, label: string, range: DurationRange = {}): number {
  const isNumber = typeof value === "number";
  const wrong = unlike(label, durationRule(range), value);
  const milliseconds = isNumber ? value * 1000 : parseText(value);
  if (milliseconds === undefined) throw new TypeError(wrong);
  const allowed = milliseconds > 0 || (milliseconds === 0 && range.zero);
  const suspicious = isNumber && value > SUSPICIOUS_SECONDS && !range.long;
  if (!allowed || milliseconds === Infinity || (suspicious && value > ABSURD_SECONDS)) {
    throw new RangeError(wrong);
  }
  if (suspicious) {
    throw new RangeError(
      `${label}: ${value} is ${spoken(value)}; a number is seconds. Did you mean ${value / 1000} or "${value}ms"? Write "2h" to mean a longer time.`,
    );
  }
  return milliseconds;
}

/**
 * Checks a value from outside, such as an environment variable, and returns it as it is: a {@link Duration}.
 *
 * @param label names it in the error. Default `"duration"`.
 * @throws TypeError when it is neither a number nor a string with units, RangeError when it is negative or no number.
 * @example
 * ```ts
 * import { asDuration, CircuitBreaker } from "@kstlib/resilience";
 *
 * const resetTimeout = asDuration(process.env["RESET_TIMEOUT"] ?? "30s", "RESET_TIMEOUT");
 * console.assert(new CircuitBreaker({ resetTimeout }).resetTimeout === 30);
 * ```
 */
export function asDuration(value: unknown, label: string = "duration"): Duration {
  parseDuration(value, label, { zero: true, long: true });
  return value as Duration;
}
