import type { OptionRules, SettingsFor } from "../../kernel/options.js";
import { custom, required, type Rule, text } from "../../kernel/rules.js";
import { unlike } from "../../kernel/show.js";
import type { Delivery } from "../alert.js";
import type { AlertChannel } from "../channel.js";
import { AlertDeliveryError } from "../errors.js";
import { fieldOf } from "../field-of.js";
import {
  isTransport,
  lookForNodemailer,
  type Mail,
  type MailServer,
  type MailTransport,
  sendBy,
  transportRule,
} from "./mail-server.js";
import { cut } from "../messages.js";
import { label, plainLine, plainLines } from "./markup.js";
import { anySecret, channelSettings, codeOf, readSecret, told, unlessAborted } from "./secret.js";

/** Options of {@link EmailChannel}. */
export interface EmailChannelOptions {
  /** Names the channel in results and messages. Default `"email"`. */
  readonly name?: string | undefined;
  /** A transporter of nodemailer or an object like it; or a mail server, for which nodemailer is loaded. Required. */
  readonly transport: MailTransport | MailServer;
  /** From whom, such as `"Alerts <alerts@example.com>"`. Required. */
  readonly sender: string;
  /** To whom: an address, or a list of at least one. Required. */
  readonly recipients: string | readonly string[];
  /** What subjects begin with. Default none. */
  readonly subjectPrefix?: string | undefined;
}

type EmailChannelSettings = SettingsFor<
  EmailChannelOptions,
  {
    name: string;
    transport: MailTransport | MailServer;
    sender: string;
    recipients: readonly string[];
    subjectPrefix: string | undefined;
  }
>;

/** What would end a header, or hide in it. */
const UNSAFE = /[\p{Cc}\p{Cs}\u2028\u2029]/u;

const ADDRESS = "a mail address without control characters and line breaks";

function parseAddress(value: unknown, name: string): string {
  if (typeof value === "string" && /[^@]@[^@]/.test(value) && !UNSAFE.test(value)) return value;
  throw new TypeError(unlike(name, ADDRESS, value));
}

const RECIPIENTS = "a mail address, or a list of at least one";

const recipientsRule: Rule<readonly string[]> = custom({
  allowed: RECIPIENTS,
  parse(value, name) {
    const all: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (all.length === 0) throw new TypeError(`${name} must be ${RECIPIENTS}; got an empty list.`);
    return Object.freeze(all.map((each) => parseAddress(each, name)));
  },
});

const PREFIX = "a string without control characters and line breaks";

const rules: OptionRules<EmailChannelSettings> = {
  name: text("email"),
  transport: required(transportRule),
  sender: required(custom({ allowed: ADDRESS, parse: parseAddress })),
  recipients: required(recipientsRule),
  subjectPrefix: custom({
    allowed: PREFIX,
    parse(value, name) {
      if (typeof value === "string" && !UNSAFE.test(value)) return value;
      throw new TypeError(unlike(name, PREFIX, value));
    },
  }),
};

const LONGEST_TITLE = 150;
const LONGEST_BODY = 100_000;
/** The longest identifier that is passed on. */
const LONGEST_ID = 200;

/** Codes of nodemailer for what another attempt does not change. */
const FINAL = new Set(["EENVELOPE", "EMESSAGE", "ECONFIG", "ENOAUTH", "EREQUIRETLS"]);

