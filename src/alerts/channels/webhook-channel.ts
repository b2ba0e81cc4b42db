import type { Clock } from "../../kernel/clock.js";
import { clockRule } from "../../kernel/object-rules.js";
import type { OptionRules, SettingsFor } from "../../kernel/options.js";
import { isPlainObject } from "../../kernel/plain-object.js";
import { custom, optional, required, type Rule, text } from "../../kernel/rules.js";
import type { Delivery } from "../alert.js";
import type { AlertChannel } from "../channel.js";
import { kindOf, unlikeSecret } from "../nested.js";
import { post, webUrl } from "./post.js";
import { anySecret, channelSettings, secret, readSecret, type SecretSource } from "./secret.js";

/** Options of {@link WebhookChannel}. */
export interface WebhookChannelOptions {
  /** Names the channel in results and messages. Default `"webhook"`. */
  readonly name?: string | undefined;
  /** Where to post, which may be a secret: http or https; or a function that gives it. Required. */
  readonly url: SecretSource;
  /** The key of the signature, or a function that gives it. Default: not signed. */
  readonly secret?: SecretSource | undefined;
  /** More headers, such as `authorization`; those of the channel itself cannot be replaced. Default none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Source of time. Default `realClock`. */
  readonly clock?: Clock | undefined;
}

type WebhookChannelSettings = SettingsFor<
  WebhookChannelOptions,
  {
    name: string;
    url: SecretSource;
    secret: SecretSource | undefined;
    headers: Readonly<Record<string, string>>;
    clock: Clock;
  }
>;

const HEADERS = "an object of HTTP headers, each a string";

const headersRule: Rule<Readonly<Record<string, string>>> = custom({
  fallback: {},
  allowed: HEADERS,
  parse(value, label) {
    if (!isPlainObject(value)) throw unlikeSecret(label, HEADERS, value);
    const headers = Object.entries(value).map(([header, content]: [string, unknown]) => {
      if (typeof content !== "string") {
        throw new TypeError(`${label} must be ${HEADERS}; one of them is ${kindOf(content)}.`);
      }
      return [header, content] as const;
    });
    try {
      return Object.freeze(Object.fromEntries(new Headers(Object.fromEntries(headers))));
    } catch {
      // What the platform says of them contains them.
      throw new TypeError(
        `${label} must be ${HEADERS}; one of them has a character that no header can have.`,
      );
    }
  },
});

const rules: OptionRules<WebhookChannelSettings> = {
  name: text("webhook"),
  url: required(secret(webUrl)),
  secret: optional(secret(anySecret)),
  headers: headersRule,
  clock: clockRule,
};

/** The HMAC-SHA256 of a text, in hexadecimal. */
async function hmac(key: string, signed: string): Promise<string> {
  const encoder = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", encoder.encode(key), algorithm, false, ["sign"]);
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", imported, encoder.encode(signed)));
  return Array.from(signature, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The `id` of a JSON answer, unless it tells a secret. */
function idOf(answer: string, secrets: readonly string[]): string | undefined {
  try {
    const { id } = Object(JSON.parse(answer)) as { readonly id?: unknown };
    const found = typeof id === "number" ? String(id) : id;
    if (typeof found !== "string" || !/^[\w.:=+/-]{1,200}$/.test(found)) return undefined;
    const isTold = secrets.some((each) => found.includes(each) || (found.length > 7 && each.includes(found)));
    return isTold ? undefined : found;
  } catch {
    // No JSON: the answer has no identifier.
    return undefined;
  }
}

/** What in an address or a header may be a secret by itself. */
function partsOf(told: string): readonly string[] {
  return told.split(/[\s/?&=#]/).filter((part) => part.length > 7);
}

/**
 * Posts alerts as JSON: `{ id, title, body, level, key, timestamp, isRecovery, count }`, with `Idempotency-Key` the same
 * for every attempt. With a `secret` it adds `X-Signature: t=<seconds since 1970>,v1=<hexadecimal HMAC-SHA256 of
 * "<t>.<body>">`; a receiver checks it before it reads the body, and refuses a `t` that is too old.
 *
 * `deliver` resolves to the `id` of a JSON answer, if there is one, and rejects with an `AlertDeliveryError`. It is
 * `retryable` after an error of the network and after the status 408, 425, 429 or 5xx, with the seconds of a
 * `Retry-After`. A redirect is not followed. Neither an error nor an inspection shows the address, the secret or a header.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, missing, of the wrong type or out of range.
 * @example
 * ```ts
 * import http from "node:http";
 * import { WebhookChannel } from "@kstlib/resilience/alerts";
 *
 * const server = http.createServer((request, response) => {
 *   console.assert(String(request.headers["x-signature"]).startsWith("t="));
 *   request.resume().on("end", () => response.end(JSON.stringify({ id: "m-1" })));
 * });
 * await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
 * const { port } = Object(server.address());
 * const webhook = new WebhookChannel({ url: `http://127.0.0.1:${port}/alerts`, secret: "of both sides" });
 * const alert = { title: "disk almost full", body: "/var: 97 %", level: "warning", key: "disk" } as const;
 * const rest = { timestamp: new Date(), isRecovery: false, count: 1, id: "1" };
 * const signal = AbortSignal.timeout(5_000);
 * console.assert((await webhook.deliver({ ...alert, ...rest }, { signal })) === "m-1");
 * server.close();
 * ```
 */
export class WebhookChannel implements AlertChannel {
  readonly name: string;
  readonly #settings: WebhookChannelSettings;

  constructor(options: WebhookChannelOptions) {
    this.#settings = channelSettings("WebhookChannel", rules, options);
    this.name = this.#settings.name;
  }

  async deliver(alert: Delivery, { signal }: { readonly signal: AbortSignal }): Promise<string | undefined> {
    const { url: address, secret: key, headers: more, clock } = this.#settings;
    const url = await readSecret(this.name, { label: "url", source: address, kind: webUrl }, signal);
    const { id, title, body: lines, level, key: problem, timestamp, isRecovery, count } = alert;
    const body = JSON.stringify({
      id,
      title,
      body: lines,
      level,
      key: problem,
      timestamp,
      isRecovery,
      count,
    });
    const headers: Record<string, string> = { ...more, "idempotency-key": id };
    const secrets = [url, ...Object.values(more)].flatMap(partsOf);
    if (key !== undefined) {
      const known = await readSecret(this.name, { label: "secret", source: key, kind: anySecret }, signal);
      const seconds = Math.floor(clock.wallNow() / 1000);
      headers["x-signature"] = `t=${seconds},v1=${await hmac(known, `${seconds}.${body}`)}`;
      secrets.push(known);
    }
    return idOf(await post({ channel: this.name, url, headers, body, signal, clock }), secrets);
  }
}
