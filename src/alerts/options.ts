import type { Clock } from "../kernel/clock.js";
import { checkedLayers } from "../kernel/check-section.js";
import type { Duration } from "../kernel/duration.js";
import { type SectionDescriptor, sectionRules } from "../kernel/descriptor.js";
import { clockRule } from "../kernel/object-rules.js";
import { type OptionRules, ownOptions, resolveOptions, type SettingsFor } from "../kernel/options.js";
import {
  callback,
  choice,
  custom,
  duration,
  fileFields,
  integer,
  numberAbove,
  optional,
  type Rule,
  text,
} from "../kernel/rules.js";
import { unlike } from "../kernel/show.js";
import type { AlertLevel } from "./alert.js";
import type { AlertChannel } from "./channel.js";
import { type ChannelDefinitions, definitionsRule, readDefinitions } from "./definitions.js";
import { LEVELS } from "./messages.js";

/** How many messages a channel gets: a token bucket. */
export interface AlertThrottle {
  /** Messages in each `per`. Above 0, up to 1,000; default 10. */
  readonly rate?: number | undefined;
  /** From 1 s to 1 day; default 60 s. */
  readonly per?: Duration | undefined;
  /** How many may follow one another at once. At least 1; default 5. */
  readonly burst?: number | undefined;
}

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

/** A checked {@link AlertThrottle}; milliseconds. */
export interface ThrottleSettings {
  readonly rate: number;
  readonly per: number;
  readonly burst: number;
}

/** Checked {@link AlertManagerOptions}; durations in milliseconds. */
export type AlertManagerSettings = SettingsFor<
  AlertManagerOptions,
  {
    name: string;
    channels: readonly AlertChannel[] | ChannelDefinitions | undefined;
    preset: AlertPreset | undefined;
    minLevel: AlertLevel;
    throttle: ThrottleSettings | false;
    dedupe: number;
    group: number;
    timeout: number;
    maxRetries: number;
    maxQueue: number;
    credentials: AlertManagerOptions["credentials"];
    clock: Clock;
  }
>;

function within(rule: Rule<number> & { readonly file: object }, least: Duration, most: string): typeof rule {
  const [from, to] = [duration(undefined), duration(undefined, { long: true })];
  const [min, max] = [from.parse(least, "least"), to.parse(most, "most")];
  const allowed = `a duration from ${least} to ${most}`;
  return {
    ...rule,
    allowed,
    parse(value, label) {
      const milliseconds = rule.parse(value, label);
      if (milliseconds >= min && milliseconds <= max) return milliseconds;
      throw new RangeError(unlike(label, allowed, value));
    },
  };
}

const throttleShape = {
  rate: numberAbove(10, 0, 1000),
  per: within(duration("60s", { long: true }), "1s", "1d"),
  burst: integer(5, 1),
};

/** The rule of a throttle. */
export const throttleRule: Rule<ThrottleSettings | false> = custom<ThrottleSettings | false>({
  fallback: {},
  allowed: "{ rate, per, burst } or false",
  file: {
    kind: "either",
    shapes: [{ kind: "object", fields: fileFields(throttleShape) }, { kind: "boolean" }],
  },
  parse(value, label) {
    if (value === false) return false;
    if (typeof value !== "object" || value === null) {
      throw new TypeError(unlike(label, "{ rate, per, burst } or false", value));
    }
    const given = ownOptions(label, throttleShape, value);
    const at = (key: keyof typeof throttleShape): number => {
      const rule = throttleShape[key];
      return rule.parse(given[key] === undefined ? rule.fallback : given[key], `${label}.${key}`);
    };
    return { rate: at("rate"), per: at("per"), burst: at("burst") };
  },
});

/** The rule of a level. */
export const levelRule: Rule<AlertLevel> & { readonly file: object } = choice<AlertLevel>("info", LEVELS);

/** The rules of {@link AlertManagerOptions}. */
export const alertManagerRules: OptionRules<AlertManagerSettings> = {
  name: text("alerts"),
  channels: optional(definitionsRule),
  preset: optional(choice<AlertPreset>("prod", ["dev", "prod", "critical_only"])),
  minLevel: levelRule,
  throttle: throttleRule,
  dedupe: duration("1m", { zero: true, long: true }),
  group: duration(0, { zero: true }),
  timeout: within(duration("30s"), "1s", "2m"),
  maxRetries: integer(2, 0, 5),
  maxQueue: integer(1000, 1),
  credentials: callback<NonNullable<AlertManagerOptions["credentials"]>>(),
  clock: clockRule,
};

const PRESETS: Readonly<Record<AlertPreset, Pick<AlertManagerOptions, "minLevel" | "throttle">>> = {
  dev: { minLevel: "info", throttle: false },
  prod: { minLevel: "warning" },
  critical_only: { minLevel: "critical" },
};

/** The section; the rules are those of the constructor. */
export const section: SectionDescriptor = { rules: sectionRules(alertManagerRules) };

/** What `alerts` of a configuration may say. */
export type AlertsSection = Omit<AlertManagerOptions, "name"> & {
  readonly instances?: Readonly<Record<string, Omit<AlertManagerOptions, "name">>> | undefined;
};

/** The settings of a new manager. A preset counts before the defaults, and what is for all channels before that. */
export function resolveAlertManager(
  options: AlertManagerOptions | undefined,
  layers: readonly Readonly<Record<string, unknown>>[] = checkedLayers("alerts", section, options),
): AlertManagerSettings {
  const { channels, preset } = resolveOptions("AlertManager", alertManagerRules, options, layers);
  const ofAll: Record<string, unknown> = {};
  if (channels !== undefined && !Array.isArray(channels)) {
    const { timeout, maxRetries } = readDefinitions(channels as ChannelDefinitions, "channels");
    Object.assign(ofAll, { timeout, maxRetries });
  }
  const ofPreset = preset === undefined ? {} : PRESETS[preset];
  return resolveOptions("AlertManager", alertManagerRules, options, [ofPreset, ofAll, ...layers]);
}
