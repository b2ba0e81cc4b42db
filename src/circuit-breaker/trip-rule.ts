/** What one rule has counted, of the calls of a closed circuit. */
export interface TripFigures {
  readonly rule: "failureRate" | "slowCallRate" | "failuresWithin";
  /** Calls in the window. */
  readonly calls: number;
  /** How many of them failed, or were slow for `slowCallRate`. */
  readonly counted: number;
  /** The share of those, from 0 to 1; 0 without calls. */
  readonly rate: number;
}

/** The window that counts the calls of a closed circuit. */
export interface Window {
  /** How many calls are in the window. */
  readonly total: number;
  /** How many of them the rule counts against the circuit. */
  readonly bad: number;
  add(bad: boolean, now: number): void;
  /** Removes the calls that have left the window by `now`. */
  forget(now: number): void;
}

/** How many calls a window holds: so many, or those of so many milliseconds. */
export type WindowSize =
  | { readonly calls: number; readonly duration?: undefined }
  | { readonly duration: number; readonly calls?: undefined };

/** Makes the windows of a rule; for a circuit that several processes share, they are not of this process alone. */
export type MakeWindow = (size: WindowSize) => Window;

/** Counts the calls of a closed circuit by its rule. */
export interface Counter {
  /** What counts against the circuit; of several rules the most. */
  readonly bad: number;
  /** Whether the circuit opens. */
  readonly isMet: boolean;
  /** Counts a call that took so many milliseconds. */
  add(failed: boolean, took: number, now: number): void;
  /** Of each single rule, as of `now`. */
  figures(now: number): readonly TripFigures[];
}

/** A rule that looks at more than consecutive failures. */
export interface Rule {
  /** Whether a call of `took` milliseconds counts against the circuit. */
  isBad(failed: boolean, took: number): boolean;
  newCounter(makeWindow?: MakeWindow): Counter;
}

// Registered, so that a rule made by the CommonJS build serves a breaker of the ESM build.
const RULE: unique symbol = Symbol.for("@kstlib/resilience/trip-rule");

/** When the circuit opens; made by `failureRate`, `slowCallRate`, `failuresWithin`, `anyOf` or `allOf`. */
export interface TripRule {
  readonly [RULE]: Rule;
}

export function tripRule(rule: Rule): TripRule {
  return Object.freeze({ [RULE]: rule });
}

/** The rule inside, or `undefined` when `value` was not made by one of the factories. */
export function ruleOf(value: unknown): Rule | undefined {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, RULE)) return undefined;
  return Reflect.get(value, RULE) as Rule;
}
