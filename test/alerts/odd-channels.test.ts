import { describe, expect, onTestFinished, test } from "vitest";
import { configure } from "../../src/configure.js";
import { AlertManager, type AlertChannel, type Delivery } from "../../src/alerts/index.js";
import { heardWarnings, made, never, ONE_A_MINUTE, Receiver, refused } from "./receiver.js";

/** An error whose properties throw when they are read. */
function poisoned(): Promise<never> {
  const get = (): never => {
    throw new Error("a getter");
  };
  const keys = ["retryAfter", "retryable", "code", "message", "name", "stack", "cause", "channel"];
  return Promise.reject(
    Object.defineProperties(new Error("poisoned"), Object.fromEntries(keys.map((key) => [key, { get }]))),
  );
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a channel", () => {
  test("whose error cannot be read fails like another, and its lane goes on", async () => {
    const { alerts, ops } = made({ maxRetries: 0 });
    ops.outcomes.push(poisoned);
    expect(await alerts.send({ title: "a" })).toMatchObject([{ status: "failed" }]);
    expect(await alerts.send({ title: "b" })).toMatchObject([{ status: "sent" }]);
    expect(alerts.stats.channels["ops"]).toMatchObject({ given: 2, sent: 1, failed: 1, pending: 0 });
  });

  test.each([
    [undefined, undefined],
    [5, undefined],
    [{ messageId: "x" }, undefined],
    ["", ""],
    ["id", "id"],
  ])("that gives %j at once, without a promise, has delivered", async (given, messageId) => {
    const { alerts } = made({ channels: [{ name: "ops", deliver: () => given } as never] });
    expect(await alerts.send({ title: "a" })).toMatchObject([{ status: "sent", messageId }]);
  });

  test("that throws at once has failed", async () => {
    const deliver = (): never => {
      throw Object.assign(new Error("at once"), { retryable: false });
    };
    const { alerts } = made({ channels: [{ name: "ops", deliver }] });
    expect(await alerts.send({ title: "a" })).toMatchObject([{ status: "failed" }]);
  });

  test("that sends alerts itself gets them in order, one at a time", async () => {
    const titles: string[] = [];
    let running = 0;
    let most = 0;
    const ops: AlertChannel = {
      name: "ops",
      async deliver({ title }) {
        most = Math.max(most, ++running);
        titles.push(title);
        if (title === "a") void alerts.send({ title: "b" });
        await settled();
        running--;
      },
    };
    const { alerts } = made({ channels: [ops], throttle: false });
    await alerts.send([{ title: "a" }, { title: "c" }]);
    await alerts.close();
    expect({ titles, most }).toEqual({ titles: ["a", "b", "c"], most: 1 });
  });

  test("that changes what it gets changes nothing for the others, and nothing of the numbers", async () => {
    const ops = {
      name: "ops",
      deliver: async (alert: Delivery) => {
        const given = alert as { -readonly [Key in keyof Delivery]: Delivery[Key] };
        given.timestamp.setTime(0);
        given.count = 7;
        given.title = "changed";
      },
    };
    const { alerts } = made({ maxRetries: 0 }, new Receiver("first"));
    alerts.addChannel(ops);
    const last = new Receiver("last");
    alerts.addChannel(last);
    const timestamp = new Date(5000);
    await alerts.send({ title: "a", key: "k", timestamp });
    await alerts.resolve("k");
    expect(last.got).toMatchObject([
      { title: "a", count: 1, timestamp: new Date(5000) },
      { title: "resolved: a" },
    ]);
    const { given, sent, failed, pending } = alerts.stats.channels["ops"] ?? {};
    expect({ given, settled: (sent ?? 0) + (failed ?? 0), pending }).toEqual({
      given: 1 + Number(sent === 2),
      settled: given,
      pending: 0,
    });
  });

  test("keeps the name that it was added by", async () => {
    const ops = { name: "ops", deliver: async () => {} };
    const { alerts } = made({ channels: [ops] });
    ops.name = "other";
    expect(await alerts.send({ title: "a" }, { channel: "ops" })).toMatchObject([{ channel: "ops" }]);
    expect(Object.keys(alerts.stats.channels)).toEqual(["ops"]);
  });

  test("that refuses what is held is not asked again at once", async () => {
    const { alerts, ops, clock } = made({ throttle: false, maxRetries: 0, dedupe: "1s" });
    await alerts.send([{ title: "a" }, { title: "a" }]);
    let asked = 0;
    ops.outcomes.push(
      ...Array.from({ length: 1000 }, () => () => {
        asked++;
        return refused({ retryable: false })();
      }),
    );
    for (let second = 0; second < 60; second++) await clock.advance("1s");
    expect(asked).toBeLessThanOrEqual(2);
    expect(alerts.stats.channels["ops"]).toMatchObject({ given: 2, sent: 1, pending: 1 });
    ops.outcomes.length = 0;
    await clock.advance("2m");
    expect(ops.told).toBe(2);
  });

  test("of two managers gets the alerts of both", async () => {
    const ops = new Receiver();
    const [one, other] = [made({ channels: [ops] }).alerts, made({ channels: [ops] }).alerts];
    await Promise.all([one.send({ title: "a" }), other.send({ title: "b" }), one.close()]);
    await other.send({ title: "c" });
    expect(ops.titles.toSorted()).toEqual(["a", "b", "c"]);
  });

  test("that is added to a closed manager gets nothing", async () => {
    const { alerts } = made();
    await alerts.close();
    const late = new Receiver("late");
    alerts.addChannel(late);
    expect(await alerts.send({ title: "a" }, { channel: "late" })).toMatchObject([{ status: "dropped" }]);
    expect(late.got).toEqual([]);
  });

  test("that hangs ends at the timeout, whatever the configuration says of timeouts", async () => {
    using _ = configure({
      timeout: { cooperative: true },
      retry: { maxDuration: "1ms", onOpen: "stop" },
      circuitBreaker: { maxFailures: 1 },
      rateLimiter: { maxQueue: 1 },
    });
    const { alerts, ops, clock } = made({ maxRetries: 1, timeout: "5s" });
    ops.outcomes.push(never, never);
    const sending = alerts.send({ title: "a" });
    for (let i = 0; i < 30; i++) await clock.advance("1s");
    expect(await sending).toMatchObject([{ status: "failed", error: { code: "ERR_TIMEOUT_EXCEEDED" } }]);
    expect(await alerts.send({ title: "b" })).toMatchObject([{ status: "sent" }]);
  });
});

