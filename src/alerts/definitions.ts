import { type SectionDescriptor, sectionRules } from "../kernel/descriptor.js";
import { isPlainObject } from "../kernel/plain-object.js";
import type { OptionRules, SettingsFor } from "../kernel/options.js";
import {
  allFileFields,
  callback,
  choice,
  custom,
  fileFields,
  type FileRule,
  flag,
  integer,
  optional,
  required,
  type Rule,
  text,
} from "../kernel/rules.js";
import { unlike } from "../kernel/show.js";
import { type AlertChannel, checkChannels } from "./channel.js";
import type { ChannelDefinition, ChannelDefinitions } from "./channel-definition.js";
import { howRules, maxRetriesRule, type ThrottleSettings, timeoutRule } from "./channel-rules.js";
import { nested, unlikeSecret } from "./nested.js";
import { type AlertManagerOptions, type SendingSettings, sendingRules } from "./options.js";

/** A definition, checked. */
export interface CheckedDefinition extends Omit<ChannelDefinition, "throttle" | "timeout"> {
  readonly throttle?: ThrottleSettings | false | undefined;
  /** In milliseconds. */
  readonly timeout?: number | undefined;
}

/** Checked `AlertManagerOptions`. */
export type AlertManagerSettings = SettingsFor<
  AlertManagerOptions,
  SendingSettings & {
    channels: CheckedChannels | undefined;
    credentials: AlertManagerOptions["credentials"];
  }
>;

/** What `channels` of a manager is: channels, or checked definitions by their keys. */
export type CheckedChannels = readonly AlertChannel[] | ReadonlyMap<string, CheckedDefinition>;

const ADDRESSES = "an address or a list of addresses";

const addresses: FileRule<string | readonly string[]> = {
  ...custom({
    allowed: ADDRESSES,
    parse(value, label) {
      const all: unknown[] = Array.isArray(value) ? value : [value];
      if (all.length > 0 && all.every((one) => typeof one === "string" && one !== "")) {
        return value as string | readonly string[];
      }
      throw new TypeError(unlike(label, ADDRESSES, value));
    },
  }),
  file: { kind: "either", shapes: [{ kind: "text" }, { kind: "list" }] },
};

const transportRules = {
  host: required(text(undefined)),
  port: integer(undefined, 1, 65_535),
  // Without a default, which depends on the port.
  secure: optional(flag(false)),
  user: text(undefined),
};

const TRANSPORT = "{ host, port, secure, user }";

const transport: Rule<object> = custom({
  allowed: TRANSPORT,
  file: { kind: "object", fields: fileFields(transportRules) },
  parse: (value, label) => nested(label, transportRules, value, { allowed: TRANSPORT }),
});

/** A name and not the secret itself, so that it can stand in a file. */
const nameOfSecret: Rule<string> = { ...text(undefined), allowed: "the name of a secret" };

const TYPES = ["slack", "mattermost", "discord", "webhook", "email", "console"] as const;

const typeRule = required(choice<ChannelDefinition["type"]>("console", TYPES));

const ofAll = { type: typeRule, name: text(undefined), ...howRules };
const ofChat = {
  ...ofAll,
  credentials: required(nameOfSecret),
  username: text(undefined),
  iconEmoji: text(undefined),
};

/** What a definition can have, by its type. */
const RULES: Readonly<Record<ChannelDefinition["type"], Readonly<Record<string, Rule<unknown>>>>> = {
  slack: ofChat,
  mattermost: ofChat,
  discord: ofChat,
  webhook: { ...ofAll, url: text(undefined), urlCredentials: nameOfSecret, credentials: nameOfSecret },
  email: {
    ...ofAll,
    transport: required(transport),
    credentials: nameOfSecret,
    sender: required(text(undefined)),
    recipients: required(addresses),
    subjectPrefix: text(undefined),
  },
  console: ofAll,
};

function definition(label: string, given: unknown): CheckedDefinition {
  if (!isPlainObject(given)) throw unlikeSecret(label, "a definition of a channel", given);
  const options = given as Readonly<Record<string, unknown>>;
  for (const url of ["webhookUrl", "webhook_url"]) {
    if (options[url] === undefined) continue;
    throw new TypeError(
      `${label}.${url} is a secret, which does not belong into a configuration: put it into an environment variable, and the name of that into credentials.`,
    );
  }
  const type = typeRule.parse(options["type"] ?? typeRule.fallback, `${label}.type`);
  const checked = nested(label, RULES[type], options, { owner: `${label} of type ${type}` });
  if (type === "webhook" && checked["url"] === undefined && checked["urlCredentials"] === undefined) {
    throw new TypeError(`${label} of type webhook needs url, or url_credentials.`);
  }
  return { ...checked, type };
}

const ALLOWED = "a list of channels, or definitions of channels by name";

/** The rule of `channels`. */
export const channelsRule: Rule<CheckedChannels> = custom({
  allowed: ALLOWED,
  file: {
    kind: "object",
    fields: { timeout: timeoutRule.file, maxRetries: maxRetriesRule.file },
    others: {
      kind: "object",
      fields: allFileFields({ ...RULES.slack, ...RULES.webhook, ...RULES.email }),
      byType: new Map(Object.entries(RULES).map(([type, rules]) => [type, allFileFields(rules)])),
    },
  },
  parse(value, label) {
    if (Array.isArray(value)) return checkChannels(value, label);
    if (!isPlainObject(value)) throw unlikeSecret(label, ALLOWED, value);
    const { timeout, maxRetries, ...others } = value as ChannelDefinitions;
    if (timeout !== undefined) timeoutRule.parse(timeout, `${label}.timeout`);
    if (maxRetries !== undefined) maxRetriesRule.parse(maxRetries, `${label}.maxRetries`);
    return new Map(
      Object.entries(others).map(([key, one]: [string, unknown]) => [
        key,
        definition(`${label}.${key}`, one),
      ]),
    );
  },
});

/** The rules of the options of `AlertManager`. */
export const alertManagerRules: OptionRules<AlertManagerSettings> = {
  ...sendingRules,
  channels: optional(channelsRule),
  credentials: callback<NonNullable<AlertManagerOptions["credentials"]>>(),
};

/** The section; the rules are those of the constructor. */
export const section: SectionDescriptor = { rules: sectionRules(alertManagerRules) };
