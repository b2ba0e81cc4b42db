import { type Clock, monotonicClock } from "../../kernel/clock.js";
import type { ExecutionContext } from "../../kernel/context.js";
import type { Duration } from "../../kernel/duration.js";
import { ownOptions, type OptionRules, type SettingsFor } from "../../kernel/options.js";
import type { Outcome } from "../../kernel/outcome.js";
import { callback, custom, duration, having, integer, type Rule, text } from "../../kernel/rules.js";
import { unlike } from "../../kernel/show.js";

/** How long, and for which calls, the last good result replaces a failure. */
export interface LastGoodOptions {
  /** A result older than this is not used. Required. */
  readonly maxAge: Duration;
  /** How many results are kept at most, one for each key; then the oldest is dropped. At least 1; default 1,000. */
  readonly maxKeys?: number | undefined;
  /**
   * The key of a call, from its arguments. Default: the arguments themselves, which must not be objects then; neither the
   * function nor its `this`. The arguments of `call` and of wrapped functions are known; pass a `key` to `execute`, or its calls have none. When it
   * throws or returns no string, the call has no last good result and a warning reports it.
   */
  readonly key?: ((...args: never[]) => string) | undefined;
}

/** Options of a `Fallback`; `to` or `lastGood` is required. */
export interface FallbackOptions<Value = unknown> {
  /** Names the policy in events and selects `instances.<name>` of the configuration. Default `"fallback"`. */
  readonly name?: string | undefined;
  /**
   * What a call that fails resolves with: a value, or a function that returns one or a promise of it. The function also
   * gets the arguments of `call` and of wrapped functions, or the `key` of `execute`. What it throws is thrown, with the
   * first error as its `cause`.
   */
  readonly to?:
    | Value
    | ((outcome: Outcome, context: ExecutionContext, ...args: never[]) => Value | PromiseLike<Value>)
    | undefined;
  /**
   * Whether an outcome is replaced, returned values included. Default: every rejection but the caller's abort. When it
   * throws, the outcome is not replaced and a warning reports it.
   */
  readonly handleIf?: ((outcome: Outcome) => boolean) | undefined;
  /** Answers with the last good result, before `to`. Default: no. */
  readonly lastGood?: LastGoodOptions | undefined;
  /** The source of time. Default: the system's. */
  readonly clock?: Pick<Clock, "now"> | undefined;
}

/** Checked {@link LastGoodOptions}; the age in milliseconds. */
export interface LastGoodSettings {
  readonly maxAge: number;
  readonly maxKeys: number;
  readonly key: ((...args: readonly unknown[]) => unknown) | undefined;
}

/** {@link FallbackOptions} as checked. */
export type FallbackSettings = SettingsFor<
  FallbackOptions,
  {
    name: string;
    to: unknown;
    handleIf: ((outcome: Outcome) => unknown) | undefined;
    lastGood: LastGoodSettings | undefined;
    clock: Pick<Clock, "now">;
  }
>;

const ages = { maxAge: duration(undefined, { long: true }), maxKeys: integer(1000, 1), key: callback() };

const lastGood: Rule<LastGoodSettings | undefined> = custom({
  allowed: "{ maxAge, maxKeys, key }",
  file: { kind: "object", fields: { maxAge: ages.maxAge.file, maxKeys: ages.maxKeys.file } },
  parse(value, label) {
    if (typeof value !== "object" || value === null)
      throw new TypeError(unlike(label, lastGood.allowed, value));
    const { maxAge, maxKeys = ages.maxKeys.fallback, key } = ownOptions(label, ages, value);
    return {
      maxAge: ages.maxAge.parse(maxAge, `${label}.maxAge`),
      maxKeys: ages.maxKeys.parse(maxKeys, `${label}.maxKeys`),
      key: key === undefined ? undefined : (ages.key.parse(key, `${label}.key`) as LastGoodSettings["key"]),
    };
  },
});

export const fallbackRules: OptionRules<FallbackSettings> = {
  name: text("fallback"),
  to: custom<unknown>({ allowed: "a value or a function", file: { kind: "any" }, parse: (value) => value }),
  handleIf: callback<(outcome: Outcome) => unknown>(),
  lastGood,
  clock: having<Pick<Clock, "now">>(monotonicClock, "a clock", ["now"]),
};

/** Throws a TypeError when neither `to` nor `lastGood` is given. */
export function checkFallback({
  to,
  lastGood: kept,
}: {
  readonly to?: unknown;
  readonly lastGood?: unknown;
}): void {
  if (to === undefined && kept === undefined) {
    throw new TypeError(
      "a fallback needs one of the options to and lastGood; got neither. Use to: null to answer with null.",
    );
  }
}
