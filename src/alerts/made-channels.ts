import type { AlertChannel } from "./channel.js";
import { ConsoleChannel } from "./channels/console-channel.js";
import { EmailChannel } from "./channels/email-channel.js";
import { SlackChannel } from "./channels/slack-channel.js";
import { WebhookChannel } from "./channels/webhook-channel.js";
import { type ChannelDefinition, type CheckedDefinition, readDefinitions } from "./definitions.js";
import { AlertDeliveryError } from "./errors.js";
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
  if (credentials === undefined) {
    const found = process.env[name];
    if (found === undefined || found === "") {
      throw new TypeError(
        `the credentials ${JSON.stringify(name)} of the channel ${channel} are not in the environment.`,
      );
    }
    return found;
  }
  return async () => {
    const found = await credentials(name);
    if (typeof found === "string" && found !== "") return found;
    const reason = `its credentials ${JSON.stringify(name)} are not known to the function that finds them`;
    throw new AlertDeliveryError(channel, reason, { retryable: true });
  };
}

function made(
  definition: CheckedDefinition,
  { credentials, clock }: Pick<AlertManagerSettings, "credentials" | "clock">,
): AlertChannel {
  const { name, type, url, username, iconEmoji, transport, sender, recipients, subjectPrefix } = definition;
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

/** The channels that a new manager has. */
export function madeChannels({
  channels = [],
  ...how
}: Pick<AlertManagerSettings, "channels" | "credentials" | "clock">): readonly MadeChannel[] {
  if (Array.isArray(channels)) return (channels as readonly AlertChannel[]).map((channel) => ({ channel }));
  const { definitions } = readDefinitions(
    channels as Exclude<typeof channels, readonly AlertChannel[]>,
    "channels",
  );
  return definitions.map((definition) => ({
    channel: made(definition, how),
    minLevel: definition.minLevel,
    throttle: definition.throttle,
  }));
}
