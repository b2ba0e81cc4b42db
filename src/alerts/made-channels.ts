import { messageOf } from "../kernel/message-of.js";
import type { AlertChannel } from "./channel.js";
import { ConsoleChannel } from "./channels/console-channel.js";
import { EmailChannel } from "./channels/email-channel.js";
import { SlackChannel } from "./channels/slack-channel.js";
import { WebhookChannel } from "./channels/webhook-channel.js";
import type { AlertManagerSettings, CheckedChannels, CheckedDefinition } from "./definitions.js";
import { AlertDeliveryError } from "./errors.js";
import type { MadeChannel } from "./base-manager.js";

type Source = Pick<AlertManagerSettings, "credentials" | "clock">;

/** The name of a secret, unless it may be the secret itself, which people write in its place. */
function shown(name: string, isName: RegExp): string {
  return isName.test(name) ? ` ${JSON.stringify(name)}` : "";
}

/**
 * A secret by its name. One of the environment is read now, so that a missing one shows at the start.
 *
 * @throws TypeError when the environment does not have it.
 */
function secret(
  channel: string,
  name: string,
  credentials: Source["credentials"],
): string | (() => Promise<string>) {
  if (credentials === undefined) {
    const found = process.env[name];
    if (found !== undefined && found !== "") return found;
    throw new TypeError(
      `its credentials${shown(name, /^[A-Z][A-Z\d_]*$/)} must be the name of a variable of the environment, which has none of that name.`,
    );
  }
  return async () => {
    const found = await credentials(name);
    if (typeof found === "string" && found !== "") return found;
    const named = shown(name, /^[\w./-]{1,64}$/);
    const reason = `its credentials${named} are not known to the function that finds them`;
    throw new AlertDeliveryError(channel, reason, { retryable: true });
  };
}

function made(name: string, definition: CheckedDefinition, { credentials, clock }: Source): AlertChannel {
  const { type, url, username, iconEmoji, transport, sender, recipients, subjectPrefix } = definition;
  const named = (given: string | undefined): ReturnType<typeof secret> | undefined =>
    given === undefined ? undefined : secret(name, given, credentials);
  const found = named(definition.credentials);
  switch (type) {
    case "console":
      return new ConsoleChannel({ name });
    case "webhook":
      return new WebhookChannel({
        name,
        url: url ?? named(definition.urlCredentials) ?? "",
        secret: found,
        clock,
      });
    case "email":
      return new EmailChannel({
        name,
        transport: { host: "", ...transport, password: found },
        sender: sender ?? "",
        recipients: recipients ?? [],
        subjectPrefix,
      });
    default:
      return new SlackChannel({ name, format: type, webhookUrl: found ?? "", username, iconEmoji, clock });
  }
}

function isList(channels: CheckedChannels): channels is readonly AlertChannel[] {
  return Array.isArray(channels);
}

/**
 * The channels that a new manager has.
 *
 * @throws TypeError that names the channel when one cannot be made.
 */
export function madeChannels({
  channels = [],
  ...source
}: Pick<AlertManagerSettings, "channels"> & Source): readonly MadeChannel[] {
  if (isList(channels)) return channels.map((channel) => ({ channel }));
  return Array.from(channels, ([key, definition]) => {
    const { minLevel, throttle, timeout, name = key } = definition;
    try {
      return { channel: made(name, definition, source), key, minLevel, throttle, timeout };
    } catch (error) {
      throw new TypeError(`channels.${key}: ${messageOf(error)}`, { cause: error });
    }
  });
}
