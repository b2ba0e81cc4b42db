import { type Duration, type DurationRange, durationRule, parseDuration } from "./duration.js";
import { show } from "./show.js";

/**
 * What an option looks like in a configuration file; the file's schema is made from it.
 * `undefined` in a rule: the option cannot be written in a file.
 */
export type FileShape =
  | { readonly kind: "duration"; readonly zero: boolean; readonly long: boolean }
  | {
      readonly kind: "number";
      readonly integer: boolean;
      readonly min: number;
      readonly max: number;
      readonly above: boolean;
    }
  | { readonly kind: "text" }
  | { readonly kind: "boolean" }
  | { readonly kind: "choice"; readonly values: readonly string[] }
  | { readonly kind: "list"; readonly values: readonly string[] }
  | { readonly kind: "record" }
  | { readonly kind: "either"; readonly shapes: readonly FileShape[] }
  | { readonly kind: "object"; readonly fields: Readonly<Record<string, FileShape>> };

/** The one place that says what an option may be, what it is when it is not given, and how a file writes it. */
export interface Rule<Value> {
  /** The value as a user would write it, or `undefined` when there is none. */
  readonly fallback: unknown;
  /** What is allowed, in the words of an error message. */
  readonly allowed: string;
  readonly file: FileShape | undefined;
  /** Returns the value as the component uses it (a duration in milliseconds), or throws an error that starts with `label`. */
  parse(value: unknown, label: string): Value;
}

/** A {@link Rule} with no default: the setting is `undefined` when the option is not given. */
export function optional<Value>(rule: Rule<Value>): Rule<Value | undefined> {
  return { ...rule, fallback: undefined };
}

function mismatch(label: string, allowed: string, value: unknown, ofType: boolean): never {
  const message = `${label} must be ${allowed}; got ${show(value)}.`;
  throw ofType ? new RangeError(message) : new TypeError(message);
}

/** A duration, given in seconds or with a unit, used in milliseconds. */
export function duration(fallback: Duration | undefined, range: DurationRange = {}): Rule<number> {
  return {
    fallback,
    allowed: durationRule(range),
    file: { kind: "duration", zero: range.zero ?? false, long: range.long ?? false },
    parse: (value, label) => parseDuration(value, label, range),
  };
}

/** A whole number from `min` to `max`, both included. */
export function integer(
  fallback: number | undefined,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): Rule<number> {
  const allowed =
    max === Number.MAX_SAFE_INTEGER
      ? `a whole number of at least ${min}`
      : `a whole number from ${min} to ${max}`;
  return {
    fallback,
    allowed,
    file: { kind: "number", integer: true, min, max, above: false },
    parse: (value, label) =>
      Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max
        ? Number(value)
        : mismatch(label, allowed, value, typeof value === "number"),
  };
}

/** A number above `min`, up to `max`. */
export function numberAbove(
  fallback: number | undefined,
  min: number,
  max: number = Number.MAX_VALUE,
): Rule<number> {
  const allowed = max === Number.MAX_VALUE ? `a number above ${min}` : `a number above ${min}, up to ${max}`;
  return {
    fallback,
    allowed,
    file: { kind: "number", integer: false, min, max, above: true },
    parse: (value, label) =>
      typeof value === "number" && value > min && value <= max
        ? value
        : mismatch(label, allowed, value, typeof value === "number"),
  };
}

/** A number from `min` to `max`, both included. */
export function numberFrom(
  fallback: number | undefined,
  min: number,
  max: number = Number.MAX_VALUE,
): Rule<number> {
  const allowed = max === Number.MAX_VALUE ? `a number of at least ${min}` : `a number from ${min} to ${max}`;
  return {
    fallback,
    allowed,
    file: { kind: "number", integer: false, min, max, above: false },
    parse: (value, label) =>
      typeof value === "number" && value >= min && value <= max
        ? value
        : mismatch(label, allowed, value, typeof value === "number"),
  };
}

/** A string that is not empty. */
export function text(fallback: string | undefined): Rule<string> {
  const allowed = "a string that is not empty";
  return {
    fallback,
    allowed,
    file: { kind: "text" },
    parse: (value, label) =>
      typeof value === "string" && value !== ""
        ? value
        : mismatch(label, allowed, value, typeof value === "string"),
  };
}

/** `true` or `false`. */
export function flag(fallback: boolean): Rule<boolean> {
  const allowed = "true or false";
  return {
    fallback,
    allowed,
    file: { kind: "boolean" },
    parse: (value, label) => (typeof value === "boolean" ? value : mismatch(label, allowed, value, false)),
  };
}

/** One of a few words. */
export function choice<Word extends string>(fallback: Word, words: readonly Word[]): Rule<Word> {
  const allowed = `one of ${words.map((word) => JSON.stringify(word)).join(", ")}`;
  return {
    fallback,
    allowed,
    file: { kind: "choice", values: words },
    parse: (value, label) =>
      words.find((word) => word === value) ?? mismatch(label, allowed, value, typeof value === "string"),
  };
}

/** A function of the application; it cannot stand in a file. */
export function callback<Callback extends (...args: never[]) => unknown>(): Rule<Callback | undefined> {
  const allowed = "a function";
  return {
    fallback: undefined,
    allowed,
    file: undefined,
    parse: (value, label) =>
      typeof value === "function" ? (value as Callback) : mismatch(label, allowed, value, false),
  };
}

/** An object with the given methods, such as a clock; it cannot stand in a file. */
export function having<Value extends object>(
  fallback: Value,
  what: string,
  methods: readonly (keyof Value & string)[],
): Rule<Value> {
  const allowed = `${what} with ${methods.join(", ")}`;
  return {
    fallback,
    allowed,
    file: undefined,
    parse: (value, label) =>
      typeof value === "object" &&
      value !== null &&
      methods.every((method) => typeof Reflect.get(value, method) === "function")
        ? (value as Value)
        : mismatch(label, allowed, value, typeof value === "object" && value !== null),
  };
}

/** Anything that `parse` accepts, for options of a shape of their own. */
export function custom<Value>(rule: {
  readonly fallback?: unknown;
  readonly allowed: string;
  readonly file?: FileShape;
  readonly parse: (value: unknown, label: string) => Value;
}): Rule<Value> {
  return { fallback: rule.fallback, allowed: rule.allowed, file: rule.file, parse: rule.parse };
}
