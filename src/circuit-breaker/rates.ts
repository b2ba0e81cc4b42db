import type { Duration } from "../kernel/duration.js";
import { ownOptions, type OptionRules, resolveOptions, type SettingsFor } from "../kernel/options.js";
import { custom, duration, integer, numberAbove, required, type Rule } from "../kernel/rules.js";
import { show, unlike } from "../kernel/show.js";
import {
  type MakeWindow,
  type TripFigures,
  type TripRule,
  tripRule,
  type Window,
  type WindowSize,
} from "./trip-rule.js";
import { WindowCounter } from "./window-counter.js";
import { CallWindow, TimeWindow } from "./window.js";

/** The calls that a rate is computed over: a number of recent calls, or those within a recent time. */
export type RateWindow =
  | {
      /** The last 1 to 1,000,000 settled calls; a byte of memory each. */
      readonly calls: number;
      readonly duration?: undefined;
    }
  | {
      /**
       * The calls that settled within this time, at least 1 ms; a window that stood idle is empty. It moves in hundredths of
       * its length, and its memory does not grow with the number of calls.
       */
      readonly duration: Duration;
      readonly calls?: undefined;
    };

/** Options of {@link failureRate}. */
export interface FailureRateOptions {
  /** The circuit opens when this share of the calls has failed, or more. Above 0, up to 1; required. */
  readonly threshold: number;
  /** The calls that the share is computed over; required. Rejected calls and calls under way are not in it. */
  readonly window: RateWindow;
  /** The fewest calls in the window that can open the circuit. At least 1; default 10, or `window.calls` when that is less. */
  readonly minCalls?: number | undefined;
}

/** Options of {@link slowCallRate}. */
export interface SlowCallRateOptions extends FailureRateOptions {
  /** A call that takes longer than this is slow, however it ends. Required. */
  readonly slowerThan: Duration;
}

type FailureRateSettings = SettingsFor<
  FailureRateOptions,
  { threshold: number; window: WindowSize; minCalls: number | undefined }
>;

type SlowCallRateSettings = FailureRateSettings &
  SettingsFor<Pick<SlowCallRateOptions, "slowerThan">, { slowerThan: number }>;

// Functions, so that a bundle without rate rules leaves these out.
const durationRule = (): Rule<number> => duration(undefined);

function windowRule(): Rule<WindowSize> {
  const keys = { calls: integer(undefined, 1, 1_000_000), duration: durationRule() };
  const allowed = "{ calls: 100 } or { duration: 60 }, one of the two";
  return custom({
    allowed,
    parse(value, label) {
      const { calls, duration: length } = ownOptions(label, keys, value);
      if ((calls === undefined) === (length === undefined)) {
        throw new TypeError(`${label} must be ${allowed}; got ${calls === undefined ? "neither" : "both"}.`);
      }
      if (calls === undefined) {
        const milliseconds = keys.duration.parse(length, `${label}.duration`);
        if (milliseconds < 1) throw new RangeError(unlike(`${label}.duration`, "at least 1 ms", length));
        return { duration: milliseconds };
      }
      return { calls: keys.calls.parse(calls, `${label}.calls`) };
    },
  });
}

const failureRateRules = (): OptionRules<FailureRateSettings> => ({
  threshold: required(numberAbove(undefined, 0, 1)),
  window: required(windowRule()),
  minCalls: integer(undefined, 1),
});

const slowCallRateRules = (): OptionRules<SlowCallRateSettings> => ({
  ...failureRateRules(),
  slowerThan: required(durationRule()),
});

type IsBad = (failed: boolean, took: number) => boolean;

const ownWindow: MakeWindow = ({ calls, duration: length }) =>
  calls === undefined ? new TimeWindow(length) : new CallWindow(calls);

function rateRule(rule: TripFigures["rule"], settings: FailureRateSettings, isBad: IsBad): TripRule {
  const { threshold, window } = settings;
  const most = window.calls ?? Infinity;
  const { minCalls = Math.min(10, most) } = settings;
  if (minCalls > most) {
    throw new RangeError(
      `minCalls must be at most window.calls (${most}), or the circuit could never open; got ${show(minCalls)}.`,
    );
  }
  const trips = ({ total, bad }: Window): boolean => total >= minCalls && bad / total >= threshold;
  return tripRule({
    isBad,
    newCounter: (make = ownWindow) => new WindowCounter(rule, make(window), isBad, trips),
  });
}