describe("a message of several alerts", () => {
  test("has the highest of their levels", async () => {
    const { alerts, ops } = made({ throttle: false, maxQueue: 1 });
    let end = (): void => {};
    ops.outcomes.push(() => new Promise((resolve) => (end = () => resolve(undefined))));
    const sending = [
      alerts.send({ title: "a" }),
      alerts.send({ title: "b" }),
      alerts.send({ title: "disk full", level: "critical" }),
    ];
    end();
    await Promise.all(sending);
    expect(ops.got).toMatchObject([{ title: "b", level: "critical", count: 2 }]);
  });

  test("is a recovery only if all of them are", async () => {
    const { alerts, ops, clock } = made({ group: "1s" });
    void alerts.send({ title: "a", key: "a", level: "warning" });
    await clock.advance(1);
    void alerts.resolve("a");
    void alerts.send({ title: "disk full", level: "critical" });
    await clock.advance(20);
    expect(ops.got[1]).toMatchObject({
      title: "disk full (and 1 more)",
      isRecovery: false,
      level: "critical",
    });
  });
});

describe("a recovery", () => {
  test("goes to all that were told of the problem, also if a later alert of it did not arrive", async () => {
    const { alerts, ops } = made();
    await alerts.send({ title: "slow", key: "feed", level: "warning" });
    ops.outcomes.push(refused({ retryable: false }));
    await alerts.send({ title: "down", key: "feed", level: "critical" });
    await alerts.resolve("feed");
    expect(ops.titles).toEqual(["slow", "resolved: down"]);
  });

  test("is not undone by an alert of the problem before, which fails afterwards", async () => {
    const { alerts, ops } = made({ throttle: false });
    let fail = (): void => {};
    ops.outcomes.push(
      () =>
        new Promise(
          (_, reject) => (fail = () => reject(Object.assign(new Error("no"), { retryable: false }))),
        ),
    );
    const first = alerts.send({ title: "one", key: "feed", level: "warning" });
    const resolved = alerts.resolve("feed");
    const second = alerts.send({ title: "two", key: "feed", level: "warning" });
    fail();
    await Promise.all([first, resolved, second]);
    await alerts.resolve("feed");
    expect(ops.titles.at(-1)).toBe("resolved: two");
  });
});

