import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type AlertChannel,
  EmailChannel,
  type Mail,
  SlackChannel,
  WebhookChannel,
} from "../../../src/alerts/index.js";
import { delivery, type Got, never, serve } from "./servers.js";

/** All that a log could show of a value. */
function shown(value: unknown): string {
  const { message, stack, cause, ...properties } = Object(value) as Error;
  return [
    inspect(value, { depth: 20, showHidden: true, getters: true }),
    JSON.stringify(value),
    JSON.stringify(properties),
    message,
    stack,
    inspect(cause),
    String(value),
  ].join("\n");
}

/** A secret that no text contains by chance. */
const secrets = fc
  .tuple(fc.stringMatching(/^[\w~.+-]{1,40}$/), fc.constantFrom("", "ECONN", "E", "invalid_payload"))
  .map(([rest, start]) => `${start}${rest.toUpperCase()}_S3CR3T`);

/** What a server can do with what it got. */
const answers = fc.constantFrom("status", "id", "reset", "location", "reason", "header");

type Way = typeof answers extends fc.Arbitrary<infer Each> ? Each : never;

function answerBy(way: Way, secret: string, { url, headers, body }: Got): Parameters<typeof serve>[0] {
  return (response) => {
    const echoed = `${secret} ${url} ${JSON.stringify(headers)} ${body}`;
    if (way === "reset") response.destroy();
    else if (way === "id") response.end(JSON.stringify({ id: secret, echoed }));
    else if (way === "location") response.writeHead(302, { location: `/${secret}` }).end(echoed);
    else if (way === "header")
      response.writeHead(429, { "retry-after": secret, "x-echo": secret }).end(secret);
    else if (way === "reason") response.writeHead(400, secret).end(secret);
    else response.writeHead(500).end(echoed);
  };
}

/** What a delivery shows: its result, or its error. */
async function outcome(channel: AlertChannel): Promise<string> {
  const settled: unknown = await channel.deliver(delivery(), never).catch((error: unknown) => error);
  return shown(settled) + shown(channel);
}

/** What the constructor's error shows, or a delivery. */
async function outcomeOf(make: () => AlertChannel): Promise<string> {
  let channel: AlertChannel;
  try {
    channel = make();
  } catch (error) {
    return shown(error);
  }
  return outcome(channel);
}

describe("no secret is shown", () => {
  test("whatever a server does with the address, the key and the headers", async () => {
    let secret = "";
    let way: Way = "status";
    const server = await serve((response, got) => answerBy(way, secret, got)?.(response, got));
    await fc.assert(
      fc.asyncProperty(secrets, answers, fc.boolean(), async (found, chosen, isFunction) => {
        secret = found;
        way = chosen;
        const source = (text: string) => (isFunction ? async () => text : text);
        const address = source(`${server.url}/services/${secret}?key=${secret}`);
        const headers = { authorization: `Bearer ${secret}` };
        const channels = [
          new SlackChannel({ webhookUrl: address }),
          new WebhookChannel({ url: source(server.url), secret: source(secret) }),
          new WebhookChannel({ url: address, headers }),
        ];
        for (const channel of channels) expect(await outcome(channel)).not.toContain(secret);
      }),
      { numRuns: 100 },
    );
  });

  test("of an address that cannot be used, at construction or later", async () => {
    const forms = fc.constantFrom(
      (secret: string) => secret,
      (secret: string) => `ftp://host/${secret}`,
      (secret: string) => `http://${secret}:x@host/`,
      (secret: string) => `http://x:${secret}@host/`,
      (secret: string) => `http://127.0.0.1:1/${secret}`,
      (secret: string) => `http://127.0.0.1:99999/${secret}`,
      (secret: string) => `http://[${secret}]/`,
      (secret: string) => `https://${secret}.invalid/`,
      (secret: string) => ` http://127.0.0.1:9/${secret} `,
    );
    await fc.assert(
      fc.asyncProperty(secrets, forms, async (secret, form) => {
        const url = form(secret);
        const makers = [
          () => new SlackChannel({ webhookUrl: url }),
          () => new WebhookChannel({ url }),
          () => new SlackChannel({ webhookUrl: () => url }),
          () => new WebhookChannel({ url: async () => url }),
          () => new SlackChannel(url as never),
          () => new WebhookChannel(url as never),
          () => new EmailChannel(url as never),
          () => new WebhookChannel({ url: "http://127.0.0.1:1", headers: { a: `${secret}\n` } }),
          () => new WebhookChannel({ url: "http://127.0.0.1:1", headers: { [`${secret}\n`]: "a" } }),
          () => new EmailChannel({ transport: url as never, sender: "a@b", recipients: "c@d" }),
        ];
        for (const make of makers) {
          expect(await outcomeOf(make)).not.toContain(secret);
        }
      }),
      { numRuns: 30 },
    );
  });

  test("of a function that fails, and of a transport that does", async () => {
    await fc.assert(
      fc.asyncProperty(secrets, async (secret) => {
        const fail = (_mail?: Mail): Promise<never> => {
          const cause = new Error(secret);
          const all = { code: secret, command: secret, response: secret, responseCode: 535, cause };
          return Promise.reject(Object.assign(new Error(secret), all, { name: secret }));
        };
        const throwing = (): Promise<never> => {
          const get = (): never => {
            throw new Error(secret);
          };
          return Promise.reject(
            Object.defineProperties({}, { code: { get }, responseCode: { get }, cause: { get } }),
          );
        };
        const people = { sender: "a@b", recipients: "c@d" };
        const server = { host: "127.0.0.1", port: 1, user: "bot" };
        const channels = [
          new SlackChannel({ webhookUrl: fail }),
          new WebhookChannel({ url: "http://127.0.0.1:1", secret: fail }),
          new EmailChannel({ ...people, transport: { sendMail: fail } }),
          new EmailChannel({ ...people, transport: { sendMail: throwing } }),
          new EmailChannel({ ...people, transport: { ...server, password: fail } }),
          new EmailChannel({ ...people, transport: { ...server, password: secret } }),
        ];
        for (const channel of channels) expect(await outcome(channel)).not.toContain(secret);
      }),
      { numRuns: 30 },
    );
  });
});
