import { createTransport } from "nodemailer";
import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { AlertDeliveryError, EmailChannel, type EmailChannelOptions } from "../../../src/alerts/index.js";
import { delivery, never, rejection } from "./servers.js";

const PASSWORD = "correct horse";

/** Starts a mail server; the test does not end while a connection to it is left. */
async function mailServer(options: SMTPServerOptions = {}) {
  const mails: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    disabledCommands: ["STARTTLS"],
    disableReverseLookup: true,
    onAuth({ password }, _session, callback) {
      if (password === PASSWORD) callback(null, { user: "bot" });
      else callback(Object.assign(new Error(`no: ${password}`), { responseCode: 535 }));
    },
    onData(stream, _session, callback) {
      let mail = "";
      stream.on("data", (chunk: Buffer) => (mail += chunk.toString()));
      stream.on("end", () => {
        mails.push(mail);
        callback();
      });
    },
    ...options,
  });
  server.on("error", () => {});
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
      }),
  );
  const { port } = server.server.address() as AddressInfo;
  return { mails, transport: { host: "127.0.0.1", port } };
}

const people = { sender: "Alerts <bot@example.com>", recipients: ["ops@example.com", "dev@example.com"] };

/** An error as a mail server of the test refuses with. */
function refusal(responseCode: number): Error {
  return Object.assign(new Error(`no: ${PASSWORD}`), { responseCode });
}

describe("a mail", () => {
  test("arrives by nodemailer, which is loaded for it", async () => {
    const { mails, transport } = await mailServer();
    const user = { user: "bot", password: async () => PASSWORD };
    const channel = new EmailChannel({
      ...people,
      transport: { ...transport, ...user },
      subjectPrefix: "[eu]",
    });
    expect(await channel.deliver(delivery({ count: 38 }), never)).toMatch(/^<.+@example\.com>$/);
    await channel.close();
    expect(mails).toHaveLength(1);
    expect(mails[0]).toContain("From: Alerts <bot@example.com>\r\nTo: ops@example.com, dev@example.com\r\n");
    expect(mails[0]).toMatch(/^Subject: .*WARNING.*disk/m);
    expect(mails[0]).toContain("/var: 97 %\r\n\r\n2026-09-01T12:00:00.000Z");
  });

  test("arrives by a transporter of the application, which stays open", async () => {
    const { mails, transport } = await mailServer();
    const own = createTransport(transport);
    const channel = new EmailChannel({ ...people, transport: own, recipients: "ops@example.com" });
    await channel.deliver(delivery({ isRecovery: true }), never);
    await channel.close();
    await own.sendMail({ from: people.sender, to: "ops@example.com", text: "still open" });
    own.close();
    expect(mails).toEqual([
      expect.stringMatching(/^Subject: RESOLVED: disk/m),
      expect.stringContaining("open"),
    ]);
  });

  test("has no header that an alert could add", async () => {
    const { mails, transport } = await mailServer();
    const channel = new EmailChannel({ ...people, transport });
    const hostile = "a\r\nBcc: evil@example.com\r\n\r\nbody\u0000\u2028\u0085x";
    await channel.deliver(delivery({ title: hostile, body: `${hostile}\r\n.\r\nQUIT` }), never);
    const [headers = ""] = mails[0]?.split("\r\n\r\n") ?? [];
    expect(headers).not.toMatch(/^Bcc/im);
    expect(headers).toMatch(/^Subject: WARNING: a Bcc: evil@example.com body x$/m);
  });

  test("has a subject of limited length", async () => {
    const subjects: string[] = [];
    const transport = { sendMail: async ({ subject }: { subject: string }) => subjects.push(subject) };
    const channel = new EmailChannel({ ...people, transport });
    expect(await channel.deliver(delivery({ title: "x".repeat(1000), count: 2 }), never)).toBeUndefined();
    expect(subjects).toEqual([`WARNING: ${"x".repeat(149)}… × 2`]);
  });
});

describe("a mail server that refuses", () => {
  test.each([
    [421, true],
    [451, true],
    [550, false],
    [554, false],
  ])("the mail with %i: retryable %s", async (status, retryable) => {
    const refused = [
      await mailServer({ onMailFrom: (_address, _session, callback) => callback(refusal(status)) }),
      await mailServer({ onRcptTo: (_address, _session, callback) => callback(refusal(status)) }),
      await mailServer({
        onData(stream, _session, callback) {
          stream.resume().on("end", () => callback(refusal(status)));
        },
      }),
    ];
    for (const { transport } of refused) {
      const error = await rejection(new EmailChannel({ ...people, transport }).deliver(delivery(), never));
      expect(error).toBeInstanceOf(AlertDeliveryError);
      expect(error).toMatchObject({
        status,
        retryable,
        message: expect.stringMatching(
          new RegExp(
            `^the alert could not be delivered to email: the mail server answered ${status} \\(E[A-Z]+\\)$`,
          ),
        ),
      });
    }
  });

  test("the password", async () => {
    const { transport } = await mailServer();
    const channel = new EmailChannel({
      ...people,
      transport: { ...transport, user: "bot", password: "wrong" },
    });
    expect(await rejection(channel.deliver(delivery(), never))).toMatchObject({
      status: 535,
      retryable: false,
      message: "the alert could not be delivered to email: the mail server answered 535 (EAUTH)",
    });
  });

  test("the connection", async () => {
    const transport = { host: "127.0.0.1", port: 1 };
    const error = await rejection(new EmailChannel({ ...people, transport }).deliver(delivery(), never));
    expect(error).toMatchObject({ status: undefined, retryable: true });
    expect(String(error)).toMatch(/the mail could not be sent \(E[A-Z]+\)$/);
  });
});

