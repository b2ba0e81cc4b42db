import { describe, expect, test } from "vitest";
import { Registry, type CircuitBreaker } from "../../src/index.js";
import { configure } from "../../src/configure.js";
import { alertsFrom, AlertManager } from "../../src/alerts/index.js";
import { ManualClock } from "../../src/testing/index.js";
import { made, never, ONE_A_MINUTE, Receiver, refused } from "./receiver.js";

describe("send", () => {
  test("delivers to all channels and says what became of it", async () => {
    const [ops, dev] = [new Receiver("ops"), new Receiver("dev")];
    const { alerts } = made({}, ops, dev);
    const results = await alerts.send({ title: "the feed is silent", body: "for 30 s", level: "critical" });
    expect(results).toEqual(
      ["ops", "dev"].map((channel) => ({
        channel,
        status: "sent",
        success: true,
        messageId: "id-1",
        error: undefined,
      })),
    );
    expect(ops.got[0]).toMatchObject({
      title: "the feed is silent",
      body: "for 30 s",
      level: "critical",
      count: 1,
    });
  });

  test("a list is delivered in its order", async () => {
    const { alerts, ops } = made({ throttle: false });
    await alerts.send(["a", "b", "c"].map((title) => ({ title })));
    expect(ops.titles).toEqual(["a", "b", "c"]);
  });

  test("a channel gets alerts from its level on, and all that are sent to it alone", async () => {
    const { alerts, ops } = made({}, new Receiver("all"));
    const pager = new Receiver("pager");
    alerts.addChannel(pager, { key: "night", minLevel: "critical" });
    expect(await alerts.send({ title: "slow", level: "warning" })).toHaveLength(1);
    await alerts.send({ title: "down", level: "critical" });
    await alerts.send({ title: "a test" }, { channel: "night" });
    expect(pager.titles).toEqual(["down", "a test"]);
    expect(ops.titles).toEqual(["slow", "down"]);
  });

  test("control characters and line breaks of a title are removed", async () => {
    const { alerts, ops } = made();
    await alerts.send({ title: "a\r\nBcc: all\u0000\u001b[2J", body: "x" });
    expect(ops.titles).toEqual(["a Bcc: all [2J"]);
  });

  test("a channel that hangs delays no other", async () => {
    const [stuck, ops] = [new Receiver("stuck"), new Receiver("ops")];
    stuck.outcomes.push(never);
    const { alerts } = made({ throttle: false }, stuck, ops);
    void alerts.send({ title: "one" });
    void alerts.send({ title: "two" });
    await new Promise((resolve) => setImmediate(resolve));
    expect(ops.titles).toEqual(["one", "two"]);
    expect(stuck.titles).toEqual([]);
  });

  test.each([
    ["no object", "text", TypeError, /an alert/],
    ["no title", {}, TypeError, /title.*got undefined/],
    ["an empty title", { title: " \n" }, TypeError, /title/],
    [
      "an unknown level",
      { title: "a", level: "bad" },
      RangeError,
      /info, success, warning, critical; got "bad"/,
    ],
    ["a wrong timestamp", { title: "a", timestamp: new Date(NaN) }, TypeError, /timestamp/],
    ["an unknown property", { title: "a", levle: "info" }, TypeError, /did you mean level/],
    ["a wrong key", { title: "a", key: 5 }, TypeError, /key/],
    [
      "an endless key",
      { title: "a", key: "k".repeat(501) },
      RangeError,
      /1 to 500 characters; got one of 501/,
    ],
  ])("refuses %s", async (_, alert, error, message) => {
    const { alerts, ops } = made();
    const sending = alerts.send(alert as never);
    await expect(sending).rejects.toThrow(error);
    await expect(sending).rejects.toThrow(message);
    expect(ops.got).toEqual([]);
  });

  test("refuses a channel that there is not, and names those that there are", async () => {
    const { alerts } = made();
    await expect(alerts.send({ title: "a" }, { channel: "opps" })).rejects.toThrow(
      /no channel "opps"; it has ops/,
    );
  });
});

