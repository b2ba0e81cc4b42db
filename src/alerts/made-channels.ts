import type { AlertChannel } from "./channel.js";
import { ConsoleChannel } from "./channels/console-channel.js";
import { EmailChannel } from "./channels/email-channel.js";
import { SlackChannel } from "./channels/slack-channel.js";
import { WebhookChannel } from "./channels/webhook-channel.js";
import { type ChannelDefinition, type CheckedDefinition, readDefinitions } from "./definitions.js";
import type { AlertManagerSettings } from "./options.js";

/** A channel and how it is added. */
export interface MadeChannel extends Pick<ChannelDefinition, "minLevel" | "throttle"> {
  readonly channel: AlertChannel;
}

type Credentials = AlertManagerSettings["credentials"];

/**
 * A secret by its name. One of the environment is read now, so that a missing one shows at the start.
 *
 * @throws TypeError when the environment does not have it.
 */
function secret(channel: string, name: string, credentials: Credentials): string | (() => Promise<string>) {
  const missing = (where: string): TypeError =>
    new TypeError(`the credentials ${JSON.stringify(name)} of the channel ${channel} are not ${where}.`);
  if (credentials === undefined) {
    const found = process.env[name];
    if (found === undefined || found === "") throw missing("in the environment");
    return found;
  }
  return async () => {
    const found = await credentials(name);
    if (typeof found !== "string" || found === "") throw missing("known to the function that finds them");
    return found;
  };
}

function made(definition: CheckedDefinition, credentials: Credentials): AlertChannel {
  const { name, type, url, username, iconEmoji, transport, sender, recipients, subjectPrefix } = definition;
  const found =
    definition.credentials === undefined ? undefined : secret(name, definition.credentials, credentials);
  switch (type) {
    case "console":
      return new ConsoleChannel({ name });
    case "webhook":
      return new WebhookChannel({ name, url: url ?? "", secret: found });
    case "email":
      return new EmailChannel({
        name,
        transport: { host: "", ...transport, password: found },
        sender: sender ?? "",
        recipients: recipients ?? [],
        subjectPrefix,
      });
    default:
      return new SlackChannel({ name, format: type, webhookUrl: found ?? "", username, iconEmoji });
  }
}

/** The channels that a new manager has. */
export function madeChannels({
  channels = [],
  credentials,
}: Pick<AlertManagerSettings, "channels" | "credentials">): readonly MadeChannel[] {
  if (Array.isArray(channels)) return (channels as readonly AlertChannel[]).map((channel) => ({ channel }));
  const { definitions } = readDefinitions(
    channels as Exclude<typeof channels, readonly AlertChannel[]>,
    "channels",
  );
  return definitions.map((definition) => ({
    channel: made(definition, credentials),
    minLevel: definition.minLevel,
    throttle: definition.throttle,
  }));
}
