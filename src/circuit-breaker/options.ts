import { type Clock, monotonicClock } from "../kernel/clock.js";
import type { Duration } from "../kernel/duration.js";
import { type ErrorMatcher, errorMatchers } from "../kernel/error-matcher.js";
import type { Predicates } from "../kernel/judge.js";
import { ownOptions, type OptionRules, type SettingsFor } from "../kernel/options.js";
import type { Outcome } from "../kernel/outcome.js";
import {
  callback,
  choice,
  custom,
  duration,
  having,
  integer,
  numberAbove,
  numberFrom,
  optional,
  type Rule,
  text,
} from "../kernel/rules.js";
import { unlike } from "../kernel/show.js";
import { type Rule as RuleOfTrip, ruleOf, type TripRule } from "./trip-rule.js";

/** A reset timeout that grows each time a half-open circuit opens again; back to `initial` after it closed. */
export interface GrowingResetTimeout {
  /** The first time the circuit stays open. */
  readonly initial: Duration;
  /** The factor applied at each reopening. At least 1. */
  readonly factor: number;
  /** The longest it gets. At least `initial`. */
  readonly max: Duration;
}

/** The argument of a `resetTimeout` function. */
export interface ResetTimeoutInfo {
  /** How often the circuit has opened again since it was last closed; 0 when it opens for the first time. */
  readonly reopenings: number;
  /** What the failure that opens it was: an error, as a rule. */
  readonly cause: unknown;
}

/** How a half-open circuit decides. */
export interface HalfOpen {
  /** Calls admitted while half-open. At least 1; required. */
  readonly calls: number;
  /** The circuit opens again when this share of them has failed, and closes when it no longer can. Above 0, up to 1; required. */
  readonly failureRate: number;
}

/**
 * `"enforce"`: refuses calls while the circuit is open. `"observe"`: counts, changes its state, and tells what it would
 * refuse, but refuses nothing. `"off"`: does neither.
 */
export type CircuitMode = "enforce" | "observe" | "off";