describe("a delivery that fails", () => {
  test("is tried again, and its alert is delivered once", async () => {
    const { alerts, ops, clock } = made({ maxRetries: 2 });
    ops.outcomes.push(refused({}), refused({}));
    const sending = alerts.send({ title: "a" });
    await clock.advance("2m");
    expect(await sending).toMatchObject([{ status: "sent" }]);
    expect(ops.titles).toEqual(["a"]);
  });

  test("is not tried again when that is of no use", async () => {
    const { alerts, ops } = made();
    ops.outcomes.push(refused({ retryable: false, code: "gone" }));
    expect(await alerts.send({ title: "a" })).toMatchObject([{ status: "failed", error: { code: "gone" } }]);
    expect(alerts.stats.channels["ops"]).toMatchObject({ given: 1, failed: 1, pending: 0 });
  });

  test("obeys the time that the receiver asks for", async () => {
    const { alerts, ops, clock } = made({ throttle: false });
    ops.outcomes.push(refused({ retryAfter: 90 }));
    void alerts.send({ title: "a" });
    await clock.advance(89.9);
    expect(ops.titles).toEqual([]);
    await clock.advance(0.2);
    expect(ops.titles).toEqual(["a"]);
  });

  test("pauses the channel when it is given up, and what comes meanwhile is told afterwards", async () => {
    const { alerts, ops, clock } = made({ throttle: false, maxRetries: 0 });
    ops.outcomes.push(refused({ retryAfter: 30 }));
    expect(await alerts.send({ title: "a" })).toMatchObject([{ status: "failed" }]);
    expect(await alerts.send({ title: "b" })).toMatchObject([{ status: "held" }]);
    await clock.advance(29.9);
    expect(ops.got).toEqual([]);
    await clock.advance(0.2);
    expect(ops.got).toMatchObject([{ title: "b", body: "", count: 1 }]);
  });

  test("opens the circuit of its channel; what comes meanwhile is told when it closes", async () => {
    const { alerts, ops, clock } = made({ throttle: false, maxRetries: 0 });
    const failed: string[] = [];
    alerts.on("failed", ({ title }) => failed.push(title));
    for (let i = 0; i < 5; i++) {
      ops.outcomes.push(refused({}));
      await alerts.send({ title: `lost ${i}` });
    }
    expect(await alerts.send({ title: "b" })).toMatchObject([{ status: "held", success: false }]);
    // Nobody was asked about the last one.
    expect(failed).toEqual([0, 1, 2, 3, 4].map((i) => `lost ${i}`));
    await clock.advance("61s");
    expect(ops.got).toMatchObject([{ title: "b" }]);
    expect(alerts.stats.channels["ops"]).toEqual({
      given: 6,
      sent: 0,
      counted: 1,
      failed: 5,
      dropped: 0,
      pending: 0,
    });
  });

  test("obeys it also for what waits already, and at the end", async () => {
    const { alerts, ops, clock } = made({ throttle: false, maxRetries: 0 });
    ops.outcomes.push(refused({ retryAfter: 30 }));
    const results = await alerts.send(["a", "b", "c"].map((title) => ({ title })));
    expect(results.map(({ status }) => status)).toEqual(["failed", "held", "held"]);
    await clock.advance(29.9);
    expect(ops.got).toEqual([]);
    const closing = alerts.close();
    await clock.advance(0.05);
    expect(ops.got).toEqual([]);
    await clock.advance(0.15);
    await closing;
    expect(ops.got).toMatchObject([{ body: "1 × b (info)\n1 × c (info)", count: 2 }]);
  });

  test("obeys it to the deadline of the end: what would be later is dropped, and nobody is asked", async () => {
    const { alerts, ops, clock } = made({ throttle: false, maxRetries: 0 });
    ops.outcomes.push(refused({ retryAfter: 30 }));
    await alerts.send([{ title: "a" }, { title: "b" }]);
    const closing = alerts.close({ deadline: "10s" });
    await clock.advance("10s");
    await closing;
    expect(ops.got).toEqual([]);
    expect(alerts.stats.channels["ops"]).toMatchObject({ failed: 1, dropped: 1, pending: 0 });
  });

  test("that asks to wait for no time is like one that asks for nothing", async () => {
    const { alerts, ops, clock } = made({ throttle: ONE_A_MINUTE, maxRetries: 0 });
    await alerts.send([{ title: "a" }, { title: "b" }]);
    ops.outcomes.push(refused({ retryAfter: 0 }));
    await clock.advance("60s");
    await clock.advance("59s");
    expect(ops.titles).toEqual(["a"]);
    await clock.advance("1s");
    expect(ops.titles).toEqual(["a", "b"]);
  });

  test("is not known to anybody, and so is not resolved", async () => {
    const { alerts, ops } = made();
    ops.outcomes.push(refused({ retryable: false }));
    await alerts.send({ title: "a", level: "critical", key: "feed" });
    expect(await alerts.resolve("feed")).toEqual([]);
    expect(ops.got).toEqual([]);
  });

  test("because of its message says nothing of the channel", async () => {
    const { alerts, ops } = made({ throttle: false });
    for (let i = 0; i < 10; i++) {
      ops.outcomes.push(refused({ retryable: false }));
      await alerts.send({ title: `${i}` });
    }
    expect(await alerts.send({ title: "good" })).toMatchObject([{ status: "sent" }]);
  });

  test("a message that hangs ends at the timeout", async () => {
    const { alerts, ops, clock } = made({ maxRetries: 0, timeout: "5s" });
    ops.outcomes.push(never);
    const sending = alerts.send({ title: "a" });
    await clock.advance(5);
    expect(await sending).toMatchObject([{ status: "failed", error: { code: "ERR_TIMEOUT_EXCEEDED" } }]);
  });

  test("what it counted is told with a later message", async () => {
    const { alerts, ops, clock } = made({ throttle: ONE_A_MINUTE, maxRetries: 0 });
    await alerts.send({ title: "a" });
    await alerts.send({ title: "b" });
    ops.outcomes.push(refused({}));
    await clock.advance("60s");
    expect(ops.titles).toEqual(["a"]);
    await clock.advance("60s");
    expect(ops.got[1]).toMatchObject({ title: "b", count: 1 });
    expect(alerts.stats.channels["ops"]).toMatchObject({ given: 2, sent: 1, counted: 1, failed: 0 });
  });
});

