import { expect, test } from "vitest";
import { alertsFrom, type ComponentEvent } from "../../src/alerts/index.js";
import { made } from "./receiver.js";

test("alerts of a component with an endless name are sent", async () => {
  const { alerts, ops } = made({ throttle: false });
  const listeners: ((event: ComponentEvent) => unknown)[] = [];
  const registry = {
    on(listener: (event: ComponentEvent) => unknown) {
      listeners.push(listener);
      return { [Symbol.dispose]() {} };
    },
  };
  using _ = alertsFrom(registry, alerts);
  const name = "n".repeat(10_000);
  const tell = (to: string): unknown =>
    listeners[0]?.({
      kind: "circuit-breaker",
      name,
      event: "stateChange",
      payload: { to, reason: "failures" },
    });
  tell("open");
  tell("closed");
  await alerts.close();
  expect(ops.got).toMatchObject([{ level: "critical" }, { isRecovery: true }]);
});

test("halves of characters are replaced, which a receiver may refuse", async () => {
  const { alerts, ops } = made();
  await alerts.send({ title: "a\uD83D", body: "\uDE00b" });
  expect(ops.got).toMatchObject([{ title: "a\uFFFD", body: "\uFFFDb" }]);
});

test("an endless text is cut before anything else", async () => {
  const { alerts, ops } = made();
  await alerts.send({ title: "t".repeat(10_000_000), body: "b".repeat(10_000_000) });
  expect(ops.got[0]?.title).toHaveLength(500);
  expect(ops.got[0]?.body).toHaveLength(20_000);
});