/** Options of a `CircuitBreaker`. */
export interface CircuitBreakerOptions {
  /** Names the circuit in errors and selects `instances.<name>` of the configuration. Default `"circuit-breaker"`. */
  readonly name?: string | undefined;
  /** Consecutive failures that open the circuit. At least 1; default 5. Not used when `trip` is given. */
  readonly maxFailures?: number | undefined;
  /**
   * How long the circuit stays open before it lets probes through; or a function that says so, which must not use the
   * breaker. When it throws or returns no duration, it is 60 s and a warning reports it. Default 60 s.
   */
  readonly resetTimeout?: Duration | GrowingResetTimeout | ((info: ResetTimeoutInfo) => Duration) | undefined;
  /**
   * The share of the reset timeout that is added to it at random, so that a fleet does not probe at the same moment. 0 to 1;
   * default 0.
   */
  readonly jitter?: number | undefined;
  /** Draws the jitter: returns a number from 0 up to 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Calls admitted while half-open, and successes needed to close. At least 1; default 1. Not used with `halfOpen`. */
  readonly halfOpenMaxCalls?: number | undefined;
  /** How many calls are admitted while half-open, and which share of failures opens it again. Default: any failure does. */
  readonly halfOpen?: HalfOpen | undefined;
  /** Default `"enforce"`. */
  readonly mode?: CircuitMode | undefined;
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
  /** When the circuit opens, instead of `maxFailures`: made by `failureRate`, `slowCallRate`, `failuresWithin`, `anyOf` or `allOf`. */
  readonly trip?: TripRule | undefined;
  /**
   * A probe that has not settled after this time counts as failed, and its permit is free. When it succeeds all the
   * same, it counts towards closing the circuit. Longer than a healthy call takes. Default: `resetTimeout` (its
   * `initial`).
   */
  readonly probeTimeout?: Duration | undefined;
  /** The source of time. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** {@link CircuitBreakerOptions} as checked; durations in milliseconds. */
export type CircuitBreakerSettings = SettingsFor<
  CircuitBreakerOptions,
  {
    name: string;
    maxFailures: number;
    resetTimeout: ResetTimeout;
    jitter: number;
    random: (() => number) | undefined;
    halfOpenMaxCalls: number;
    halfOpen: HalfOpen | undefined;
    mode: CircuitMode;
    excludedErrors: Predicates["excludedErrors"];
    isFailure: Predicates["isFailure"];
    trip: RuleOfTrip | undefined;
    probeTimeout: number | undefined;
    clock: Pick<Clock, "now">;
  }
>;

/** What `update` can change: options as for the constructor, and `null` for none. */
export interface CircuitBreakerChanges extends Pick<
  CircuitBreakerOptions,
  "maxFailures" | "resetTimeout" | "jitter" | "halfOpenMaxCalls" | "mode"
> {
  /** `null`: any failure opens it again, as without one. */
  readonly halfOpen?: HalfOpen | null | undefined;
  /** `null`: that of `resetTimeout`, as one that was never given. */
  readonly probeTimeout?: Duration | null | undefined;
}

/** How long the circuit stays open, in milliseconds: `initial`, times `factor` at each reopening, up to `max`; or as `by` says. */
export interface ResetTimeout {
  readonly initial: number;
  readonly factor: number;
  readonly max: number;
  readonly by?: (info: ResetTimeoutInfo) => unknown;
}

const DEFAULT_RESET = 60;

const time = duration(undefined);
const growth = { initial: time, factor: numberFrom(undefined, 1), max: time };

const resetTimeout: Rule<ResetTimeout> = custom({
  fallback: DEFAULT_RESET,
  allowed: `${time.allowed}; or { initial, factor, max }; or a function`,
  file: {
    kind: "either",
    shapes: [
      time.file,
      { kind: "object", fields: { initial: time.file, factor: growth.factor.file, max: time.file } },
    ],
  },
  parse(value, label) {
    if (typeof value === "function") {
      const initial = time.parse(DEFAULT_RESET, label);
      return { initial, factor: 1, max: initial, by: value as (info: ResetTimeoutInfo) => unknown };
    }
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

const ofHalfOpen = { calls: integer(undefined, 1), failureRate: numberAbove(undefined, 0, 1) };

const halfOpen: Rule<HalfOpen | undefined> = custom({
  allowed: "{ calls, failureRate }",
  file: {
    kind: "object",
    fields: { calls: ofHalfOpen.calls.file, failureRate: ofHalfOpen.failureRate.file },
  },
  parse(value, label) {
    if (typeof value !== "object" || value === null)
      throw new TypeError(unlike(label, halfOpen.allowed, value));
    const given = ownOptions(label, ofHalfOpen, value);
    return {
      calls: ofHalfOpen.calls.parse(given["calls"], `${label}.calls`),
      failureRate: ofHalfOpen.failureRate.parse(given["failureRate"], `${label}.failureRate`),
    };
  },
});

const trip: Rule<RuleOfTrip | undefined> = custom({
  allowed: "a rule made by failureRate({ ... }) and the like",
  parse(value, label) {
    const rule = ruleOf(value);
    if (rule === undefined) throw new TypeError(unlike(label, trip.allowed, value));
    return rule;
  },
});

export const circuitBreakerRules: OptionRules<CircuitBreakerSettings> = {
  name: text("circuit-breaker"),
  maxFailures: integer(5, 1),
  resetTimeout,
  jitter: numberFrom(0, 0, 1),
  random: callback<() => number>(),
  halfOpenMaxCalls: integer(1, 1),
  halfOpen,
  mode: choice<CircuitMode>("enforce", ["enforce", "observe", "off"]),
  excludedErrors: errorMatchers,
  isFailure: callback<(outcome: Outcome) => unknown>(),
  trip,
  probeTimeout: optional(time),
  clock: having<Pick<Clock, "now">>(monotonicClock, "a clock", ["now"]),
};

const { maxFailures, jitter, halfOpenMaxCalls, mode, probeTimeout } = circuitBreakerRules;

/** The rules of {@link CircuitBreakerChanges}. */
export const liveRules: Pick<typeof circuitBreakerRules, keyof CircuitBreakerChanges> = {
  maxFailures,
  resetTimeout,
  jitter,
  halfOpenMaxCalls,
  halfOpen,
  mode,
  probeTimeout,
};
