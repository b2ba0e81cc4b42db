import type { OptionRules } from "../../kernel/options.js";
import { custom, flag, integer, optional, required, type Rule, text } from "../../kernel/rules.js";
import { warn } from "../../kernel/warning.js";
import { AlertDeliveryError } from "../errors.js";
import { fieldOf } from "../field-of.js";
import { nested } from "../nested.js";
import { anySecret, secret, type SecretSource, told } from "./secret.js";

/** A mail as {@link MailTransport} gets it. */
export interface Mail {
  from: string;
  to: string[];
  subject: string;
  text: string;
  /** The same for every attempt, so that a mail that arrives twice is seen to be one. */
  messageId: string;
}

/** What sends a mail: a transporter of nodemailer, or an object of your own. */
export interface MailTransport {
  /** Sends it; what the result has as `messageId` is its identifier. */
  sendMail(mail: Mail): Promise<unknown>;
}

/** A mail server, for which `EmailChannel` makes a transport by nodemailer. */
export interface MailServer {
  /** Its name or address. Required. */
  readonly host: string;
  /** Default 465 if `secure`, else 587. */
  readonly port?: number | undefined;
  /** Whether TLS begins with the connection; otherwise with STARTTLS, if the server has it. Default: `port` is 465. */
  readonly secure?: boolean | undefined;
  /** Default: no login. */
  readonly user?: string | undefined;
  /** The password of `user`, or a function that gives it. */
  readonly password?: SecretSource | undefined;
}

const serverRules: OptionRules<MailServer> = {
  host: required(text(undefined)),
  port: optional(integer(undefined, 1, 65_535)),
  secure: optional(flag(false)),
  user: optional(text(undefined)),
  password: optional(secret(anySecret)),
};

const TRANSPORT = "an object with sendMail, or { host, port, secure, user, password }";

/** Whether it is a transport rather than a server. */
export function isTransport(value: unknown): value is MailTransport {
  return typeof fieldOf(value, "sendMail") === "function";
}

function parseServer(value: unknown, label: string): MailServer {
  const server = nested<MailServer>(label, serverRules, value, { allowed: TRANSPORT });
  const { user, password } = server;
  if ((user === undefined) !== (password === undefined)) {
    throw new TypeError(`${label} must have both user and password, or neither.`);
  }
  return server;
}

/** The option `transport`; no error shows a value, as people write addresses with passwords here. */
export const transportRule: Rule<MailTransport | MailServer> = custom({
  allowed: TRANSPORT,
  parse(value, label) {
    return isTransport(value) ? value : parseServer(value, label);
  },
});

/** In a constant and not in the `import`, so that a bundler does not look for a package that need not be there. */
const NODEMAILER: string = "nodemailer";

interface Nodemailer {
  createTransport(options: object): { sendMail(mail: object): Promise<unknown>; close(): void };
}

async function loadNodemailer(): Promise<Nodemailer> {
  const loaded: unknown = await import(/* webpackIgnore: true */ NODEMAILER);
  const { default: whole = loaded } = loaded as { readonly default?: unknown };
  return whole as Nodemailer;
}

const missing = (error: unknown): string =>
  `nodemailer cannot be loaded${told(error)}: npm install nodemailer, or give a transport`;

/** Warns if nodemailer is not installed: at the start, and not when the first alert is lost. */
export async function lookForNodemailer(channel: string): Promise<void> {
  try {
    await loadNodemailer();
  } catch (error) {
    warn("KSTLIB_ALERTS_NO_MAIL", `the channel ${channel} cannot send alerts: ${missing(error)}`);
  }
}

/** In milliseconds. The signal ends a delivery sooner; this is for versions of nodemailer that do not know it. */
const TIMEOUTS = { connectionTimeout: 30_000, greetingTimeout: 30_000, socketTimeout: 60_000 };

/**
 * Sends a mail by a connection of its own.
 *
 * @throws AlertDeliveryError if nodemailer is not installed.
 */
export async function sendBy(
  channel: string,
  { host, port, secure = port === 465, user }: MailServer,
  password: string | undefined,
  mail: Mail,
  signal: AbortSignal,
): Promise<unknown> {
  const nodemailer = await loadNodemailer().catch((error: unknown) => {
    throw new AlertDeliveryError(channel, missing(error), { retryable: false });
  });
  const auth = user === undefined ? {} : { auth: { user, pass: password } };
  const access = { disableFileAccess: true, disableUrlAccess: true };
  const transport = nodemailer.createTransport({ host, port, secure, ...auth, ...access, ...TIMEOUTS });
  try {
    return await transport.sendMail({ ...mail, signal });
  } finally {
    transport.close();
  }
}