/**
 * Opens the circuit when a share of the recent calls has failed. For `trip` of a circuit breaker, where it
 * takes the place of `maxFailures`.
 *
 * @throws TypeError or RangeError that names the option when one is missing, unknown or out of range.
 * @example
 * ```ts
 * import { CircuitBreaker, failureRate } from "@kstlib/resilience";
 *
 * const breaker = new CircuitBreaker({
 *   trip: failureRate({ threshold: 0.5, window: { duration: "30s" }, minCalls: 4 }),
 * });
 * for (const up of [true, false, true, false]) {
 *   await breaker.call(() => (up ? "fine" : Promise.reject(new Error("down")))).catch(() => {});
 * }
 * console.assert(breaker.state === "open");
 * ```
 */
export function failureRate(options: FailureRateOptions): TripRule {
  const settings = resolveOptions("failureRate", failureRateRules(), options);
  return rateRule("failureRate", settings, (failed) => failed);
}

/**
 * Opens the circuit when a share of the recent calls was slow, however they ended. While half-open, a slow
 * probe counts as a failed one and a quick failure does too. For `trip` of a circuit breaker, where it takes
 * the place of `maxFailures`; it reads the clock at the start and the end of each call.
 *
 * @throws TypeError or RangeError that names the option when one is missing, unknown or out of range.
 * @example
 * ```ts
 * import { CircuitBreaker, slowCallRate } from "@kstlib/resilience";
 *
 * const breaker = new CircuitBreaker({
 *   trip: slowCallRate({ threshold: 0.8, window: { calls: 20 }, slowerThan: "2s" }),
 * });
 * console.assert((await breaker.call(() => "quick")) === "quick");
 * ```
 */
export function slowCallRate(options: SlowCallRateOptions): TripRule {
  const settings = resolveOptions("slowCallRate", slowCallRateRules(), options);
  return rateRule("slowCallRate", settings, (_failed, took) => took > settings.slowerThan);
}

/** Options of {@link failuresWithin}. */
export interface FailuresWithinOptions {
  /** The number of failures that opens the circuit. At least 1; required. */
  readonly failures: number;
  /** Within which time; at least 1 ms; required. It moves in hundredths of its length. */
  readonly duration: Duration;
}

type FailuresWithinSettings = SettingsFor<FailuresWithinOptions, { failures: number; duration: number }>;

const failuresWithinRules = (): OptionRules<FailuresWithinSettings> => ({
  failures: required(integer(undefined, 1)),
  duration: required(durationRule()),
});

/**
 * Opens the circuit at a number of failures within a time, regardless of successes in between. For `trip` of a circuit breaker, where
 * it takes the place of `maxFailures`.
 *
 * @throws TypeError or RangeError that names the option when one is missing, unknown or out of range.
 * @example
 * ```ts
 * import { CircuitBreaker, failuresWithin } from "@kstlib/resilience";
 *
 * const breaker = new CircuitBreaker({ trip: failuresWithin({ failures: 2, duration: "10s" }) });
 * for (const up of [false, true, false]) {
 *   await breaker.call(() => (up ? "fine" : Promise.reject(new Error("down")))).catch(() => {});
 * }
 * console.assert(breaker.state === "open");
 * ```
 */
export function failuresWithin(options: FailuresWithinOptions): TripRule {
  const { failures, duration: length } = resolveOptions("failuresWithin", failuresWithinRules(), options);
  if (length < 1) throw new RangeError(unlike("duration", "at least 1 ms", options.duration));
  const isBad: IsBad = (failed) => failed;
  const trips = ({ bad }: Window): boolean => bad >= failures;
  return tripRule({
    isBad,
    newCounter: (make = ownWindow) =>
      new WindowCounter("failuresWithin", make({ duration: length }), isBad, trips),
  });
}
