import os from "node:os";
import type { Clock } from "../../kernel/clock.js";
import type { Duration } from "../../kernel/duration.js";
import { clockRule } from "../../kernel/object-rules.js";
import { type OptionRules, resolveOptions, type SettingsFor } from "../../kernel/options.js";
import { custom, duration, optional, type Rule, text } from "../../kernel/rules.js";
import { unlike } from "../../kernel/show.js";
import { type StoreClient, storeClient } from "../store/client.js";

/** Options that all who use Redis for heartbeats have. */
interface StoreOptions {
  /** A client of `redis`, `ioredis` or `iovalkey`, or of a cluster or sentinels; it stays the application's. */
  readonly client: object;
  /** Before each key. Default `"kstlib:"`. */
  readonly keyPrefix?: string | undefined;
  /** How long an answer is waited for; a number is seconds. Default 250 ms. */
  readonly storeTimeout?: Duration | undefined;
  /** Source of time; ages are measured by the server's. Default `realClock`. */
  readonly clock?: Clock | undefined;
}

/** Options of {@link RedisHeartbeatSink}. */
export interface RedisHeartbeatSinkOptions extends StoreOptions {
  /** The service that the process is an instance of: 1 to 200 characters, without `{`, `}`, `/` and white space. */
  readonly service: string;
  /**
   * The name of the process within the service, as for `service`. Two that live at once must not share it. Default the
   * host's name and the pid, such as `web-1:4711`.
   */
  readonly instance?: string | undefined;
  /**
   * How long the instance is remembered after its last beat, at least three of its intervals; a number is seconds. Of the
   * instances of a service the shortest counts. Default 1 h.
   */
  readonly expire?: Duration | undefined;
}

/** Options of {@link HeartbeatRegistry}. */
export interface HeartbeatRegistryOptions extends StoreOptions {
  /** The service whose instances are read. */
  readonly service: string;
  /** The age up to which the last beat counts as alive; a number is seconds. Default three intervals of the instance. */
  readonly maxAge?: Duration | undefined;
}

/** Options of `HeartbeatRegistry.services`. */
export type HeartbeatServicesOptions = StoreOptions;

/** Options of `HeartbeatRegistry.watch`. */
export interface HeartbeatWatchOptions {
  /** The time between two looks; changes of status are seen at once. A number is seconds. Default 1 s. */
  readonly interval?: Duration | undefined;
}

interface StoreSettings {
  client: StoreClient;
  keyPrefix: string;
  storeTimeout: number;
  clock: Clock;
}

export type SinkSettings = SettingsFor<
  RedisHeartbeatSinkOptions,
  StoreSettings & { service: string; instance: string; expire: number }
>;
export type RegistrySettings = SettingsFor<
  HeartbeatRegistryOptions,
  StoreSettings & { service: string; maxAge: number | undefined }
>;

const NAME_RULE = "1 to 200 characters without braces, slashes and white space";

/** Whether a value can be the name of a service or an instance. */
export function isInstanceName(value: unknown): value is string {
  return typeof value === "string" && /^[^{}/\s]{1,200}$/.test(value);
}

/** Names stand in keys, where braces would choose the cluster's slot, and in the paths of the command line. */
function nameRule(fallback?: string): Rule<string> {
  return custom({
    fallback,
    allowed: NAME_RULE,
    file: { kind: "text" },
    parse(value, label) {
      if (isInstanceName(value)) return value;
      const isOfType = typeof value === "string";
      throw new (isOfType ? RangeError : TypeError)(unlike(label, NAME_RULE, value));
    },
  });
}

const storeRules: OptionRules<SettingsFor<StoreOptions, StoreSettings>> = {
  client: custom({ allowed: "a client of redis, ioredis or iovalkey", parse: storeClient }),
  keyPrefix: text("kstlib:"),
  storeTimeout: duration("250ms"),
  clock: clockRule,
};

export const servicesRules: typeof storeRules = storeRules;

export const sinkRules: OptionRules<SinkSettings> = {
  ...storeRules,
  service: nameRule(),
  instance: nameRule(`${os.hostname().replaceAll(/[{}/\s]/g, "-") || "host"}:${process.pid}`),
  expire: duration("1h"),
};

export const registryRules: OptionRules<RegistrySettings> = {
  ...storeRules,
  service: nameRule(),
  maxAge: optional(duration(undefined)),
};

export const watchRules: OptionRules<SettingsFor<HeartbeatWatchOptions, { interval: number }>> = {
  interval: duration("1s"),
};

/**
 * Options as `resolveOptions` reads them, of which some must be given.
 *
 * @throws TypeError or RangeError that names the option.
 */
export function resolveRequired<Settings extends object>(
  component: string,
  rules: OptionRules<Settings>,
  given: object,
  required: readonly (keyof Settings & string)[],
): Readonly<Settings> {
  const settings = resolveOptions(component, rules, given);
  for (const key of required) {
    if (settings[key] !== undefined) continue;
    throw new TypeError(`${component} needs the option ${key}: ${rules[key].allowed}.`);
  }
  return settings;
}
