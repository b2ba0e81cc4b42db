import { describe, expect, test } from "vitest";
import { readServiceManager } from "../../src/heartbeat/systemd.js";

const socket = "/run/systemd/notify";
const quiet = { socket, watchdog: undefined, objection: undefined };
const fed = (watchdog: number): object => ({ socket, watchdog, objection: undefined });

describe("a watchdog in systemd's variables", () => {
  test.each<[string, Record<string, string>, object | undefined]>([
    ["nothing where nobody listens", {}, undefined],
    ["nothing by an empty address", { NOTIFY_SOCKET: "", WATCHDOG_USEC: "10" }, undefined],
    ["nothing by a watchdog alone", { WATCHDOG_USEC: "3000000" }, undefined],
    ["where to send", { NOTIFY_SOCKET: socket }, quiet],
    ["an abstract address", { NOTIFY_SOCKET: "@a" }, { ...quiet, socket: "@a" }],
    ["half of the watchdog's time", { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "3000000" }, fed(1500)],
    ["fractions", { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "2999" }, fed(1.4995)],
    ["never less than 1 ms", { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "1" }, fed(1)],
    ["our own watchdog", { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "4000", WATCHDOG_PID: "12" }, fed(2)],
    ["a watchdog for anybody", { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "4000", WATCHDOG_PID: "" }, fed(2)],
    ["no watchdog, of a child's parent", { NOTIFY_SOCKET: socket, WATCHDOG_PID: "13" }, quiet],
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
