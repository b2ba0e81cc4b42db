import { type Clock, realClock } from "../../kernel/clock.js";
import type { Duration } from "../../kernel/duration.js";
import { ownOptions, type OptionRules, type SettingsFor } from "../../kernel/options.js";
import type { Outcome } from "../../kernel/outcome.js";
import {
  callback,
  custom,
  duration,
  having,
  integer,
  numberFrom,
  type Rule,
  text,
} from "../../kernel/rules.js";
import { unlike } from "../../kernel/show.js";
import { type BudgetOption, budgetRule } from "../retry/budget-option.js";
import type { RetryBudget, RetryBudgetOptions } from "../retry/retry-budget.js";

/** A delay learned from how long calls take: 5 % above a percentile of the last 200. */
export interface PercentileDelay {
  /** The share of calls that are faster than the delay. 0.001 to 0.999; default 0.95. */
  readonly percentile?: number | undefined;
  /** The shortest delay. Default 1 ms. */
  readonly min?: Duration | undefined;
  /** The longest delay, used as well until 20 calls are known. At least `min`; default 2 s. */
  readonly max?: Duration | undefined;
}

/** Options of a `Hedge`. */
export interface HedgeOptions {
  /** Names the policy in events and selects `instances.<name>` of the configuration. Default `"hedge"`. */
  readonly name?: string | undefined;
  /** How long an attempt may take before the next one starts beside it. Default: learned, about the 95th percentile. */
  readonly delay?: Duration | PercentileDelay | undefined;
  /** How many attempts may start beside the first. At least 1; default 1. */
  readonly maxHedges?: number | undefined;
  /**
   * Limits the extra attempts of all calls together. Several policies can share a budget: pass the same, or the name of one
   * in the configuration. Default: none.
   */
  readonly budget?: RetryBudget | RetryBudgetOptions | string | undefined;
  /**
   * Whether an outcome is a failure after which another attempt may succeed; any other outcome ends the call. Default:
   * every rejection but aborts and programming mistakes. When it throws, the outcome ends the call and a warning
   * reports it. Not asked about a refusal by an inner policy, which starts no other attempt and does not affect those
   * under way.
   */
  readonly hedgeIf?: ((outcome: Outcome) => boolean) | undefined;
  /** The source of time and timers. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** A checked delay, in milliseconds; a fixed one has no percentile. */
export interface DelaySettings {
  readonly percentile: number | undefined;
  readonly min: number;
  readonly max: number;
}

/** {@link HedgeOptions} as checked. */
export type HedgeSettings = SettingsFor<
  HedgeOptions,
  {
    name: string;
    delay: DelaySettings;
    maxHedges: number;
    budget: BudgetOption | undefined;
    hedgeIf: ((outcome: Outcome) => unknown) | undefined;
    clock: Pick<Clock, "now" | "setTimer">;
  }
>;

const time = duration(undefined, { zero: true });
const shape = { percentile: numberFrom(0.95, 0.001, 0.999), min: duration("1ms"), max: duration("2s") };

const delay: Rule<DelaySettings> = custom<DelaySettings>({
  fallback: {},
  allowed: `${time.allowed}; or { percentile, min, max }`,
  file: {
    kind: "either",
    shapes: [
      time.file,
      {
        kind: "object",
        fields: { percentile: shape.percentile.file, min: shape.min.file, max: shape.max.file },
      },
    ],
  },
  parse(value, label) {
    if (typeof value !== "object" || value === null) {
      const length = time.parse(value, label);
      return { percentile: undefined, min: length, max: length };
    }
    const given = ownOptions(label, shape, value);
    const at = (key: keyof typeof shape): unknown =>
      given[key] === undefined ? shape[key].fallback : given[key];
    const parse = (key: keyof typeof shape): number => shape[key].parse(at(key), `${label}.${key}`);
    const [percentile, min, max] = [parse("percentile"), parse("min"), parse("max")];
    if (max < min) {
      const isDefault = given["max"] === undefined;
      throw new RangeError(unlike(`${label}.max`, `at least ${label}.min`, at("max"), isDefault));
    }
    return { percentile, min, max };
  },
});

export const hedgeRules: OptionRules<HedgeSettings> = {
  name: text("hedge"),
  delay,
  maxHedges: integer(1, 1, 100),
  budget: budgetRule,
  hedgeIf: callback<(outcome: Outcome) => unknown>(),
  clock: having<Pick<Clock, "now" | "setTimer">>(realClock, "a clock", ["now", "setTimer"]),
};

/** What `update` can change: options as for the constructor. */
export type HedgeChanges = Pick<HedgeOptions, "delay" | "maxHedges">;

/** The rules of {@link HedgeChanges}. */
export const liveRules: Pick<typeof hedgeRules, keyof HedgeChanges> = {
  delay: hedgeRules.delay,
  maxHedges: hedgeRules.maxHedges,
};
