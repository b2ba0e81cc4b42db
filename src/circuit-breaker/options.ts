import { type Clock, monotonicClock } from "../kernel/clock.js";
import type { Duration } from "../kernel/duration.js";
import { type ErrorMatcher, errorMatchers } from "../kernel/error-matcher.js";
import type { Predicates } from "../kernel/judge.js";
import { ownOptions, type OptionRules, type SettingsFor } from "../kernel/options.js";
import type { Outcome } from "../kernel/outcome.js";
import {
  callback,
  custom,
  duration,
  having,
  integer,
  numberFrom,
  optional,
  type Rule,
  text,
} from "../kernel/rules.js";
import { unlike } from "../kernel/show.js";
import type { Limits, ResetTimeout } from "./machine.js";
import { type RateRule, rateRuleOf, type TripRule } from "./trip-rule.js";

/** A reset timeout that grows each time a half-open circuit opens again; back to `initial` after it closed. */
export interface GrowingResetTimeout {
  /** The first time the circuit stays open. */
  readonly initial: Duration;
  /** By what it is multiplied at each reopening. At least 1. */
  readonly factor: number;
  /** The longest it gets. At least `initial`. */
  readonly max: Duration;
}

/** Options of a `CircuitBreaker`. */
export interface CircuitBreakerOptions {
  /** Names the circuit in errors and selects `instances.<name>` of the configuration. Default `"circuit-breaker"`. */
  readonly name?: string | undefined;
  /** Consecutive failures that open the circuit. At least 1; default 5. Not used when `trip` is given. */
  readonly maxFailures?: number | undefined;
  /** How long the circuit stays open before it lets probes through. Default 60 s. */
  readonly resetTimeout?: Duration | GrowingResetTimeout | undefined;
  /** Calls admitted while half-open, and successes needed to close. At least 1; default 1. */
  readonly halfOpenMaxCalls?: number | undefined;
  /**
   * Errors that say nothing about the health of what is called: classes, or predicates. Such a call is neither
   * a success nor a failure. A class is asked with `instanceof`: in Jest, give a predicate for what Node's own modules
   * throw. Default none; a refusal of a policy inside, as of a rate limiter, is never counted: see {@link isRefusal}.
   */
  readonly excludedErrors?: readonly ErrorMatcher[] | undefined;
  /**
   * Judges how a call ended, returned values included; the caller gets the value or the error all the same.
   * Not asked about excluded errors and refusals. Default: what throws or rejects has failed. When it throws, the call
   * counts as failed and a warning reports what it threw.
   */
  readonly isFailure?: ((outcome: Outcome) => boolean) | undefined;
  /** When the circuit opens, instead of `maxFailures`: made by `failureRate` or `slowCallRate`. */
  readonly trip?: TripRule | undefined;
  /**
   * A probe that has not settled after this time counts as failed, and its permit is free. When it succeeds all the
   * same, it counts towards closing the circuit. Longer than a healthy call takes. Default: `resetTimeout` (its
   * `initial`).
   */
  readonly probeTimeout?: Duration | undefined;
  /** Where the time comes from. Default: the machine's. */
  readonly clock?: Clock | undefined;
}

/** {@link CircuitBreakerOptions} as checked; durations in milliseconds. */
export type CircuitBreakerSettings = SettingsFor<
  CircuitBreakerOptions,
  {
    name: string;
    maxFailures: number;
    resetTimeout: ResetTimeout;
    halfOpenMaxCalls: number;
    excludedErrors: Predicates["excludedErrors"];
    isFailure: Predicates["isFailure"];
    trip: RateRule | undefined;
    probeTimeout: number | undefined;
    clock: Pick<Clock, "now">;
  }
>;

/** What `update` can change: options as for the constructor, and `null` for none. */
export interface CircuitBreakerChanges extends Pick<
  CircuitBreakerOptions,
  "maxFailures" | "resetTimeout" | "halfOpenMaxCalls"
> {
  /** `null`: that of `resetTimeout`, as one that was never given. */
  readonly probeTimeout?: Duration | null | undefined;
}

const time = duration(undefined);
const growth = { initial: time, factor: numberFrom(undefined, 1), max: time };

const resetTimeout: Rule<ResetTimeout> = custom({
  fallback: 60,
  allowed: `${time.allowed}; or { initial, factor, max }`,
  file: {
    kind: "either",
    shapes: [
      time.file,
      { kind: "object", fields: { initial: time.file, factor: growth.factor.file, max: time.file } },
    ],
  },
  parse(value, label) {
    if (typeof value !== "object" || value === null) {
      const initial = time.parse(value, label);
      return { initial, factor: 1, max: initial };
    }
    const given = ownOptions(label, growth, value);
    const parse = (key: keyof typeof growth): number => growth[key].parse(given[key], `${label}.${key}`);
    const [initial, factor, max] = [parse("initial"), parse("factor"), parse("max")];
    if (max < initial)
      throw new RangeError(unlike(`${label}.max`, `at least ${label}.initial`, given["max"]));
    return { initial, factor, max };
  },
});

const trip: Rule<RateRule | undefined> = custom({
  allowed: "made by failureRate({ ... }) or slowCallRate({ ... })",
  parse(value, label) {
    const rule = rateRuleOf(value);
    if (rule === undefined) throw new TypeError(unlike(label, trip.allowed, value));
    return rule;
  },
});

export const circuitBreakerRules: OptionRules<CircuitBreakerSettings> = {
  name: text("circuit-breaker"),
  maxFailures: integer(5, 1),
  resetTimeout,
  halfOpenMaxCalls: integer(1, 1),
  excludedErrors: errorMatchers,
  isFailure: callback<(outcome: Outcome) => unknown>(),
  trip,
  probeTimeout: optional(time),
  clock: having<Pick<Clock, "now">>(monotonicClock, "a clock", ["now"]),
};

const { maxFailures, halfOpenMaxCalls, probeTimeout } = circuitBreakerRules;

/** The rules of {@link CircuitBreakerChanges}. */
export const liveRules: Pick<typeof circuitBreakerRules, keyof CircuitBreakerChanges> = {
  maxFailures,
  resetTimeout,
  halfOpenMaxCalls,
  probeTimeout,
};

/** What the machine needs of checked settings. */
export function limitsOf(settings: CircuitBreakerSettings): Limits {
  return { ...settings, probeTimeout: settings.probeTimeout ?? settings.resetTimeout.initial };
}
