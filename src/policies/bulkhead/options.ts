import { type Clock, realClock } from "../../kernel/clock.js";
import type { Duration } from "../../kernel/duration.js";
import type { OptionRules, SettingsFor } from "../../kernel/options.js";
import { duration, having, integer, optional, text } from "../../kernel/rules.js";

/** Options of a `Bulkhead`. */
export interface BulkheadOptions {
  /** Names the policy in errors and selects `instances.<name>` of the configuration. Default `"bulkhead"`. */
  readonly name?: string | undefined;
  /** How many calls run at once. At least 1; default 25. */
  readonly maxConcurrent?: number | undefined;
  /** How many calls may wait for one of them to end. At least 0; default 0: a call is refused at once. */
  readonly maxQueue?: number | undefined;
  /** How long a call may wait, or until an outer deadline if that comes first. Default: no limit. */
  readonly queueTimeout?: Duration | undefined;
  /** The source of timers. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** {@link BulkheadOptions} as checked; the timeout in milliseconds. */
export type BulkheadSettings = SettingsFor<
  BulkheadOptions,
  {
    name: string;
    maxConcurrent: number;
    maxQueue: number;
    queueTimeout: number | undefined;
    clock: Pick<Clock, "now" | "setTimer">;
  }
>;

export const bulkheadRules: OptionRules<BulkheadSettings> = {
  name: text("bulkhead"),
  maxConcurrent: integer(25, 1),
  maxQueue: integer(0, 0),
  queueTimeout: optional(duration(undefined)),
  clock: having<Pick<Clock, "now" | "setTimer">>(realClock, "a clock", ["now", "setTimer"]),
};

/** What `update` can change: options as for the constructor. */
export type BulkheadChanges = Pick<BulkheadOptions, "maxConcurrent" | "maxQueue">;

/** The rules of {@link BulkheadChanges}. */
export const liveRules: Pick<typeof bulkheadRules, keyof BulkheadChanges> = {
  maxConcurrent: bulkheadRules.maxConcurrent,
  maxQueue: bulkheadRules.maxQueue,
};
