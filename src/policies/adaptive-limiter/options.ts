import { type Clock, realClock } from "../../kernel/clock.js";
import type { OptionRules, SettingsFor } from "../../kernel/options.js";
import type { Outcome } from "../../kernel/outcome.js";
import { callback, choice, having, integer, text } from "../../kernel/rules.js";
import { unlike } from "../../kernel/show.js";
import type { AlgorithmName } from "./algorithms.js";

/** Options of an `AdaptiveLimiter`. */
export interface AdaptiveLimiterOptions {
  /** Names the policy in errors and selects `instances.<name>` of the configuration. Default `"adaptive-limiter"`. */
  readonly name?: string | undefined;
  /**
   * What the limit follows. `"gradient"` (the default): how much slower calls are than without a queue at the service.
   * `"vegas"`: how many calls queue there. `"aimd"`: only dropped calls and latencies above 5 s.
   */
  readonly algorithm?: AlgorithmName | undefined;
  /** The limit at the start. At least 1; default 20. Brought within `min` and `max`. */
  readonly initial?: number | undefined;
  /** The lowest limit. At least 1; default 1. */
  readonly min?: number | undefined;
  /** The highest limit. At least `min`; default 200. */
  readonly max?: number | undefined;
  /** How many calls may wait for one under way to end. At least 0; default 0: a call is refused at once. */
  readonly maxQueue?: number | undefined;
  /**
   * Whether an outcome shows that the service is overloaded. Default: a timeout, unless this thread was blocked. When it
   * throws, the call does not count as dropped, and a warning reports it.
   */
  readonly dropIf?: ((outcome: Outcome) => boolean) | undefined;
  /** The source of time and timers. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** {@link AdaptiveLimiterOptions} as checked. */
export type AdaptiveLimiterSettings = SettingsFor<
  AdaptiveLimiterOptions,
  {
    name: string;
    algorithm: AlgorithmName;
    initial: number;
    min: number;
    max: number;
    maxQueue: number;
    dropIf: ((outcome: Outcome) => unknown) | undefined;
    clock: Pick<Clock, "now" | "setTimer">;
  }
>;

export const adaptiveLimiterRules: OptionRules<AdaptiveLimiterSettings> = {
  name: text("adaptive-limiter"),
  algorithm: choice<AlgorithmName>("gradient", ["gradient", "vegas", "aimd"]),
  initial: integer(20, 1),
  min: integer(1, 1),
  max: integer(200, 1),
  maxQueue: integer(0, 0),
  dropIf: callback<(outcome: Outcome) => unknown>(),
  clock: having<Pick<Clock, "now" | "setTimer">>(realClock, "a clock", ["now", "setTimer"]),
};

/** What `update` can change: options as for the constructor. */
export type AdaptiveLimiterChanges = Pick<AdaptiveLimiterOptions, "min" | "max" | "maxQueue">;

/** The rules of {@link AdaptiveLimiterChanges}. */
export const liveRules: Pick<typeof adaptiveLimiterRules, keyof AdaptiveLimiterChanges> = {
  min: adaptiveLimiterRules.min,
  max: adaptiveLimiterRules.max,
  maxQueue: adaptiveLimiterRules.maxQueue,
};

/** Throws a RangeError when `max` is below `min`. */
export function checkBounds({ min, max }: { readonly min?: unknown; readonly max?: unknown }): void {
  if (typeof min === "number" && typeof max === "number" && max < min)
    throw new RangeError(unlike("max", `at least min, which is ${min}`, max));
}