test("a problem whose end will not be told, as too many are open, is told itself", async () => {
  const warnings = heardWarnings("KSTLIB_ALERTS_FORGOTTEN");
  const { alerts, ops } = made({ maxQueue: 2, throttle: false });
  for (const key of ["a", "b", "c", "d"]) await alerts.send({ title: key, key, level: "warning" });
  await settled();
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain('the recovery of "a" will not be told');
  const forgotten: unknown[] = [];
  using _ = alerts.on("forgotten", (info) => forgotten.push(info));
  await alerts.send({ title: "e", key: "e", level: "warning" });
  expect(forgotten).toEqual([{ key: "c", title: "c" }]);
  expect(alerts.snapshot().active).toEqual(["d", "e"]);
  await alerts.resolve("c");
  expect(ops.titles.at(-1)).toBe("e");
});

describe("onAlert", () => {
  test("never throws, whatever a component gives", async () => {
    const { alerts, ops } = made({ throttle: false });
    const rejections: unknown[] = [];
    const listen = (reason: unknown): unknown => rejections.push(reason);
    process.on("unhandledRejection", listen);
    onTestFinished(() => void process.off("unhandledRejection", listen));
    const circular: Record<string, unknown> = { name: "feed" };
    circular["self"] = circular;
    const throwing = {
      get name(): string {
        throw new Error("a getter");
      },
      pid: 5,
    };
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    for (const context of [circular, throwing, revoked.proxy, { big: 5n }, Symbol("s"), new Error("e")]) {
      alerts.onAlert("heartbeat", "dead", context);
    }
    alerts.onAlert(Symbol("channel") as never, Object.create(null) as never);
    await alerts.close();
    await settled();
    expect(rejections).toEqual([]);
    expect(ops.got).toHaveLength(7);
    expect(ops.got.map(({ body }) => body).slice(0, 4)).toEqual(["name: feed", "pid: 5", "", "big: 5"]);
  });
});

describe("what is dropped", () => {
  test("is told with its number, by few warnings", async () => {
    const warnings = heardWarnings("KSTLIB_ALERTS_DROPPED");
    const { alerts, ops, clock } = made({ throttle: ONE_A_MINUTE });
    ops.outcomes.push(never);
    const sending = Array.from({ length: 50 }, (_, i) => alerts.send({ title: `${i}` }));
    const closing = alerts.close({ deadline: 1 });
    await clock.advance(1);
    await closing;
    await Promise.all(sending);
    for (let i = 0; i < 50; i++) await alerts.send({ title: `late ${i}` });
    await settled();
    expect(warnings.length).toBeLessThanOrEqual(2);
    expect(warnings[0]).toContain("ops of 50 alerts");
    expect(alerts.stats.channels["ops"]).toMatchObject({ given: 100, dropped: 100 });
  });
});

describe("what is refused", () => {
  test.each([1n, {}, Symbol("s")])("a channel of the name %s is named in an error", async (channel) => {
    const { alerts } = made();
    await expect(alerts.send({ title: "a" }, { channel: channel as never })).rejects.toThrow(
      /has no channel/,
    );
    const none = new AlertManager();
    await expect(none.send({ title: "a" }, { channel: "x" })).rejects.toThrow(/it has none/);
  });
});
