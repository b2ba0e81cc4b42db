import type { OptionRules, SettingsFor } from "../../kernel/options.js";
import { callback, text } from "../../kernel/rules.js";

/** Options of a `SingleFlight`. */
export interface SingleFlightOptions {
  /** Names the policy in events. Default `"single-flight"`. */
  readonly name?: string | undefined;
  /**
   * The key of a call, from its arguments. Default: the arguments themselves, which must not be objects then; neither the
   * function nor its `this`. The arguments of `call` and of wrapped functions are known; pass a `key` to `execute`, or its calls have none. A call
   * rejects when this throws or returns no string.
   */
  readonly key?: ((...args: never[]) => string) | undefined;
}

/** {@link SingleFlightOptions} as checked. */
export type SingleFlightSettings = SettingsFor<
  SingleFlightOptions,
  { name: string; key: ((...args: readonly unknown[]) => unknown) | undefined }
>;

export const singleFlightRules: OptionRules<SingleFlightSettings> = {
  name: text("single-flight"),
  key: callback<(...args: readonly unknown[]) => unknown>(),
};
