import { describe, expect, test } from "vitest";
import { AlertDeliveryError, AlertManager, AlertSender } from "../../src/alerts/index.js";
import { heardWarnings, made, Receiver, refused } from "./receiver.js";

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("an alert that nobody gets", () => {
  test.each([
    ["AlertManager", AlertManager],
    ["AlertSender", AlertSender],
  ])("as there is no channel is warned of once by %s", async (_, Manager) => {
    const warnings = heardWarnings("KSTLIB_ALERTS_NO_CHANNEL");
    await using alerts = new Manager({ name: "night" });
    expect(await alerts.send([])).toEqual([]);
    await settled();
    expect(warnings).toEqual([]);
    expect(await alerts.send({ title: "a", level: "critical" })).toEqual([]);
    alerts.onAlert("heartbeat", "dead");
    await settled();
    expect(warnings).toEqual(['alert manager "night" has no channel: its alerts reach nobody']);
  });

  test("as no channel gets its level is what the options say", async () => {
    const warnings = heardWarnings("KSTLIB_ALERTS_NO_CHANNEL");
    const { alerts } = made({ minLevel: "critical" });
    expect(await alerts.send({ title: "a" })).toEqual([]);
    await settled();
    expect(warnings).toEqual([]);
  });

  test("as its delivery has failed is warned of once for each channel, unless a listener hears of it", async () => {
    const warnings = heardWarnings("KSTLIB_ALERTS_FAILED");
    const final = (): Promise<never> =>
      Promise.reject(new AlertDeliveryError("ops", "the server answered 404", { retryable: false }));
    const fails = { retryable: false, message: "at https://chat.example/S3CR3T" };
    const [ops, night] = [new Receiver("ops"), new Receiver("night")];
    const { alerts } = made({ throttle: false }, ops, night);
    ops.outcomes.push(final, final, final);
    night.outcomes.push(refused(fails), refused(fails), refused(fails));
    using listening = alerts.on("failed", () => {});
    await alerts.send({ title: "heard" });
    await settled();
    expect(warnings).toEqual([]);
    listening[Symbol.dispose]();
    await alerts.send({ title: "first" });
    await alerts.send({ title: "second" });
    await settled();
    const begin = (channel: string): string => `alert manager "alerts" could not tell ${channel} of "first"`;
    expect(warnings).toEqual([
      `${begin("ops")}: the alert could not be delivered to ops: the server answered 404`,
      `${begin("night")}: a listener of failed gets the error, which may contain a secret`,
    ]);
  });

  test("as its delivery has failed is warned of, whatever the error is", async () => {
    const warnings = heardWarnings("KSTLIB_ALERTS_FAILED");
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    const get = (): never => {
      throw new Error("a getter");
    };
    const poisoned = Object.defineProperties(new Error("poisoned"), { message: { get }, code: { get } });
    for (const error of [revoked.proxy, poisoned, undefined, "text"]) {
      const { alerts, ops } = made({ maxRetries: 0 });
      ops.outcomes.push(() => Promise.reject(error));
      expect(await alerts.send({ title: "a" })).toMatchObject([{ status: "failed" }]);
    }
    await settled();
    expect(warnings).toHaveLength(4);
  });
});
