import { describe, expect, test, vi } from "vitest";
import { Group } from "../../src/alerts/group.js";
import { readAlert } from "../../src/alerts/messages.js";
import type { Delivery } from "../../src/alerts/alert.js";
import { ManualClock } from "../../src/testing/index.js";
import { made, Receiver } from "./receiver.js";

describe("equal alerts", () => {
  test("have the same title and body, or key, the same level, and the same channels", async () => {
    const [ops, dev] = [new Receiver("ops"), new Receiver("dev")];
    const { alerts } = made({ dedupe: "5m", throttle: false }, ops, dev);
    await alerts.send({ title: "a", body: "1" });
    await alerts.send({ title: "a", body: "2" });
    await alerts.send({ title: "b", body: "1" });
    await alerts.send({ title: "a", body: "1" }, { channel: "dev" });
    await alerts.send({ title: "a", body: "1" }, { channel: "ops" });
    await alerts.send({ title: "a", body: "1" });
    expect(ops.titles).toEqual(["a", "a", "b", "a"]);
    expect(dev.titles).toEqual(["a", "a", "b", "a"]);
  });

  test("are told each at its own time, also after others that go on", async () => {
    const { alerts, ops, clock } = made({ dedupe: "5m", throttle: false });
    const twice = async (title: string): Promise<void> => {
      for (let count = 0; count < 2; count++) await alerts.send({ title });
    };
    await twice("first");
    await clock.advance("2m");
    await twice("second");
    await clock.advance("3m");
    expect(ops.got.map(({ title, count }) => [title, count]).slice(2)).toEqual([["first", 1]]);
    await clock.advance("2m");
    expect(ops.got.map(({ title, count }) => [title, count]).slice(3)).toEqual([["second", 1]]);
  });

  test("go on when their number was told, for the same time again", async () => {
    const { alerts, ops, clock } = made({ dedupe: "5m", throttle: false });
    for (let count = 0; count < 2; count++) await alerts.send({ title: "a" });
    await clock.advance("5m");
    expect(await alerts.send({ title: "a" })).toMatchObject([{ status: "merged" }]);
    await clock.advance("5m");
    expect(ops.got.map(({ count }) => count)).toEqual([1, 1, 1]);
    await clock.advance("5m");
    expect(await alerts.send({ title: "a" })).toMatchObject([{ status: "sent" }]);
  });

  test("are told of at once to make room for others", async () => {
    const { alerts, ops } = made({ dedupe: "5m", maxQueue: 2, throttle: false });
    for (const title of ["a", "a", "b"]) await alerts.send({ title });
    expect(ops.got.map(({ body }) => body)).toEqual(["", ""]);
    await alerts.send({ title: "c" });
    expect(ops.got.map(({ title, body }) => [title, body]).slice(2)).toEqual(
      expect.arrayContaining([
        ["a", "1 more in 1 s"],
        ["c", ""],
      ]),
    );
  });

  test("keep no process alive until they are told", async () => {
    const timers = vi.spyOn(ManualClock.prototype, "setTimer");
    const { alerts, clock } = made({ dedupe: "5m", group: "1m" });
    for (const title of ["a", "a", "b"]) await Promise.all([alerts.send({ title }), clock.advance("1m")]);
    await clock.advance("4m");
    // Others are for deliveries that are under way.
    const long = timers.mock.calls.filter(([, delay]) => delay >= 60_000);
    timers.mockRestore();
    expect(long.map(([, delay]) => delay)).toEqual(expect.arrayContaining([60_000, 120_000, 300_000]));
    expect(long.every(([, , options]) => options?.ref === false)).toBe(true);
  });

  test("of a problem that is over are told, and no others", async () => {
    const { alerts, ops, clock } = made({ dedupe: "5m", throttle: false });
    for (const key of ["a", "b"]) {
      for (let count = 0; count < 2; count++) await alerts.send({ title: key, key });
    }
    await clock.advance("9s");
    await alerts.resolve("a");
    expect(ops.titles).toEqual(["a", "b", "a", "resolved: a"]);
    expect(ops.got[2]?.body).toBe("1 more in 9 s");
  });
});

describe("a group", () => {
  const alert = (title: string): Delivery => readAlert({ title }, 0, title);

  function grouped(group: number) {
    const clock = new ManualClock();
    const ended: [title: string, full: number][] = [];
    const settled: string[] = [];
    const collected = new Group({ clock, group, maxQueue: 2 }, (message, full, settle) => {
      ended.push([message.title, full]);
      settle({ channel: "ops", status: "sent", success: true, messageId: undefined, error: undefined });
    });
    const add = (title: string): boolean =>
      collected.add(alert(title), ({ status }) => settled.push(`${title} ${status}`));
    return { clock, ended, settled, add };
  }

  test("holds maxQueue alerts, and has room again when its time is over", async () => {
    const { clock, ended, settled, add } = grouped(1000);
    expect(["a", "b", "c"].map(add)).toEqual([true, true, false]);
    await clock.advance(1);
    expect(ended).toEqual([["a (and 1 more)", 2]]);
    expect(settled).toEqual(["a sent", "b sent"]);
    expect(add("d")).toBe(true);
    await clock.advance(1);
    expect(ended[1]).toEqual(["d", 1]);
  });

  test("of no length is each alert, without a timer", () => {
    const { clock, ended, add } = grouped(0);
    expect(["a", "b", "c"].map(add)).toEqual([true, true, true]);
    expect(ended.map(([title]) => title)).toEqual(["a", "b", "c"]);
    expect(clock.pendingTimers).toBe(0);
  });
});
