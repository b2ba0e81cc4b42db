import type { Duration } from "../kernel/duration.js";
import { ownOptions } from "../kernel/options.js";
import { isPlainObject } from "../kernel/plain-object.js";
import { choice, custom, duration, flag, integer, type Rule, text } from "../kernel/rules.js";
import { unlike } from "../kernel/show.js";
import type { AlertLevel } from "./alert.js";
import type { AlertChannel } from "./channel.js";
import { LEVELS } from "./messages.js";

/** A channel as a file defines it; keys in snake_case or camelCase. Secrets stand in it by name only. */
export interface ChannelDefinition {
  readonly type: "slack" | "mattermost" | "discord" | "webhook" | "email" | "console";
  /**
   * The name of the secret: the address of the incoming webhook, the password of the mail server, or the secret that
   * signs what a `webhook` sends.
   */
  readonly credentials?: string | undefined;
  /** The lowest level that this channel gets. Default: that of the manager. */
  readonly minLevel?: AlertLevel | undefined;
  /** Its throttle. Default: as that of the manager. */
  readonly throttle?:
    | { readonly rate?: number; readonly per?: Duration; readonly burst?: number }
    | false
    | undefined;
  /** The address of a `webhook`. */
  readonly url?: string | undefined;
  /** The name of the address of a `webhook`, where that is a secret. */
  readonly urlCredentials?: string | undefined;
  /** The name that the messages of Slack, Mattermost or Discord have. */
  readonly username?: string | undefined;
  readonly iconEmoji?: string | undefined;
  /** The mail server. */
  readonly transport?:
    | { readonly host: string; readonly port?: number; readonly secure?: boolean; readonly user?: string }
    | undefined;
  readonly sender?: string | undefined;
  readonly recipients?: string | readonly string[] | undefined;
  readonly subjectPrefix?: string | undefined;
}

/** Channels by their names, and what counts for all of them. */
export type ChannelDefinitions = {
  readonly timeout?: Duration;
  readonly max_retries?: number;
  readonly maxRetries?: number;
} & { readonly [name: string]: ChannelDefinition | Duration | number | undefined };

const TYPES = ["slack", "mattermost", "discord", "webhook", "email", "console"] as const;

const addresses: Rule<string | readonly string[]> = custom({
  allowed: "an address or a list of addresses",
  parse(value, label) {
    const all: unknown[] = Array.isArray(value) ? value : [value];
    if (all.length > 0 && all.every((one) => typeof one === "string" && one !== "")) {
      return value as string | readonly string[];
    }
    throw new TypeError(unlike(label, "an address or a list of addresses", value));
  },
});

const transportRules = {
  host: text(undefined),
  port: integer(undefined, 1, 65_535),
  secure: flag(false),
  user: text(undefined),
};

const transport: Rule<object> = custom({
  allowed: "{ host, port, secure, user }",
  parse(value, label) {
    const own = checked(label, transportRules, value);
    if (own["host"] !== undefined) return own;
    throw new TypeError(unlike(`${label}.host`, "the name of the mail server", own["host"]));
  },
});

const anything: Rule<unknown> = custom({ allowed: "a throttle", parse: (value) => value });

const rules = {
  type: choice<ChannelDefinition["type"]>("console", TYPES),
  credentials: text(undefined),
  minLevel: choice<AlertLevel>("info", LEVELS),
  throttle: anything,
  url: text(undefined),
  urlCredentials: text(undefined),
  username: text(undefined),
  iconEmoji: text(undefined),
  transport,
  sender: text(undefined),
  recipients: addresses,
  subjectPrefix: text(undefined),
};

const camelCase = (key: string): string =>
  key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** Options in camelCase, each by its rule. */
function checked(
  label: string,
  known: Readonly<Record<string, Rule<unknown>>>,
  given: unknown,
): Readonly<Record<string, unknown>> {
  if (!isPlainObject(given)) throw new TypeError(unlike(label, "an object of options", given));
  const own = ownOptions(
    label,
    known,
    Object.fromEntries(Object.entries(given).map(([key, value]) => [camelCase(key), value])),
  );
  return Object.fromEntries(
    Object.entries(own).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, known[key]?.parse(value, `${label}.${key}`)]],
    ),
  );
}

/** What each type of channel cannot do without. */
const NEEDED: Readonly<Record<ChannelDefinition["type"], readonly string[]>> = {
  slack: ["credentials"],
  mattermost: ["credentials"],
  discord: ["credentials"],
  webhook: [],
  email: ["transport", "sender", "recipients"],
  console: [],
};

/** A definition, checked. */
export type CheckedDefinition = ChannelDefinition & { readonly name: string };

/** Channels as `channels` of a manager may have them; what counts for all of them apart. */
export interface CheckedDefinitions {
  readonly definitions: readonly CheckedDefinition[];
  readonly timeout: unknown;
  readonly maxRetries: unknown;
}

function definition(label: string, name: string, given: unknown): CheckedDefinition {
  const url = Object(given) as { readonly webhook_url?: unknown; readonly webhookUrl?: unknown };
  if (url.webhook_url !== undefined || url.webhookUrl !== undefined) {
    throw new TypeError(
      `${label}.webhook_url is a secret, which does not belong into a configuration: put it into an environment variable, and the name of that into credentials.`,
    );
  }
  const own = checked(label, rules, given);
  const type = own["type"] as ChannelDefinition["type"] | undefined;
  if (type === undefined) throw new TypeError(unlike(`${label}.type`, `one of ${TYPES.join(", ")}`, type));
  for (const needed of NEEDED[type]) {
    if (own[needed] === undefined) throw new TypeError(`${label} of type ${type} needs ${needed}.`);
  }
  if (type === "webhook" && own["url"] === undefined && own["urlCredentials"] === undefined) {
    throw new TypeError(`${label} of type webhook needs url, or url_credentials.`);
  }
  return { ...own, type, name };
}

/** Definitions of channels, checked. */
export function readDefinitions(given: ChannelDefinitions, label: string): CheckedDefinitions {
  const { timeout, max_retries, maxRetries = max_retries, ...others } = given;
  const definitions = Object.entries(others).map(([name, one]) => definition(`${label}.${name}`, name, one));
  return { definitions, timeout, maxRetries };
}

function isChannel(value: unknown): value is AlertChannel {
  const { name, deliver } = Object(value) as Partial<AlertChannel>;
  return typeof name === "string" && name !== "" && typeof deliver === "function";
}

/** Throws unless it is a channel. */
export function checkChannel(value: unknown, label: string): asserts value is AlertChannel {
  if (!isChannel(value)) throw new TypeError(unlike(label, "a channel with name and deliver", value));
}

const ALLOWED = "a list of channels, or definitions of channels by name";

/** The rule of `channels`. */
export const definitionsRule: Rule<readonly AlertChannel[] | ChannelDefinitions> = custom({
  allowed: ALLOWED,
  file: { kind: "record" },
  parse(value, label) {
    if (Array.isArray(value)) {
      for (const [index, one] of value.entries()) checkChannel(one, `${label}[${index}]`);
      return value as readonly AlertChannel[];
    }
    if (!isPlainObject(value)) throw new TypeError(unlike(label, ALLOWED, value));
    const { timeout, maxRetries } = readDefinitions(value as ChannelDefinitions, label);
    if (timeout !== undefined) duration(undefined).parse(timeout, `${label}.timeout`);
    if (maxRetries !== undefined) integer(undefined, 0, 5).parse(maxRetries, `${label}.max_retries`);
    return value as ChannelDefinitions;
  },
});
