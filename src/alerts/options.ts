import type { Clock } from "../kernel/clock.js";
import { checkedLayers } from "../kernel/check-section.js";
import { type SectionRules, sectionRules } from "../kernel/descriptor.js";
import type { Duration } from "../kernel/duration.js";
import { clockRule } from "../kernel/object-rules.js";
import { type OptionRules, ownOptions, resolveOptions, type SettingsFor } from "../kernel/options.js";
import { choice, duration, integer, optional, text } from "../kernel/rules.js";
import type { AlertLevel } from "./alert.js";
import type { AlertChannel } from "./channel.js";
import {
  levelRule,
  maxRetriesRule,
  throttleRule,
  type ThrottleSettings,
  timeoutRule,
} from "./channel-rules.js";
import type { ChannelDefinitions } from "./channel-definition.js";
import type { AlertThrottle } from "./throttle.js";

/** Defaults for a kind of use; single options count before them. */
export type AlertPreset = "dev" | "prod" | "critical_only";

/** Options of an `AlertManager`. Missing ones come from `alerts` in the configuration, then from the defaults. */
export interface AlertManagerOptions {
  /** Selects `instances.<name>` in the configuration, and names the manager in messages. Default `"alerts"`. */
  readonly name?: string | undefined;
  /**
   * Where alerts go: channels, or definitions of channels by their names, as a file has them. Default none; see
   * `addChannel`.
   */
  readonly channels?: readonly AlertChannel[] | ChannelDefinitions | undefined;
  /**
   * `"dev"`: all levels, no throttle. `"prod"`: from `"warning"` on. `"critical_only"`: `"critical"` alone. Default none.
   */
  readonly preset?: AlertPreset | undefined;
  /** The lowest level that channels get, unless `addChannel` says otherwise. Default `"info"`. */
  readonly minLevel?: AlertLevel | undefined;
  /** How many messages each channel gets; `false`: as many as there are. What is held back is counted in the next. */
  readonly throttle?: AlertThrottle | false | undefined;
  /**
   * How long alerts with the same key and level, or without a key the same text, are one; their number is told
   * afterwards. 0: none are. Default 1 min.
   */
  readonly dedupe?: Duration | undefined;
  /** How long alerts are collected to become one message. Default 0: each is a message of its own. */
  readonly group?: Duration | undefined;
  /** How long one attempt to deliver may take. From 1 s to 2 min; default 30 s. */
  readonly timeout?: Duration | undefined;
  /** How often a delivery is tried again. From 0 to 5; default 2. */
  readonly maxRetries?: number | undefined;
  /** How many messages may wait for a channel, and how many keys are remembered. At least 1; default 1,000. */
  readonly maxQueue?: number | undefined;
  /**
   * Finds a secret by the name that a definition has as `credentials`. Default: the environment variable of that name.
   */
  readonly credentials?: ((name: string) => string | undefined | Promise<string | undefined>) | undefined;
  /** The source of time. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** Options of an `AlertSender`: its channels are given in code. */
export interface AlertSenderOptions extends Omit<AlertManagerOptions, "channels" | "credentials"> {
  /** Where alerts go. Default none; see `addChannel`. */
  readonly channels?: readonly AlertChannel[] | undefined;
}

/** Checked {@link AlertSenderOptions}; durations in milliseconds. */
export type AlertSenderSettings = SettingsFor<
  AlertSenderOptions,
  {
    name: string;
    channels: readonly AlertChannel[] | undefined;
    preset: AlertPreset | undefined;
    minLevel: AlertLevel;
    throttle: ThrottleSettings | false;
    dedupe: number;
    group: number;
    timeout: number;
    maxRetries: number;
    maxQueue: number;
    clock: Clock;
  }
>;

/** What sending alerts needs of its settings. */
export type SendingSettings = Omit<AlertSenderSettings, "channels">;

const PRESETS: Readonly<Record<AlertPreset, Pick<AlertManagerOptions, "minLevel" | "throttle">>> = {
  dev: { minLevel: "info", throttle: false },
  prod: { minLevel: "warning" },
  critical_only: { minLevel: "critical" },
};

const presets = Object.keys(PRESETS) as AlertPreset[];

/** The rules of all options but `channels`. */
export const sendingRules: OptionRules<SendingSettings> = {
  name: text("alerts"),
  preset: optional(choice<AlertPreset>("prod", presets)),
  minLevel: levelRule,
  throttle: throttleRule,
  dedupe: duration("1m", { zero: true, long: true }),
  group: duration(0, { zero: true }),
  timeout: timeoutRule,
  maxRetries: maxRetriesRule,
  maxQueue: integer(1000, 1),
  clock: clockRule,
};

/** What `alerts` of a configuration may say. */
export type AlertsSection = Omit<AlertManagerOptions, "name"> & {
  readonly instances?: Readonly<Record<string, Omit<AlertManagerOptions, "name">>> | undefined;
};

/**
 * The settings of a component that sends alerts. A preset counts before the defaults, and what definitions say of all
 * channels before that.
 *
 * @param known the rules of the section, where it can have more than the component.
 */
export function resolveSending<Settings extends SendingSettings>(
  component: string,
  rules: OptionRules<Settings>,
  options: object | undefined,
  known: SectionRules = rules,
): Readonly<Settings> {
  const own = ownOptions(component, rules, options === undefined ? {} : options);
  const layers = checkedLayers("alerts", { rules: sectionRules(known) }, own);
  const last = (key: string): unknown =>
    [...layers, own].findLast((layer) => layer[key] !== undefined)?.[key];
  const preset = presets.find((one) => one === last("preset"));
  const { timeout, maxRetries } = Object(last("channels")) as Readonly<Record<string, unknown>>;
  const byDefault = preset === undefined ? {} : PRESETS[preset];
  return resolveOptions(component, rules, own, [byDefault, { timeout, maxRetries }, ...layers]);
}
