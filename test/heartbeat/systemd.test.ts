import { describe, expect, test } from "vitest";
import { readServiceManager } from "../../src/heartbeat/systemd.js";

const socket = "/run/systemd/notify";
const quiet = { socket, watchdog: undefined, objection: undefined };
const fed = (watchdog: number): object => ({ socket, watchdog, objection: undefined });

describe("a watchdog in systemd's variables", () => {
  test.each<[string, Record<string, string>, object | undefined]>([
    ["missing without variables", {}, undefined],
    ["missing with an empty address", { NOTIFY_SOCKET: "", WATCHDOG_USEC: "10" }, undefined],
    ["missing without an address", { WATCHDOG_USEC: "3000000" }, undefined],
    ["missing with an address alone", { NOTIFY_SOCKET: socket }, quiet],
    ["missing with an abstract address", { NOTIFY_SOCKET: "@a" }, { ...quiet, socket: "@a" }],
    ["fed at half of its time", { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "3000000" }, fed(1500)],
    ["fed with fractions", { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "2999" }, fed(1.4995)],
    ["fed every 1 ms or slower", { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "1" }, fed(1)],
    ["fed by its own process", { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "4000", WATCHDOG_PID: "12" }, fed(2)],
    ["fed by any process", { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "4000", WATCHDOG_PID: "" }, fed(2)],
    ["missing without a timeout", { NOTIFY_SOCKET: socket, WATCHDOG_PID: "13" }, quiet],
  ])("is %s", (_title, env, found) => {
    expect(readServiceManager(env, 12)).toEqual(found);
  });

  test("is ignored, with the reason, if the watchdog expects another process", () => {
    const env = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "4000", WATCHDOG_PID: "13" };
    expect(readServiceManager(env, 12)).toEqual({
      ...quiet,
      objection:
        "systemd expects WATCHDOG=1 from process 13 (WATCHDOG_PID) and this is 12; let ExecStart= run node itself",
    });
  });

  test.each(["0", "-1", "1.5", "x", "1e6", "18446744073709551615", " 5"])(
    "of %j microseconds is ignored, with the reason",
    (text) => {
      expect(readServiceManager({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: text }, 12)).toEqual({
        ...quiet,
        objection: `WATCHDOG_USEC must be microseconds above 0; got ${JSON.stringify(text)}`,
      });
    },
  );
});
