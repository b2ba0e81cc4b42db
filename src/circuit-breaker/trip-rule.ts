/** What the calls of a closed circuit are counted in. */
export interface Window {
  /** How many calls are in the window. */
  readonly total: number;
  /** How many of them the rule counts against the circuit. */
  readonly bad: number;
  add(bad: boolean, now: number): void;
  /** Forgets what has left the window by `now`. */
  forget(now: number): void;
}

/** A rule that looks at a share of the calls instead of at consecutive failures. */
export interface RateRule {
  /** From 0 to 1: the circuit opens at this share or above. */
  readonly threshold: number;
  readonly minCalls: number;
  /** Whether a call of `took` milliseconds counts against the circuit. */
  isBad(failed: boolean, took: number): boolean;
  newWindow(): Window;
}

// Registered, so that a rule made by the CommonJS build serves a breaker of the ESM build.
const RULE: unique symbol = Symbol.for("@kstlib/resilience/trip-rule");

/** When the circuit opens; made by `failureRate` or `slowCallRate`. */
export interface TripRule {
  readonly [RULE]: RateRule;
}

export function tripRule(rule: RateRule): TripRule {
  return Object.freeze({ [RULE]: rule });
}

/** The rule inside, or `undefined` when `value` was not made by one of the factories. */
export function rateRuleOf(value: unknown): RateRule | undefined {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, RULE)) return undefined;
  return Reflect.get(value, RULE) as RateRule;
}