/**
 * Sends alerts by mail: the level and the title are the subject; the body follows as plain text, cut at 100,000 characters.
 * With a mail server instead of a transport it needs the package `nodemailer`, and makes a connection for each mail.
 *
 * `deliver` resolves to the identifier of the message if the server took it for at least one recipient, and rejects with an
 * `AlertDeliveryError`: `retryable` after an SMTP reply of 4xx and an error of the network, not after one of 5xx. Neither
 * an error nor an inspection shows the password.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, missing, of the wrong type or out of range.
 * @example
 * ```ts
 * import { EmailChannel } from "@kstlib/resilience/alerts";
 *
 * const sent: string[] = [];
 * const transport = { sendMail: async ({ subject }: { subject: string }) => ({ messageId: `m-${sent.push(subject)}` }) };
 * await using email = new EmailChannel({ transport, sender: "bot@example.com", recipients: "ops@example.com" });
 * const alert = { title: "disk almost full", body: "/var: 97 %", level: "warning", key: "disk" } as const;
 * const rest = { timestamp: new Date(), isRecovery: false, count: 1, id: "1" };
 * const signal = AbortSignal.timeout(5_000);
 * console.assert((await email.deliver({ ...alert, ...rest }, { signal })) === "m-1");
 * console.assert(sent.join() === "WARNING: disk almost full");
 * ```
 */
export class EmailChannel implements AlertChannel {
  readonly name: string;
  readonly #settings: EmailChannelSettings;
  readonly #running = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(options: EmailChannelOptions) {
    this.#settings = channelSettings("EmailChannel", rules, options);
    this.name = this.#settings.name;
    const { name, transport } = this.#settings;
    if (!isTransport(transport)) void lookForNodemailer(name);
  }

  async deliver(alert: Delivery, { signal }: { readonly signal: AbortSignal }): Promise<string | undefined> {
    if (this.#isClosed) throw new AlertDeliveryError(this.name, "it is closed", { retryable: false });
    const sending = this.#send(this.#mail(alert), signal);
    this.#running.add(sending);
    try {
      const messageId = fieldOf(await sending, "messageId");
      return typeof messageId === "string" ? cut(plainLine(messageId), LONGEST_ID) : undefined;
    } catch (error) {
      signal.throwIfAborted();
      throw this.#failure(error);
    } finally {
      this.#running.delete(sending);
    }
  }

  /** Refuses further alerts; resolves when those under way have ended. A transport that was given is not closed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#running);
  }

  /** As {@link EmailChannel.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #mail(alert: Delivery): Mail {
    const { sender, recipients, subjectPrefix = "" } = this.#settings;
    const after = alert.count > 1 ? ` × ${alert.count}` : "";
    const title = `${label(alert)}: ${cut(plainLine(alert.title), LONGEST_TITLE)}${after}`;
    const body = cut(plainLines(alert.body), LONGEST_BODY);
    const when = alert.timestamp.toJSON();
    return {
      from: sender,
      to: [...recipients],
      subject: plainLine(`${subjectPrefix} ${title}`),
      text: [title, body, when].filter(Boolean).join("\n\n"),
      messageId: `<${alert.id.replaceAll(/[^\w.-]/g, "")}@${/@([\w.-]+)/.exec(sender)?.[1] ?? "localhost"}>`,
    };
  }

  async #send(mail: Mail, signal: AbortSignal): Promise<unknown> {
    const { transport } = this.#settings;
    if (isTransport(transport)) return unlessAborted(() => transport.sendMail(mail), signal);
    const { password } = transport;
    const known =
      password === undefined
        ? undefined
        : await readSecret(this.name, { label: "password", source: password, kind: anySecret }, signal);
    return unlessAborted(() => sendBy(this.name, transport, known, mail, signal), signal);
  }

  /** An error without the words of a transport or a server, which may contain the password. */
  #failure(error: unknown): AlertDeliveryError {
    if (error instanceof AlertDeliveryError) return error;
    const status = fieldOf(error, "responseCode");
    if (typeof status === "number" && status >= 400 && status < 600) {
      const reason = `the mail server answered ${status}${told(error)}`;
      return new AlertDeliveryError(this.name, reason, { retryable: status < 500, status });
    }
    const retryable = !FINAL.has(codeOf(error) ?? "");
    return new AlertDeliveryError(this.name, `the mail could not be sent${told(error)}`, { retryable });
  }
}
