import { type Clock, realClock } from "../../kernel/clock.js";
import type { Duration } from "../../kernel/duration.js";
import { ownOptions, type OptionRules, type SettingsFor } from "../../kernel/options.js";
import type { Outcome } from "../../kernel/outcome.js";
import {
  callback,
  choice,
  custom,
  duration,
  having,
  integer,
  numberFrom,
  optional,
  type Rule,
  text,
} from "../../kernel/rules.js";
import { unlike } from "../../kernel/show.js";
import type { BackoffSettings, Jitter } from "./backoff.js";
import { type BudgetOption, budgetRule } from "./budget-option.js";
import type { RetryBudget, RetryBudgetOptions } from "./retry-budget.js";

/** Delays that grow with each attempt. */
export interface Backoff {
  /** The cap of the first delay. Default 0.1 s. */
  readonly initial?: Duration | undefined;
  /** The cap is multiplied by this after each attempt. At least 1; default 2. */
  readonly factor?: number | undefined;
  /** The longest delay. At least `initial`; default 30 s. */
  readonly max?: Duration | undefined;
  /** How a delay is drawn below its cap. Default `"full"`: anything from 0 to the cap. */
  readonly jitter?: Jitter | undefined;
}

/** What a delay function of the application gets. */
export interface DelayInfo {
  /** The attempt that has failed; the first is 1. */
  readonly attempt: number;
  readonly outcome: Outcome;
  /** Seconds of the delay before that attempt; `undefined` for the first. */
  readonly previousDelay: number | undefined;
}

/** Options of a `Retry`. */
export interface RetryOptions {
  /** Names the policy in events and selects `instances.<name>` of the configuration. Default `"retry"`. */
  readonly name?: string | undefined;
  /** How often the function is called at most, the first call included. At least 1; default 3. */
  readonly attempts?: number | undefined;
  /**
   * How long to wait before another attempt: fixed, growing, or returned by a function. Default: growing from 0.1 s to
   * 30 s by a factor of 2 with full jitter. When the function throws or returns no duration, the default is used and a
   * warning reports it.
   */
  readonly delay?: Duration | Backoff | ((info: DelayInfo) => Duration) | undefined;
  /** No attempt begins later than this after the first, nor does a delay that would end later. Default: no limit. */
  readonly maxDuration?: Duration | undefined;
  /**
   * Whether an outcome is worth another attempt, returned values included. Default: every rejection but aborts,
   * programming mistakes (`RangeError`, `SyntaxError`, `ReferenceError`, a `TypeError` that is not a failed `fetch`) and
   * refusals without a `retryAfter`. When it throws, there is no other attempt and a warning reports it.
   */
  readonly retryIf?: ((outcome: Outcome) => boolean) | undefined;
  /**
   * What to do when a circuit breaker inside is open: `"stop"` (the default), or `"wait"` until it allows a probe; the
   * refused attempt counts.
   */
  readonly onOpen?: "stop" | "wait" | undefined;
  /**
   * Limits the extra attempts of all calls together. Several policies can share a budget: pass the same, or the name of one
   * in the configuration. Default: none.
   */
  readonly budget?: RetryBudget | RetryBudgetOptions | string | undefined;
  /** The source of time and timers. Default: the system's. */
  readonly clock?: Clock | undefined;
  /** Draws the jitter: returns a number from 0 up to 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** A checked delay: a backoff, or the application's function. */
export type DelaySetting = BackoffSettings | ((info: DelayInfo) => unknown);

/** {@link RetryOptions} as checked; durations in milliseconds. */
export type RetrySettings = SettingsFor<
  RetryOptions,
  {
    name: string;
    attempts: number;
    delay: DelaySetting;
    maxDuration: number | undefined;
    retryIf: ((outcome: Outcome) => unknown) | undefined;
    onOpen: "stop" | "wait";
    budget: BudgetOption | undefined;
    clock: Pick<Clock, "now" | "setTimer" | "sleepSync">;
    random: (() => number) | undefined;
  }
>;

/** The default delays. */
export const defaultBackoff: BackoffSettings = { initial: 100, factor: 2, max: 30_000, jitter: "full" };

const time = duration(undefined, { zero: true });
const shape = {
  initial: duration("100ms"),
  factor: numberFrom(2, 1),
  max: duration("30s"),
  jitter: choice<Jitter>("full", ["full", "equal", "decorrelated", "none"]),
};

const delay: Rule<DelaySetting> = custom<DelaySetting>({
  fallback: {},
  allowed: `${time.allowed}; or { initial, factor, max, jitter }; or a function`,
  file: {
    kind: "either",
    shapes: [
      time.file,
      {
        kind: "object",
        fields: {
          initial: shape.initial.file,
          factor: shape.factor.file,
          max: shape.max.file,
          jitter: shape.jitter.file,
        },
      },
    ],
  },
  parse(value, label) {
    if (typeof value === "function") return value as (info: DelayInfo) => unknown;
    if (typeof value !== "object" || value === null) {
      const initial = time.parse(value, label);
      return { initial, factor: 1, max: initial, jitter: "none" };
    }
    const given = ownOptions(label, shape, value);
    const at = (key: keyof typeof shape): unknown =>
      given[key] === undefined ? shape[key].fallback : given[key];
    const initial = shape.initial.parse(at("initial"), `${label}.initial`);
    const max = shape.max.parse(at("max"), `${label}.max`);
    if (max < initial) {
      const isDefault = given["max"] === undefined;
      throw new RangeError(unlike(`${label}.max`, `at least ${label}.initial`, at("max"), isDefault));
    }
    return {
      initial,
      max,
      factor: shape.factor.parse(at("factor"), `${label}.factor`),
      jitter: shape.jitter.parse(at("jitter"), `${label}.jitter`),
    };
  },
});

export const retryRules: OptionRules<RetrySettings> = {
  name: text("retry"),
  attempts: integer(3, 1),
  delay,
  maxDuration: optional(duration(undefined, { long: true })),
  retryIf: callback<(outcome: Outcome) => unknown>(),
  onOpen: choice("stop", ["stop", "wait"]),
  budget: budgetRule,
  clock: having<Pick<Clock, "now" | "setTimer" | "sleepSync">>(realClock, "a clock", [
    "now",
    "setTimer",
    "sleepSync",
  ]),
  random: callback<() => number>(),
};

/** What `update` can change: options as for the constructor, and `null` for no limit. */
export interface RetryChanges extends Pick<RetryOptions, "attempts" | "delay" | "onOpen"> {
  /** `null`: no limit. */
  readonly maxDuration?: Duration | null | undefined;
}

/** The rules of {@link RetryChanges}. */
export const liveRules: Pick<typeof retryRules, keyof RetryChanges> = {
  attempts: retryRules.attempts,
  delay: retryRules.delay,
  maxDuration: retryRules.maxDuration,
  onOpen: retryRules.onOpen,
};
