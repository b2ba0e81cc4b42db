import type { OptionRules, SettingsFor } from "../kernel/options.js";
import { text } from "../kernel/rules.js";

/** Options of `WebSocketManager`. */
export interface WebSocketManagerOptions {
  /** Selects `instances.<name>` in the configuration, and names the connection in messages. Default `"websocket"`. */
  readonly name?: string | undefined;
}

/** Checked {@link WebSocketManagerOptions}. */
export type WebSocketManagerSettings = SettingsFor<WebSocketManagerOptions, { name: string }>;

/** The rules of {@link WebSocketManagerOptions}. */
export const webSocketManagerRules: OptionRules<WebSocketManagerSettings> = { name: text("websocket") };
