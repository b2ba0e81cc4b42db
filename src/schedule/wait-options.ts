import type { Duration } from "../kernel/duration.js";
import { signalRule } from "../kernel/object-rules.js";
import type { OptionRules, SettingsFor } from "../kernel/options.js";
import { choice, duration, flag, type Rule } from "../kernel/rules.js";
import { checkLess } from "./options.js";

/** Options of `TimeTrigger.waitForBoundary`. */
export interface WaitForBoundaryOptions {
  /** How long before the boundary the wait ends. Less than `every`; default 0. */
  readonly margin?: Duration | undefined;
  /** Ends the wait: the promise rejects at once with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `TimeTrigger.onBoundary`. */
export interface OnBoundaryOptions {
  /** How long before each boundary the callback is called. Less than `every`; default 0. */
  readonly margin?: Duration | undefined;
  /** Whether it is also called at once, for the boundary before. Default `false`. */
  readonly runImmediately?: boolean | undefined;
  /**
   * What happens when a boundary comes before the promise of the last call has settled. `"skip"`: the callback is not
   * called for it. `"queue"`: it is called as soon as that has settled; of several boundaries, for the last one. The
   * others count as missed. Default `"skip"`.
   */
  readonly overrun?: "skip" | "queue" | undefined;
}

/** The rule of a margin. */
export function marginRule(fallback: Duration, every: number): Rule<number> {
  const rule = duration(fallback, { zero: true });
  return {
    ...rule,
    parse(value, label) {
      const milliseconds = rule.parse(value, label);
      checkLess(label, milliseconds, every);
      return milliseconds;
    },
  };
}

/** The rules of {@link WaitForBoundaryOptions}. */
export function waitRules(
  every: number,
): OptionRules<SettingsFor<WaitForBoundaryOptions, { margin: number; signal: AbortSignal | undefined }>> {
  return { margin: marginRule(0, every), signal: signalRule };
}

/** The rules of {@link OnBoundaryOptions}. */
export function callbackRules(
  every: number,
): OptionRules<
  SettingsFor<OnBoundaryOptions, { margin: number; runImmediately: boolean; overrun: "skip" | "queue" }>
> {
  return {
    margin: marginRule(0, every),
    runImmediately: flag(false),
    overrun: choice("skip", ["skip", "queue"]),
  };
}
