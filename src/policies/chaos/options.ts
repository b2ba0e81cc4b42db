import { type Clock, realClock } from "../../kernel/clock.js";
import type { Duration } from "../../kernel/duration.js";
import type { OptionRules, SettingsFor } from "../../kernel/options.js";
import { callback, custom, duration, having, numberFrom, optional, text } from "../../kernel/rules.js";
import { unlike } from "../../kernel/show.js";

/** Options of a `Chaos`. */
export interface ChaosOptions<Value = unknown> {
  /** Names the policy in events. Default `"chaos"`. */
  readonly name?: string | undefined;
  /** The share of calls that get a fault. 0 to 1; default 0.1. */
  readonly rate?: number | undefined;
  /** How long a call with a fault is delayed. Default: not at all. */
  readonly latency?: Duration | undefined;
  /** What a call with a fault rejects with, or a function that returns it. Default: an `Error`, unless there is a `latency` or a `value`. */
  readonly error?: Error | (() => unknown) | undefined;
  /** What a call with a fault resolves with; the function is not called. */
  readonly value?: Value | undefined;
  /** Whether faults are injected: `true`, or a function called for each call. Default `false`. */
  readonly enabled?: boolean | (() => boolean) | undefined;
  /** Draws the faults: returns a number from 0 up to 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** The source of time and timers. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** {@link ChaosOptions} as checked; the latency in milliseconds. */
export type ChaosSettings = SettingsFor<
  ChaosOptions,
  {
    name: string;
    rate: number;
    latency: number | undefined;
    error: unknown;
    value: unknown;
    enabled: boolean | (() => unknown);
    random: (() => number) | undefined;
    clock: Pick<Clock, "now" | "setTimer">;
  }
>;

const anything = custom<unknown>({ allowed: "anything", parse: (value) => value });

export const chaosRules: OptionRules<ChaosSettings> = {
  name: text("chaos"),
  rate: numberFrom(0.1, 0, 1),
  latency: optional(duration(undefined)),
  error: anything,
  value: anything,
  enabled: custom<boolean | (() => unknown)>({
    fallback: false,
    allowed: "true, false or a function",
    parse(value, label) {
      if (typeof value === "boolean") return value;
      if (typeof value === "function") return () => Reflect.apply(value, undefined, []) as unknown;
      throw new TypeError(unlike(label, "true, false or a function", value));
    },
  }),
  random: callback<() => number>(),
  clock: having<Pick<Clock, "now" | "setTimer">>(realClock, "a clock", ["now", "setTimer"]),
};
