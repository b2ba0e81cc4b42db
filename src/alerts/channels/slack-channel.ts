import type { Clock } from "../../kernel/clock.js";
import { clockRule } from "../../kernel/object-rules.js";
import type { OptionRules, SettingsFor } from "../../kernel/options.js";
import { choice, optional, required, text } from "../../kernel/rules.js";
import type { Delivery } from "../alert.js";
import type { AlertChannel } from "../channel.js";
import { cutEscaped, escapeMarkdown, escapeSlack, headline, plainLines } from "./markup.js";
import { post, webUrl } from "./post.js";
import { channelSettings, secret, readSecret, type SecretSource } from "./secret.js";

/** Whose messages an incoming webhook takes. */
export type SlackFormat = "slack" | "mattermost" | "discord";

/** Options of {@link SlackChannel}. */
export interface SlackChannelOptions {
  /** Names the channel in results and messages. Default `"slack"`. */
  readonly name?: string | undefined;
  /** The address of the incoming webhook, which is a secret: http or https; or a function that gives it. Required. */
  readonly webhookUrl: SecretSource;
  /** Default `"slack"`. */
  readonly format?: SlackFormat | undefined;
  /** The name that messages are shown under, where the service allows it. Default: that of the webhook. */
  readonly username?: string | undefined;
  /** Such as `":robot_face:"`; not for Discord. Default: that of the webhook. */
  readonly iconEmoji?: string | undefined;
  /** Source of time. Default `realClock`. */
  readonly clock?: Clock | undefined;
}

type SlackChannelSettings = SettingsFor<
  SlackChannelOptions,
  {
    name: string;
    webhookUrl: SecretSource;
    format: SlackFormat;
    username: string | undefined;
    iconEmoji: string | undefined;
    clock: Clock;
  }
>;

const rules: OptionRules<SlackChannelSettings> = {
  name: text("slack"),
  webhookUrl: required(secret(webUrl)),
  format: choice("slack", ["slack", "mattermost", "discord"]),
  username: optional(text(undefined)),
  iconEmoji: optional(text(undefined)),
  clock: clockRule,
};

const LONGEST_TITLE = 150;
const LONGEST_BODY = 3000;
const LONGEST_OF_DISCORD = 2000;

/** What Slack answers when it refuses a message; nothing else of an answer is told, as it may contain the address. */
const REFUSALS =
  /^(?:action_prohibited|channel_(?:is_archived|not_found)|invalid_(?:blocks|payload|token)|no_(?:service|service_id|team|text)|posting_to_general_channel_denied|team_disabled|user_not_found)$/;

function slackMessage(title: string, body: string): object {
  const block = (type: string, shown: string): object => ({
    type,
    text: { type: "plain_text", text: shown },
  });
  const blocks = [block("header", title), ...(body === "" ? [] : [block("section", body)])];
  return { text: escapeSlack(body === "" ? title : `${title}\n${body}`), mrkdwn: false, blocks };
}

function markdown(title: string, body: string, length: number): string {
  const head = `**${escapeMarkdown(title)}**`;
  if (body === "") return head;
  return `${head}\n${escapeMarkdown(cutEscaped(body, length - head.length - 1, escapeMarkdown))}`;
}

function message(alert: Delivery, format: SlackFormat): object {
  // Slack may count what it keeps, which is escaped also where it takes plain text.
  const counted = format === "slack" ? escapeSlack : (shown: string): string => shown;
  const title = headline(alert, LONGEST_TITLE, counted);
  const body = cutEscaped(plainLines(alert.body), LONGEST_BODY, counted);
  if (format === "slack") return slackMessage(title, body);
  if (format === "mattermost") return { text: markdown(title, body, Infinity) };
  return { content: markdown(title, body, LONGEST_OF_DISCORD), allowed_mentions: { parse: [] } };
}

/**
 * Sends alerts to an incoming webhook of Slack, or to one of Mattermost or Discord. What an alert says is shown as it is:
 * it cannot be formatted, and cannot mention anybody. The title is cut at 150 characters, the body at 3,000 (for Discord
 * all of it at 2,000).
 *
 * `deliver` rejects with an `AlertDeliveryError`. It is `retryable` after an error of the network and after the status
 * 408, 425, 429 or 5xx, with the seconds of a `Retry-After`. A redirect is not followed. Neither an error nor an
 * inspection shows the address.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, missing, of the wrong type or out of range.
 * @example
 * ```ts
 * import http from "node:http";
 * import { SlackChannel } from "@kstlib/resilience/alerts";
 *
 * const server = http.createServer((request, response) => request.resume().on("end", () => response.end("ok")));
 * await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
 * const { port } = Object(server.address());
 * const slack = new SlackChannel({ webhookUrl: () => `http://127.0.0.1:${port}/` });
 * const alert = { title: "disk almost full", body: "/var: 97 %", level: "warning", key: "disk" } as const;
 * const rest = { timestamp: new Date(), isRecovery: false, count: 1, id: "1" };
 * await slack.deliver({ ...alert, ...rest }, { signal: AbortSignal.timeout(5_000) });
 * server.close();
 * ```
 */
export class SlackChannel implements AlertChannel {
  readonly name: string;
  readonly #settings: SlackChannelSettings;

  constructor(options: SlackChannelOptions) {
    this.#settings = channelSettings("SlackChannel", rules, options);
    this.name = this.#settings.name;
  }

  async deliver(alert: Delivery, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { webhookUrl, format, username, iconEmoji, clock } = this.#settings;
    const url = await readSecret(
      this.name,
      { label: "webhookUrl", source: webhookUrl, kind: webUrl },
      signal,
    );
    const icon = format === "discord" ? {} : { icon_emoji: iconEmoji };
    const body = JSON.stringify({ ...message(alert, format), username, ...icon });
    await post({ channel: this.name, url, headers: {}, body, signal, clock }, (answer) =>
      REFUSALS.test(answer) ? `: ${answer}` : "",
    );
  }
}
