import { checkSection } from "../kernel/check-section.js";
import { currentConfiguration, pushConfiguration } from "../kernel/configured.js";
import { BaseManager } from "./base-manager.js";
import { alertManagerRules, section } from "./definitions.js";
import { madeChannels } from "./made-channels.js";
import { type AlertManagerOptions, type AlertsSection, resolveSending } from "./options.js";

/**
 * Sends alerts to channels: to all of them at once, to each in order. A channel that is slow or dead delays no other. What
 * a channel gets is limited; what is held back is counted and told with the next message, so nothing vanishes. A
 * delivery has a timeout, is tried again, obeys `Retry-After`, and pauses when a channel keeps failing.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { AlertManager } from "@kstlib/resilience/alerts";
 *
 * const told: string[] = [];
 * const channel = { name: "ops", deliver: async ({ title }: { title: string }) => void told.push(title) };
 * await using alerts = new AlertManager({ channels: [channel] });
 * const [result] = await alerts.send({ title: "the feed is silent", level: "warning", key: "feed" });
 * console.assert(result?.success === true);
 * await alerts.resolve("feed");
 * console.assert(told.join() === "the feed is silent,resolved: the feed is silent");
 * ```
 */
export class AlertManager extends BaseManager {
  constructor(options?: AlertManagerOptions) {
    const settings = resolveSending("AlertManager", alertManagerRules, options);
    super(settings, madeChannels(settings));
  }

  /**
   * A manager of what a file says, instead of the process-wide configuration: `from(config.alerts)`.
   *
   * @throws TypeError or RangeError as the constructor.
   */
  static from(config: AlertsSection, options?: AlertManagerOptions): AlertManager {
    const alerts = checkSection("alerts", section, config);
    const source = pushConfiguration({ ...currentConfiguration(), alerts });
    try {
      return new AlertManager(options);
    } finally {
      source[Symbol.dispose]();
    }
  }
}