describe("the throttle", () => {
  test("10,000 alerts in a second: 10 a minute are sent, and every one is accounted for", async () => {
    const [ops, other] = [new Receiver("ops"), new Receiver("other")];
    const { alerts, clock } = made({ throttle: { rate: 10, per: "60s", burst: 10 } }, ops, other);
    const sending: Promise<unknown>[] = [];
    for (let i = 0; i < 10_000; i++) {
      sending.push(alerts.send({ title: `failure ${i}`, level: "warning" }));
      if (i % 100 === 99) await clock.advance("10ms");
    }
    await Promise.all(sending);
    await clock.advance("5m");
    for (const receiver of [ops, other]) {
      expect(receiver.got.length).toBeLessThanOrEqual(10 + 10 * 5 + 1);
      expect(receiver.told).toBe(10_000);
      expect(receiver.titles.slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, i) => `failure ${i}`));
      expect(receiver.got.every(({ body }) => body.length < 5000)).toBe(true);
    }
    const { given, sent, counted, failed, dropped } = alerts.stats.channels["ops"] ?? {};
    expect({ given, failed, dropped }).toEqual({ given: 10_000, failed: 0, dropped: 0 });
    expect((sent ?? 0) + (counted ?? 0)).toBe(10_000);
  });

  test("what is held is told with the next message, with titles, levels and the time", async () => {
    const { alerts, ops, clock } = made({ throttle: ONE_A_MINUTE });
    await alerts.send({ title: "a" });
    for (let i = 0; i < 36; i++) await alerts.send({ title: "slow", level: "warning" });
    expect(await alerts.send({ title: "stopped", level: "warning" })).toMatchObject([{ status: "held" }]);
    await clock.advance("60s");
    expect(ops.got[1]).toMatchObject({
      title: "37 more in 1 min",
      body: "36 × slow (warning)\n1 × stopped (warning)",
      level: "warning",
      key: undefined,
      count: 37,
    });
  });

  test("the first critical one of what is held is told whole", async () => {
    const { alerts, ops, clock } = made({ throttle: ONE_A_MINUTE });
    await alerts.send({ title: "a" });
    await alerts.send({ title: "noise" });
    const down = { title: "down", body: "host db-3", level: "critical", key: "db" } as const;
    await alerts.send([down, { ...down, title: "down as well", key: "other" }]);
    await clock.advance("60s");
    expect(ops.got[1]).toMatchObject({
      title: "down; 2 more in 1 min",
      body: "1 × down (critical)\n1 × down as well (critical)\n1 × noise (info)\n\ndown:\nhost db-3",
      level: "critical",
      key: "db",
      count: 3,
    });
    // Then it is as before.
    await alerts.send([{ title: "b" }, { title: "c" }]);
    await clock.advance("60s");
    expect(ops.got[2]).toMatchObject({ title: "2 more in 1 min", key: undefined });
  });

  test("counts what is sent, not what waits for a channel that is slow", async () => {
    const { alerts, ops, clock } = made({ throttle: { rate: 10, per: "60s", burst: 1 }, timeout: "2m" });
    let end = (): void => {};
    ops.outcomes.push(
      () =>
        new Promise((resolve) => {
          end = () => resolve("slow");
        }),
    );
    void alerts.send(Array.from({ length: 20 }, (_, i) => ({ title: `a${i}` })));
    await clock.advance("100s");
    end();
    await clock.advance("1s");
    expect(ops.got.length).toBeLessThanOrEqual(1);
    await clock.advance("60s");
    expect(ops.told).toBe(19);
  });

  test("does not hide what matters most among what matters less", async () => {
    const { alerts, ops, clock } = made({ throttle: ONE_A_MINUTE });
    await alerts.send({ title: "first" });
    for (let i = 0; i < 30; i++) await alerts.send({ title: `info ${i}` });
    await alerts.send({ title: "DISK FULL", level: "critical" });
    await clock.advance("60s");
    expect(ops.got[1]?.body).toMatch(
      /^1 × DISK FULL \(critical\)\n(?:1 × info \d+ \(info\)\n){19}11 × others$/,
    );
  });

  test("is one of each channel", async () => {
    const [ops, other] = [new Receiver("ops"), new Receiver("other")];
    const { alerts } = made({ throttle: ONE_A_MINUTE }, ops);
    alerts.addChannel(other, { throttle: false });
    await alerts.send({ title: "a" });
    await alerts.send({ title: "b" });
    expect([ops.titles, other.titles]).toEqual([["a"], ["a", "b"]]);
  });
});

