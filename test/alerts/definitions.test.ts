import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { AlertManager, AlertSender } from "../../src/alerts/index.js";
import { loadConfig } from "../../src/config/index.js";
import { configSchema } from "../../src/config/schema.js";
import { configure } from "../../src/configure.js";
import { rejection } from "./channels/servers.js";
import { made, Receiver } from "./receiver.js";

describe("a secret that stands where a name belongs is not shown:", () => {
  const SECRET = "hooks.test/hush-hush";
  const mail = { type: "email", sender: "a@b", recipients: "c@d" };
  test.each([
    ["as channels", `https://${SECRET}`],
    ["as a channel", { ops: `https://${SECRET}` }],
    ["in a list of channels", [`https://${SECRET}`]],
    ["as the name of a secret", { ops: { type: "slack", credentials: `https://${SECRET}` } }],
    [
      "as the name of a password",
      { ops: { ...mail, transport: { host: "h", user: "u" }, credentials: SECRET } },
    ],
    ["as the name of an address", { ops: { type: "webhook", url_credentials: `https://${SECRET}` } }],
    ["as an address", { ops: { type: "webhook", url: `https://u:${SECRET}@host/` } }],
    ["as webhook_url", { ops: { type: "slack", webhook_url: `https://${SECRET}` } }],
    [
      "as the url of a slack channel",
      { ops: { type: "slack", credentials: "PATH", url: `https://${SECRET}` } },
    ],
    ["as a mail server", { ops: { ...mail, transport: `smtps://u:${SECRET}@host` } }],
    ["as a password of the mail server", { ops: { ...mail, transport: { host: "h", password: SECRET } } }],
    ["as a sender", { ops: { ...mail, transport: { host: "h" }, sender: [SECRET] } }],
    ["as a throttle", { ops: { type: "console", throttle: `https://${SECRET}` } }],
  ])("%s", async (_, channels) => {
    const error = await rejection((async () => new AlertManager({ channels: channels as never }))());
    expect(String(error)).toMatch(/^(?:Type|Range)Error: .*channel/);
    expect(String(error)).not.toMatch(/hush|hooks/);
  });

  test("as a name that a function does not find", async () => {
    const channels = { ops: { type: "slack", credentials: `https://${SECRET}` } } as const;
    const alerts = new AlertManager({ channels, credentials: () => undefined, maxRetries: 0 });
    const [result] = await alerts.send({ title: "a" });
    expect(String(result?.error)).toContain("credentials");
    expect(String(result?.error)).not.toContain("hush");
  });

  test("as a channel that is added", () => {
    const { alerts } = made();
    expect(() => alerts.addChannel(`https://${SECRET}` as never)).toThrow(
      "the channel must be a channel with name and deliver; got a string.",
    );
  });
});

describe("definitions in a file", () => {
  const FILE = `resilience:
  alerts:
    channels:
      timeout: 10
      max_retries: 1
      ops: { type: slack, credentials: HOOK, min_level: critical, icon_emoji: ":robot:", name: "the ops" }
      hook: { type: webhook, url_credentials: HOOK, timeout: 5s, throttle: { rate: 1 } }
      mail:
        type: email
        transport: { host: smtp.test, user: bot }
        credentials: HOOK
        sender: bot@example.com
        recipients: [ops@example.com, dev@example.com]
        subject_prefix: "[bot]"
`;

  async function load(text: string) {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), "alerts-"));
    onTestFinished(() => fs.rm(folder, { recursive: true }));
    const file = path.join(folder, "kstlib.conf.yml");
    await fs.writeFile(file, text);
    return loadConfig({ path: file });
  }

  test("are written in its words", async () => {
    const { alerts: section = {} } = await load(FILE);
    const alerts = AlertManager.from(section, { credentials: () => "https://hooks.test/x" });
    expect(Object.keys(alerts.stats.channels)).toEqual(["the ops", "hook", "mail"]);
    expect(() => alerts.addChannel({ name: "ops", deliver: async () => {} })).toThrow(/already has/);
  });

  test.each([
    ["min_level: critical", "min_level: bad", /channels\.ops\.min_level must be one of "info"/],
    ["icon_emoji:", "icon_emojy:", /ops\.icon_emojy is not a known key; did you mean icon_emoji/],
    [
      "credentials: HOOK, min",
      "url: HOOK, min",
      /ops\.url is not a known key; known are type, .*icon_emoji$/,
    ],
    [
      "sender: bot",
      "user_name: bot",
      /mail\.user_name is not a known key; known are type, .*, subject_prefix$/,
    ],
    ["url_credentials: HOOK, ", "username: HOOK, ", /hook\.username .*; known are type, .*credentials$/],
    ["url_credentials: HOOK, ", "", /channels\.hook of type webhook needs url, or url_credentials/],
    ["timeout: 5s", "timeout: 5m", /channels\.hook\.timeout must be a duration from 1s to 2m/],
    ["host: smtp.test, ", "", /channels\.mail\.transport\.host is required/],
    ["max_retries: 1", "max_retries: 9", /channels\.max_retries must be a whole number from 0 to 5/],
    ["type: slack", "type: sms", /channels\.ops\.type must be one of .*; got "sms"/],
  ])("are checked when it is read: %s", async (before, after, message) => {
    await expect(load(FILE.replace(before, after))).rejects.toThrow(message);
  });

  test("have a schema", () => {
    const { properties } = JSON.parse(JSON.stringify(configSchema())).anyOf[0];
    const { channels } = properties.resilience.anyOf[0].properties.alerts.anyOf[0].properties;
    const { timeout, max_retries: retries } = channels.properties;
    expect([timeout, retries]).toMatchObject([{ anyOf: [{ type: "number" }, {}] }, { maximum: 5 }]);
    expect(Object.keys(channels.additionalProperties.properties).toSorted()).toEqual([
      "credentials",
      "icon_emoji",
      "min_level",
      "name",
      "recipients",
      "sender",
      "subject_prefix",
      "throttle",
      "timeout",
      "transport",
      "type",
      "url",
      "url_credentials",
      "username",
    ]);
    expect(channels.additionalProperties.properties.recipients.anyOf[1]).toEqual({
      type: "array",
      items: { type: "string", minLength: 1 },
    });
  });
});

describe("an AlertSender", () => {
  test("sends to the channels that it is given, with the options of the configuration", async () => {
    using _ = configure({ alerts: { minLevel: "warning", instances: { other: { channels: {} } } } });
    const ops = new Receiver();
    const alerts = new AlertSender({ channels: [ops] });
    await alerts.send([{ title: "a" }, { title: "b", level: "critical" }]);
    await alerts.close();
    expect(ops.titles).toEqual(["b"]);
  });

  test("refuses definitions, also those of the configuration", () => {
    const channels = { ops: { type: "console" } } as const;
    const message =
      /channels must be a list of channels; an AlertManager can also have definitions.*got an object/;
    expect(() => new AlertSender({ channels: channels as never })).toThrow(message);
    using _ = configure({ alerts: { channels } });
    expect(() => new AlertSender()).toThrow(message);
    expect(new AlertSender({ channels: [] }).channelCount).toBe(0);
  });
});
