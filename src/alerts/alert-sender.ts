import { callback, custom, type Rule } from "../kernel/rules.js";
import { BaseManager } from "./base-manager.js";
import { type AlertChannel, checkChannels } from "./channel.js";
import { unlikeSecret } from "./nested.js";
import {
  type AlertSenderOptions,
  type AlertSenderSettings,
  resolveSending,
  sendingRules,
} from "./options.js";
import type { OptionRules } from "../kernel/options.js";

const CHANNELS = "a list of channels; an AlertManager can also have definitions of channels, as in a file";

const channelsRule: Rule<readonly AlertChannel[]> = custom({
  fallback: [],
  allowed: CHANNELS,
  parse(value, label) {
    if (Array.isArray(value)) return checkChannels(value, label);
    throw unlikeSecret(label, CHANNELS, value);
  },
});

const rules: OptionRules<AlertSenderSettings> = { ...sendingRules, channels: channelsRule };

/** What the section of the configuration can have for an `AlertManager` is no mistake there. */
const known = {
  ...rules,
  channels: custom({ allowed: "", parse: (value) => value }),
  credentials: callback(),
};

/**
 * An `AlertManager` whose channels are given in code: a bundle of it contains no other channels, and nothing that reads
 * definitions.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range, or when the
 *   configuration defines channels.
 * @example
 * ```ts
 * import { AlertSender, ConsoleChannel } from "@kstlib/resilience/alerts";
 *
 * await using alerts = new AlertSender({ channels: [new ConsoleChannel()] });
 * await alerts.send({ title: "the feed is silent", level: "warning", key: "feed" });
 * ```
 */
export class AlertSender extends BaseManager {
  constructor(options?: AlertSenderOptions) {
    const settings = resolveSending("AlertSender", rules, options, known);
    super(
      settings,
      (settings.channels ?? []).map((channel) => ({ channel })),
    );
  }
}