describe("equal alerts", () => {
  test("are one, and their number is told when the time is over", async () => {
    const { alerts, ops, clock } = made({ dedupe: "5m" });
    await alerts.send({ title: "slow", level: "warning" });
    for (let i = 0; i < 3; i++) {
      expect(await alerts.send({ title: "slow", level: "warning" })).toMatchObject([{ status: "merged" }]);
    }
    await alerts.send({ title: "slow", level: "critical" });
    expect(ops.got.map(({ level }) => level)).toEqual(["warning", "critical"]);
    await clock.advance("5m");
    expect(ops.got[2]).toMatchObject({ title: "slow", body: "3 more in 5 min", count: 3 });
    await clock.advance("1h");
    expect(ops.got).toHaveLength(3);
    await alerts.send({ title: "slow", level: "warning" });
    expect(ops.got).toHaveLength(4);
    expect(alerts.stats.channels["ops"]).toMatchObject({ given: 6, sent: 3, counted: 3, pending: 0 });
  });

  test("are those of one key, whatever their text", async () => {
    const { alerts, ops } = made({ dedupe: "5m" });
    await alerts.send({ title: "load 0.91", key: "load" });
    await alerts.send({ title: "load 0.92", key: "load" });
    expect(ops.titles).toEqual(["load 0.91"]);
  });

  test("are remembered up to a bound, and none is lost then", async () => {
    const { alerts, ops, clock } = made({ dedupe: "5m", maxQueue: 2, throttle: false });
    for (const title of ["a", "a", "b", "c", "d"]) await alerts.send({ title });
    await clock.advance("10m");
    expect(ops.told).toBe(5);
  });
});

