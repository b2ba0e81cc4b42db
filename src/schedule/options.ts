import type { OptionRules, SettingsFor } from "../kernel/options.js";
import { text } from "../kernel/rules.js";

/** Options of `TimeTrigger`. */
export interface TimeTriggerOptions {
  /** Selects `instances.<name>` in the configuration, and names the trigger in messages. Default `"schedule"`. */
  readonly name?: string | undefined;
}

/** Checked {@link TimeTriggerOptions}. */
export type TimeTriggerSettings = SettingsFor<TimeTriggerOptions, { name: string }>;

/** The rules of {@link TimeTriggerOptions}. */
export const timeTriggerRules: OptionRules<TimeTriggerSettings> = { name: text("schedule") };
