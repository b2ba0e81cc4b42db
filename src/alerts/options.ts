import type { OptionRules, SettingsFor } from "../kernel/options.js";
import { text } from "../kernel/rules.js";

/** Options of `AlertManager`. */
export interface AlertManagerOptions {
  /** Selects `instances.<name>` in the configuration, and names the manager in messages. Default `"alerts"`. */
  readonly name?: string | undefined;
}

/** Checked {@link AlertManagerOptions}. */
export type AlertManagerSettings = SettingsFor<AlertManagerOptions, { name: string }>;

/** The rules of {@link AlertManagerOptions}. */
export const alertManagerRules: OptionRules<AlertManagerSettings> = { name: text("alerts") };
