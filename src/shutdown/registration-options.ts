import type { Duration } from "../kernel/duration.js";
import type { OptionRules, SettingsFor } from "../kernel/options.js";
import { custom, duration, optional } from "../kernel/rules.js";
import { unlike } from "../kernel/show.js";

/** Options of `register` and of the other methods that register something. */
export interface ShutdownCallbackOptions {
  /** Lower runs first; any finite number. Default 100. Ties run in the order of registration. */
  readonly priority?: number | undefined;
  /** The callback's own limit, above 0. Default: the remaining time; for all but callbacks see `reserve`. */
  readonly timeout?: Duration | undefined;
}

/** The checked options of a callback; times in milliseconds. */
export type ShutdownCallbackSettings = SettingsFor<
  ShutdownCallbackOptions,
  { priority: number; timeout: number | undefined }
>;

/** The allowed values of each option of `register`. */
export const callbackRules: OptionRules<ShutdownCallbackSettings> = {
  priority: custom({
    fallback: 100,
    allowed: "a finite number",
    parse(value, label) {
      if (typeof value === "number" && Number.isFinite(value)) return value;
      throw new (typeof value === "number" ? RangeError : TypeError)(unlike(label, "a finite number", value));
    },
  }),
  timeout: optional(duration(undefined)),
};

/** Options of `registerServer`. */
export interface ShutdownServerOptions extends ShutdownCallbackOptions {
  /**
   * How long an HTTP connection without a request stays open, so that a request that is on its way is still answered,
   * with `Connection: close`. 0 or more, limited to a quarter of the server's time. Default 0.5 s.
   */
  readonly idleGrace?: Duration | undefined;
}

/** The checked options of a server; times in milliseconds. */
export type ShutdownServerSettings = SettingsFor<
  ShutdownServerOptions,
  { priority: number; timeout: number | undefined; idleGrace: number }
>;

/** The allowed values of each option of `registerServer`. */
export const serverRules: OptionRules<ShutdownServerSettings> = {
  ...callbackRules,
  idleGrace: duration(0.5, { zero: true }),
};