describe("a group", () => {
  test("is one message of what came within the time", async () => {
    const { alerts, ops, clock } = made({ group: "10s" });
    const sending = Promise.all([
      alerts.send({ title: "a", body: "one\ntwo" }),
      alerts.send({ title: "b", level: "critical" }),
      alerts.send({ title: "c" }),
    ]);
    await clock.advance(10);
    expect((await sending).flat().map(({ status }) => status)).toEqual(["sent", "sent", "sent"]);
    expect(ops.got).toMatchObject([
      {
        title: "b (and 2 more)",
        level: "critical",
        body: "a (info): one two\nb (critical)\nc (info)",
        count: 3,
      },
    ]);
  });

  test("of one is the alert itself", async () => {
    const { alerts, ops, clock } = made({ group: "10s" });
    void alerts.send({ title: "a", body: "b" });
    await clock.advance(10);
    expect(ops.got).toMatchObject([{ title: "a", body: "b", count: 1 }]);
  });
});

describe("resolve", () => {
  test("sends the recovery once, to those that were told", async () => {
    const { alerts, ops } = made({ dedupe: "5m" });
    const pager = new Receiver("pager");
    alerts.addChannel(pager, { minLevel: "critical" });
    await alerts.send({ title: "slow", level: "warning", key: "feed" });
    await alerts.send({ title: "slow", level: "warning", key: "feed" });
    expect(alerts.snapshot().active).toEqual(["feed"]);
    await alerts.resolve("feed");
    expect(await alerts.resolve("feed")).toEqual([]);
    expect(await alerts.resolve("unknown")).toEqual([]);
    expect(ops.got).toMatchObject([
      { title: "slow" },
      { title: "slow", body: "1 more in 1 s" },
      { title: "resolved: slow", level: "success", isRecovery: true, key: "feed" },
    ]);
    expect(pager.got).toEqual([]);
    await alerts.send({ title: "slow again", level: "warning", key: "feed" });
    expect(ops.titles.at(-1)).toBe("slow again");
  });
});