test("says what to do when nodemailer is not installed", async () => {
  vi.doMock("nodemailer", () => {
    throw new Error("not found");
  });
  onTestFinished(() => {
    vi.doUnmock("nodemailer");
  });
  const warnings: Error[] = [];
  const listen = (warning: Error): unknown => warnings.push(warning);
  process.on("warning", listen);
  onTestFinished(() => void process.off("warning", listen));
  const channel = new EmailChannel({ ...people, transport: { host: "127.0.0.1" } });
  await vi.waitUntil(() => warnings.length > 0, 60_000);
  expect(warnings).toMatchObject([
    {
      code: "KSTLIB_ALERTS_NO_MAIL",
      message: expect.stringMatching(
        /^the channel email cannot send alerts: nodemailer cannot be loaded.*: npm install nodemailer, or/,
      ),
    },
  ]);
  expect(await rejection(channel.deliver(delivery(), never))).toMatchObject({
    retryable: false,
    message: expect.stringMatching(
      /: nodemailer cannot be loaded.*: npm install nodemailer, or give a transport$/,
    ),
  });
});

test("an abort ends a delivery to a silent server, and its connection", async () => {
  const controller = new AbortController();
  const { transport } = await mailServer({ onMailFrom: () => controller.abort("too late") });
  const channel = new EmailChannel({ ...people, transport });
  expect(await rejection(channel.deliver(delivery(), { signal: controller.signal }))).toBe("too late");
  await channel.close();
});

test("an abort ends a delivery by a transport that never settles", async () => {
  const controller = new AbortController();
  const transport = { sendMail: () => new Promise(() => controller.abort("too late")) };
  const channel = new EmailChannel({ ...people, transport });
  expect(await rejection(channel.deliver(delivery(), { signal: controller.signal }))).toBe("too late");
});

test("a closed channel waits for the mails under way, and takes no more", async () => {
  let finish: ((result: unknown) => void) | undefined;
  const transport = { sendMail: () => new Promise<unknown>((resolve) => (finish = resolve)) };
  const channel = new EmailChannel({ ...people, transport });
  const delivered = channel.deliver(delivery(), never);
  const closed = channel[Symbol.asyncDispose]();
  expect(await rejection(channel.deliver(delivery(), never))).toMatchObject({
    retryable: false,
    message: expect.stringContaining("it is closed"),
  });
  finish?.({ messageId: "m-1\r\n" });
  expect(await delivered).toBe("m-1");
  await closed;
});

test.each<[object, string]>([
  [{ transport: undefined }, "transport is required: an object with sendMail, or { host, port"],
  [{ transport: "smtps://bot:word@host" }, "user, password }; got a string."],
  [{ transport: null }, "user, password }; got null."],
  [{ transport: {} }, "transport.host is required: a non-empty string."],
  [{ transport: { host: "h", port: 0 } }, "transport.port must be a whole number from 1 to 65535; got 0."],
  [{ transport: { host: "h", port: 70_000 } }, "transport.port must be a whole number from 1 to 65535"],
  [{ transport: { host: "h", secure: 1 } }, "transport.secure must be true or false; got 1."],
  [{ transport: { host: "h", user: "u" } }, "transport must have both user and password, or neither."],
  [{ transport: { host: "h", user: "u", password: 5 } }, "function that gives one; got a number."],
  [{ transport: { host: "h", pass: "hush" } }, "is not an option of transport"],
  [{ sender: undefined }, "sender is required"],
  [{ sender: "a@b\r\nBcc: c@d" }, "sender must be a mail address without control characters and line breaks"],
  [{ sender: "nobody" }, "sender must be a mail address"],
  [{ recipients: [] }, "recipients must be a mail address, or a list of at least one; got an empty list."],
  [{ recipients: ["a@b", "c@d\n"] }, "recipients must be a mail address without"],
  [{ recipients: ["a@b", 5] }, "recipients must be a mail address without"],
  [{ recipients: "a@b\u2028" }, "recipients must be a mail address without"],
  [{ subjectPrefix: "a\nb" }, "subjectPrefix must be a string without control characters"],
  [{ subject: "a" }, "subject is not an option of EmailChannel"],
])("refuses the options %o", (options, message) => {
  const all = { ...people, transport: { host: "localhost" }, ...options } as EmailChannelOptions;
  expect(() => new EmailChannel(all)).toThrow(message);
});
