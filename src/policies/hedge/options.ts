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
import { budgetRule } from "../retry/options.js";
import type { RetryBudget, RetryBudgetOptions } from "../retry/retry-budget.js";

/** A delay that is learnt from how long calls take: a twentieth above a percentile of the last 200. */
export interface PercentileDelay {
  /** The share of calls that are faster than the delay. Above 0 to 0.999; default 0.95. */
  readonly percentile?: number | undefined;
  /** The shortest delay. Default 1 ms. */
  readonly min?: Duration | undefined;
  /** The longest delay, and the one while fewer than 20 calls are known. At least `min`; default 2 s. */
  readonly max?: Duration | undefined;
}

/** Options of a `Hedge`. */
export interface HedgeOptions {
  /** Names the policy in events and selects `instances.<name>` of the configuration. Default `"hedge"`. */
  readonly name?: string | undefined;
  /** How long an attempt may take before the next one starts beside it. Default: learnt, about the 95th percentile. */
  readonly delay?: Duration | PercentileDelay | undefined;
  /** How many attempts may start beside the first. At least 1; default 1. */
  readonly maxHedges?: number | undefined;
  /** Limits the extra attempts of all calls together; one budget can be shared by many. Default: none. */
  readonly budget?: RetryBudget | RetryBudgetOptions | undefined;
  /**
   * Whether an outcome is a failure that another attempt may mend; one that is none ends the call. Default: every
   * rejection but aborts and mistakes of the program. When it throws, the outcome ends the call and a warning reports
   * it. A refusal of a policy inside starts no other attempt in any case, and leaves those under way alone.
   */
  readonly hedgeIf?: ((outcome: Outcome) => boolean) | undefined;
  /** Where the time and the timers come from. Default: the machine's. */
  readonly clock?: Clock | undefined;
}

/** A checked delay, in milliseconds; a constant one has no percentile. */
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
    budget: RetryBudget | undefined;
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
    const parse = (key: keyof typeof shape): number =>
      shape[key].parse(given[key] === undefined ? shape[key].fallback : given[key], `${label}.${key}`);
    const [percentile, min, max] = [parse("percentile"), parse("min"), parse("max")];
    if (max < min) throw new RangeError(unlike(`${label}.max`, `at least ${label}.min`, given["max"]));
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
