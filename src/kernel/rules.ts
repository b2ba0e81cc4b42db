import { type Duration, type DurationRange, durationRule, parseDuration } from "./duration.js";
import { unlike } from "./show.js";

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
  /** The name of an instance of a section. */
  | { readonly kind: "name"; readonly section: string }
  | { readonly kind: "boolean" }
  | { readonly kind: "choice"; readonly values: readonly string[] }
  /** Of these words; without them, of any text. */
  | { readonly kind: "list"; readonly values?: readonly string[] }
  | { readonly kind: "record" }
  | { readonly kind: "any" }
  | { readonly kind: "either"; readonly shapes: readonly FileShape[] }
  | {
      readonly kind: "object";
      readonly fields: Readonly<Record<string, FileShape>>;
      /** Those that it can have by what its `type` is; `fields` are all of them. */
      readonly byType?: ReadonlyMap<unknown, Readonly<Record<string, FileShape>>>;
      /** What has a name of the user's choice. Default: nothing has. */
      readonly others?: FileShape;
    };

/** Defines an option: its allowed values, its default, and its form in a file. */
export interface Rule<Value> {
  /** The value as a user would write it, or `undefined` when there is none. */
  readonly fallback: unknown;
  /** What is allowed, in the words of an error message. */
  readonly allowed: string;
  readonly file: FileShape | undefined;
  /** Returns the value as the component uses it (a duration in milliseconds), or throws an error that starts with `label`. */
  parse(value: unknown, label: string): Value;
}

/** A {@link Rule} of an option that a file can have. */
export type FileRule<Value> = Rule<Value> & { readonly file: FileShape };

/** A {@link Rule} with no default: the setting is `undefined` when the option is not given. */
export function optional<Value>(rule: Rule<Value>): Rule<Value | undefined> {
  return { ...rule, fallback: undefined };
}

const MISSING = Symbol("missing");

/** A {@link Rule} of an option that has to be given. */
export function required<Value>(rule: Rule<Value>): Rule<Value> {
  return {
    ...rule,
    fallback: MISSING,
    parse(value, label) {
      if (value === MISSING) throw new TypeError(`${label} is required: ${rule.allowed}.`);
      return rule.parse(value, label);
    },
  };
}

/** A rule of a value that is used as it is given, when it has the `type` and is accepted. */
function plain<Value, Shape extends FileShape | undefined>(
  fallback: unknown,
  allowed: string,
  file: Shape,
  type: string,
  accepts: (value: Value) => boolean = () => true,
): Rule<Value> & { readonly file: Shape } {
  return {
    fallback,
    allowed,
    file,
    parse(value, label) {
      const ofType = typeof value === type && value !== null;
      if (ofType && accepts(value as Value)) return value as Value;
      throw new (ofType ? RangeError : TypeError)(unlike(label, allowed, value));
    },
  };
}

/** A duration, given in seconds or with a unit, used in milliseconds. */
export function duration(fallback: Duration | undefined, range: DurationRange = {}): FileRule<number> {
  return {
    fallback,
    allowed: durationRule(range),
    file: { kind: "duration", zero: range.zero ?? false, long: range.long ?? false },
    parse: (value, label) => parseDuration(value, label, range),
  };
}

function number(
  fallback: number | undefined,
  min: number,
  max: number,
  { integer: whole = false, above = false }: { integer?: boolean; above?: boolean },
): FileRule<number> {
  const bounded = max < Number.MAX_SAFE_INTEGER;
  const from = above ? `above ${min}` : bounded ? `from ${min}` : `of at least ${min}`;
  const to = bounded ? `${above ? ", up" : ""} to ${max}` : "";
  return plain<number, FileShape>(
    fallback,
    `a ${whole ? "whole " : ""}number ${from}${to}`,
    { kind: "number", integer: whole, min, max, above },
    "number",
    (value) =>
      (above ? value > min : value >= min) && value <= max && (!whole || Number.isSafeInteger(value)),
  );
}

/** A whole number from `min` to `max`, both included. */
export function integer(
  fallback: number | undefined,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): FileRule<number> {
  return number(fallback, min, max, { integer: true });
}

/** A number above `min`, up to `max`. */
export function numberAbove(
  fallback: number | undefined,
  min: number,
  max: number = Number.MAX_VALUE,
): FileRule<number> {
  return number(fallback, min, max, { above: true });
}

/** A number from `min` to `max`, both included. */
export function numberFrom(
  fallback: number | undefined,
  min: number,
  max: number = Number.MAX_VALUE,
): FileRule<number> {
  return number(fallback, min, max, {});
}

/** A non-empty string. */
export function text(fallback: string | undefined): FileRule<string> {
  return plain<string, FileShape>(
    fallback,
    "a non-empty string",
    { kind: "text" },
    "string",
    (value) => value !== "",
  );
}

/** `true` or `false`. */
export function flag(fallback: boolean): FileRule<boolean> {
  return plain<boolean, FileShape>(fallback, "true or false", { kind: "boolean" }, "boolean");
}

/** One of a few words. */
export function choice<Word extends string>(fallback: Word, words: readonly Word[]): FileRule<Word> {
  return plain<Word, FileShape>(
    fallback,
    `one of ${words.map((word) => JSON.stringify(word)).join(", ")}`,
    { kind: "choice", values: words },
    "string",
    (value) => words.includes(value),
  );
}

/** A function of the application; it cannot stand in a file. */
export function callback<Callback extends (...args: never[]) => unknown>(): Rule<Callback | undefined> {
  return plain<Callback | undefined, undefined>(undefined, "a function", undefined, "function");
}

/** An object with the given methods, such as a clock; it cannot stand in a file. */
export function having<Value extends object>(
  fallback: Value,
  what: string,
  methods: readonly (keyof Value & string)[],
): Rule<Value> {
  return plain<Value, undefined>(
    fallback,
    `${what} with ${methods.join(", ")}`,
    undefined,
    "object",
    (value) => methods.every((method) => typeof value[method] === "function"),
  );
}

/** The shape of options nested in a file: those of the rules that a file can have; an instance has no other name there. */
export function fileFields(
  rules: Readonly<Record<string, Rule<unknown>>>,
): Readonly<Record<string, FileShape>> {
  const { name: _name, ...others } = rules;
  return allFileFields(others);
}

/** {@link fileFields} with `name`, where it is an option of a file beside the key. */
export function allFileFields(
  rules: Readonly<Record<string, Rule<unknown>>>,
): Readonly<Record<string, FileShape>> {
  return Object.fromEntries(
    Object.entries(rules).flatMap(([key, { file }]) => (file === undefined ? [] : [[key, file] as const])),
  );
}

/** Anything that `parse` accepts, for options of a shape of their own. */
export function custom<Value>(rule: {
  readonly fallback?: unknown;
  readonly allowed: string;
  readonly file?: FileShape;
  readonly parse: (value: unknown, label: string) => Value;
}): Rule<Value> {
  return { fallback: undefined, file: undefined, ...rule };
}

/** A number from the application's random source. Throws when it is not from 0 to 1. */
export function fraction(drawn: unknown): number {
  if (typeof drawn === "number" && drawn >= 0 && drawn <= 1) return drawn;
  throw new RangeError(unlike("what random returns", "a number from 0 to 1", drawn));
}