describe("close", () => {
  test("tells what is held, and waits for what is under way", async () => {
    const { alerts, ops } = made({ throttle: ONE_A_MINUTE, dedupe: "5m" });
    const dropped: unknown[] = [];
    alerts.on("dropped", (info) => dropped.push(info));
    await alerts.send([{ title: "a" }, { title: "b" }, { title: "b" }, { title: "c" }]);
    await alerts.close();
    expect(ops.told).toBe(4);
    expect(dropped).toEqual([]);
    expect(await alerts.send({ title: "late" })).toMatchObject([{ status: "dropped" }]);
    expect(dropped).toEqual([{ channel: "ops", count: 1 }]);
  });

  test("sends a group at once", async () => {
    const { alerts, ops } = made({ group: "10s" });
    void alerts.send({ title: "a" });
    await Promise.resolve();
    await alerts.close();
    expect(ops.titles).toEqual(["a"]);
  });

  test("drops what is not told at the deadline, and says so", async () => {
    const { alerts, ops, clock } = made({ throttle: false });
    const dropped: unknown[] = [];
    alerts.on("dropped", (info) => dropped.push(info));
    ops.outcomes.push(never);
    const sending = Promise.all([alerts.send({ title: "a" }), alerts.send({ title: "b" })]);
    await Promise.resolve();
    const closing = alerts.close({ deadline: "3s" });
    await clock.advance(3);
    await closing;
    expect((await sending).flat()).toMatchObject([{ status: "dropped" }, { status: "dropped" }]);
    expect(alerts.stats.channels["ops"]).toMatchObject({ given: 2, dropped: 2, pending: 0 });
    expect(dropped).toEqual([{ channel: "ops", count: 2 }]);
  });

  test("leaves no timer behind", async () => {
    const { alerts, clock } = made({ throttle: ONE_A_MINUTE, dedupe: "5m", group: "10s" });
    void alerts.send([{ title: "a" }, { title: "b" }, { title: "b" }]);
    await clock.advance("20s");
    await alerts.close();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("options", () => {
  test.each([
    [{ throttle: true }, TypeError, /throttle must be \{ rate, per, burst \} or false; got true/],
    [{ throttle: { rate: 0 } }, RangeError, /throttle.rate/],
    [{ throttle: { rate: 1001 } }, RangeError, /throttle.rate/],
    [{ throttle: { per: "2d" } }, RangeError, /throttle.per must be a duration from 1s to 1d/],
    [{ throttle: { burst: 1.5 } }, RangeError, /throttle.burst/],
    [{ throttle: { brust: 1 } }, TypeError, /did you mean burst/],
    [{ timeout: "3m" }, RangeError, /timeout must be a duration from 1s to 2m/],
    [{ maxRetries: 6 }, RangeError, /maxRetries/],
    [{ maxQueue: 0 }, RangeError, /maxQueue/],
    [{ minLevel: "bad" }, RangeError, /minLevel/],
    [{ preset: "test" }, RangeError, /preset/],
    [{ dedupe: -1 }, RangeError, /dedupe/],
    [{ channels: [{}] }, TypeError, /channels\[0\] must be a channel with name and deliver/],
    [{ channels: "ops" }, TypeError, /channels must be/],
    [{ channels: { ops: { type: "sms" } } }, RangeError, /channels.ops.type/],
    [{ channels: { ops: {} } }, TypeError, /channels.ops.type is required: one of "slack"/],
    [{ channels: { ops: { type: "slack" } } }, TypeError, /channels.ops.credentials is required: the name/],
    [{ channels: { ops: { type: "slack", webhook_url: "https://x/secret" } } }, TypeError, /is a secret/],
    [{ channels: { ops: { type: "console", tpye: 1 } } }, TypeError, /did you mean type/],
    [{ channels: { timeout: 500 } }, RangeError, /timeout/],
    [{ credentials: "x" }, TypeError, /credentials must be a function/],
    [{ chanels: [] }, TypeError, /did you mean channels/],
  ])("refuses %j", (options, error, message) => {
    expect(() => new AlertManager(options as never)).toThrow(error);
    expect(() => new AlertManager(options as never)).toThrow(message);
  });

  test("a channel whose name is taken, and something that is none", () => {
    const { alerts } = made();
    expect(() => alerts.addChannel(new Receiver("ops"))).toThrow(/already has a channel "ops"/);
    expect(() => alerts.addChannel(new Receiver("b"), { key: "ops" })).toThrow(/already has/);
    expect(() => alerts.addChannel({ name: "x" } as never)).toThrow(/name and deliver/);
    expect(() => alerts.addChannel(new Receiver("c"), { minLevel: "x" } as never)).toThrow(/minLevel/);
    expect(alerts.channelCount).toBe(1);
  });

  test("come from the configuration, by name, over the preset", () => {
    const channels = { ops: { type: "console" } } as const;
    using _ = configure({
      alerts: { preset: "prod", channels, instances: { night: { minLevel: "critical" } } },
    });
    expect(new AlertManager().channelCount).toBe(1);
    expect(new AlertManager({ name: "night" }).channelCount).toBe(1);
  });

  test("a section that is wrong is an error of the manager, not of the rest", () => {
    using _ = configure({ alerts: { maxRetries: 9 } });
    expect(() => new AlertManager()).toThrow(/alerts.maxRetries/);
  });

  test("from reads a section of its own", () => {
    const alerts = AlertManager.from({ channels: { ops: { type: "console" } } });
    expect(alerts.channelCount).toBe(1);
    expect(new AlertManager().channelCount).toBe(0);
    expect(() => AlertManager.from({ maxRetries: 9 })).toThrow(/alerts.maxRetries/);
  });

  test("each type of channel can be defined, with options of its own", () => {
    const channels = {
      timeout: 5,
      maxRetries: 1,
      ops: {
        type: "slack",
        credentials: "url",
        minLevel: "critical",
        username: "bot",
        iconEmoji: ":robot:",
      },
      chat: { type: "mattermost", credentials: "url" },
      game: { type: "discord", credentials: "url", throttle: false },
      hook: { type: "webhook", url: "http://127.0.0.1:9/", credentials: "key" },
      mail: {
        type: "email",
        transport: { host: "127.0.0.1", port: 25, secure: false, user: "bot" },
        credentials: "password",
        sender: "bot@example.com",
        recipients: ["ops@example.com"],
        subjectPrefix: "[bot]",
      },
      screen: { type: "console", throttle: { rate: 1 } },
    };
    const alerts = new AlertManager({
      channels: channels as never,
      credentials: () => "https://hooks.test/x",
    });
    expect(alerts.channelCount).toBe(6);
  });

  test("credentials of the environment are looked for at once", () => {
    const channels = { ops: { type: "slack", credentials: "NO_SUCH_VARIABLE" } } as const;
    expect(() => new AlertManager({ channels })).toThrow(
      /channels.ops: its credentials "NO_SUCH_VARIABLE" must be the name of a variable/,
    );
    expect(new AlertManager({ channels, credentials: () => "https://hooks.test/x" }).channelCount).toBe(1);
  });

  test("credentials that a function does not find are named", async () => {
    const channels = { ops: { type: "slack", credentials: "slack_main" } } as const;
    const alerts = new AlertManager({ channels, credentials: () => undefined, maxRetries: 0 });
    const [result] = await alerts.send({ title: "a" });
    expect(String(result?.error)).toContain('its credentials "slack_main" are not known');
  });
});

describe("alertsFrom", () => {
  test("tells of a circuit that opens and of its recovery", async () => {
    await using registry = new Registry();
    const { alerts, ops } = made();
    using _ = alertsFrom(registry, alerts);
    const breaker: CircuitBreaker = registry.circuitBreaker("payments", {
      maxFailures: 1,
      resetTimeout: "10ms",
    });
    await breaker.execute(() => Promise.reject(new Error("down"))).catch(() => {});
    await expect.poll(() => ops.titles).toEqual(["circuit payments is open"]);
    await expect.poll(() => breaker.execute(async () => "up").catch(() => "no")).toBe("up");
    await expect.poll(() => ops.titles.at(-1)).toBe("resolved: circuit payments is open");
    expect(ops.got).toMatchObject([{ level: "critical" }, { isRecovery: true }]);
  });

  test("sends at other levels, or not at all", async () => {
    await using registry = new Registry();
    const { alerts, ops } = made();
    using _ = alertsFrom(registry, alerts, { circuitOpen: false });
    const breaker = registry.circuitBreaker("payments", { maxFailures: 1 });
    await breaker.execute(() => Promise.reject(new Error("down"))).catch(() => {});
    await alerts.close();
    expect(ops.got).toEqual([]);
    expect(() => alertsFrom(registry, alerts, { circuitOpen: "bad" as never })).toThrow(/circuitOpen/);
    expect(() => alertsFrom(registry, alerts, { circuitOpn: false } as never)).toThrow(
      /did you mean circuitOpen/,
    );
  });

  test("tells of a target that is dead and of its recovery", async () => {
    const clock = new ManualClock();
    await using registry = new Registry();
    const { alerts, ops } = made();
    using _ = alertsFrom(registry, alerts);
    const target = { isDead: true };
    const heartbeat = registry.heartbeat("feed", { interval: "10s", target, clock });
    heartbeat.start();
    await clock.advance("10s");
    target.isDead = false;
    await clock.advance("10s");
    await heartbeat.stop();
    await alerts.close();
    expect(ops.titles).toEqual([
      "the target of heartbeat feed is dead",
      "resolved: the target of heartbeat feed is dead",
    ]);
  });

  test("the onAlert of a component fits", async () => {
    const { alerts, ops } = made();
    alerts.onAlert("heartbeat", "the target is dead", { name: "feed", pid: 5, details: {}, f() {} });
    alerts.onAlert("heartbeat", "missed a beat", { event: "missedBeat" });
    alerts.onAlert("watchdog", "frozen", null);
    await expect
      .poll(() => ops.got)
      .toMatchObject([
        { title: "heartbeat: the target is dead", body: "name: feed\npid: 5", level: "critical" },
        { title: "heartbeat: missed a beat", level: "warning" },
        { title: "watchdog: frozen", body: "", level: "critical" },
      ]);
  });
});
