import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { pushConfiguration } from "../../src/kernel/configured.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import type { WatchdogOptions } from "../../src/watchdog/options.js";
import type { RecoverInfo, TimeoutInfo } from "../../src/watchdog/timeout-info.js";
import { Watchdog } from "../../src/watchdog/watchdog.js";

function setUp(options: WatchdogOptions = {}) {
  const clock = new ManualClock();
  const timeouts: TimeoutInfo[] = [];
  const recoveries: RecoverInfo[] = [];
  const watchdog = new Watchdog({
    timeout: 10,
    name: "feed",
    clock,
    onTimeout: (info) => timeouts.push(info),
    onRecover: (info) => recoveries.push(info),
    ...options,
  });
  return { clock, watchdog, timeouts, recoveries };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("Watchdog", () => {
  test("times out once when nothing pings for the whole timeout", async () => {
    const { clock, watchdog, timeouts } = setUp();
    watchdog.start();
    await clock.advance(9.9);
    expect(watchdog.isTriggered).toBe(false);
    await clock.advance(0.1);
    expect(watchdog.isTriggered).toBe(true);
    await clock.advance(100);
    expect(timeouts).toEqual([{ name: "feed", secondsInactive: 10, kind: "not-pinged", details: {} }]);
    expect(watchdog.stats.timeoutsTriggered).toBe(1);
    watchdog.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test("does not time out while it is pinged", async () => {
    const { clock, watchdog, timeouts } = setUp();
    watchdog.start();
    for (let round = 0; round < 20; round++) {
      await clock.advance(9);
      watchdog.ping();
    }
    expect(timeouts).toEqual([]);
    expect(watchdog.stats.pingsTotal).toBe(20);
  });

  test("finds a timeout at most one poll late and never early", async () => {
    const { clock, watchdog } = setUp({ pollInterval: 2 });
    watchdog.start();
    await clock.advance(3);
    watchdog.ping();
    await clock.advance(9.99);
    expect(watchdog.isTriggered).toBe(false);
    await clock.advance(2.01);
    expect(watchdog.isTriggered).toBe(true);
  });

  test("is armed again by a ping, reports the recovery, and counts a second timeout", async () => {
    const { clock, watchdog, timeouts, recoveries } = setUp();
    const events: string[] = [];
    watchdog.on("timeout", ({ name }) => events.push(`timeout of ${name}`));
    watchdog.on("recover", ({ name }) => events.push(`recovery of ${name}`));
    watchdog.start();
    await clock.advance(13);
    watchdog.ping();
    expect(watchdog.isTriggered).toBe(false);
    expect(recoveries).toEqual([{ name: "feed", secondsTriggered: 3 }]);
    watchdog.ping();
    await clock.advance(10.2);
    expect(timeouts).toHaveLength(2);
    expect(events).toEqual(["timeout of feed", "recovery of feed", "timeout of feed"]);
  });

  test("is not triggered before its first start", () => {
    expect(setUp().watchdog.isTriggered).toBe(false);
  });

  test("reports a timeout to all before its end, even if onTimeout pings", async () => {
    const told: string[] = [];
    const clock = new ManualClock();
    const watchdog = new Watchdog({
      timeout: 10,
      clock,
      onTimeout: () => {
        told.push("onTimeout");
        watchdog.ping();
      },
      onAlert: () => told.push("onAlert"),
      onRecover: () => told.push("onRecover"),
    });
    watchdog.on("timeout", () => told.push("timeout"));
    watchdog.on("recover", () => told.push("recover"));
    watchdog.start();
    await clock.advance(10);
    expect(told).toEqual(["onTimeout", "onAlert", "timeout", "onRecover", "recover"]);
  });

  test("reports nothing after stop(), and stays triggered until a ping or a start", async () => {
    const { clock, watchdog, recoveries } = setUp();
    watchdog.start();
    await clock.advance(10);
    watchdog.stop();
    expect(watchdog.isTriggered).toBe(true);
    watchdog.ping();
    expect(watchdog.isTriggered).toBe(false);
    watchdog.start();
    watchdog.ping();
    expect(recoveries).toEqual([]);
  });

  test("reset() begins a new period without counting a ping or a recovery", async () => {
    const { clock, watchdog, timeouts, recoveries } = setUp();
    watchdog.start();
    await clock.advance(12);
    expect(watchdog.isTriggered).toBe(true);
    watchdog.reset();
    expect(watchdog.isTriggered).toBe(false);
    expect(watchdog.secondsSincePing).toBe(0);
    await clock.advance(9.9);
    expect(timeouts).toHaveLength(1);
    await clock.advance(0.3);
    expect(timeouts).toHaveLength(2);
    expect(recoveries).toEqual([]);
    expect(watchdog.stats.pingsTotal).toBe(0);
  });

  test("shows the time since the last ping and since the start, although a ping reads no clock", async () => {
    const { clock, watchdog } = setUp();
    watchdog.start();
    await clock.advance(4);
    expect(watchdog.secondsSincePing).toBe(4);
    expect(watchdog.stats.lastPingTime).toBeNull();
    const now = vi.spyOn(clock, "now");
    watchdog.ping();
    expect(now).not.toHaveBeenCalled();
    expect(watchdog.secondsSincePing).toBe(0);
    await clock.advance(2);
    expect(watchdog.secondsSincePing).toBe(2);
    expect(watchdog.stats).toEqual({
      pingsTotal: 1,
      timeoutsTriggered: 0,
      lastPingTime: 4,
      startTime: 0,
      uptime: 6,
    });
    watchdog.stop();
    await clock.advance(50);
    expect(watchdog.stats.uptime).toBe(6);
  });

  test("can be started and stopped any number of times, with a whole period from each start", async () => {
    const { clock, watchdog, timeouts } = setUp();
    watchdog.start();
    watchdog.start();
    expect(watchdog.isRunning).toBe(true);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(9);
    watchdog.stop();
    watchdog.stop();
    expect(watchdog.isRunning).toBe(false);
    expect(clock.pendingTimers).toBe(0);
    await clock.advance(50);
    watchdog.start();
    await clock.advance(9);
    expect(timeouts).toEqual([]);
    await clock.advance(1);
    expect(timeouts).toHaveLength(1);
    watchdog[Symbol.dispose]();
    expect(clock.pendingTimers).toBe(0);
  });

  test("reports on stop() what a blocked thread has kept it from reporting", () => {
    const { clock, watchdog, timeouts } = setUp();
    watchdog.start();
    clock.sleepSync(11_000);
    watchdog.stop();
    expect(timeouts).toHaveLength(1);
    expect(watchdog.stats.timeoutsTriggered).toBe(1);
  });

  test("can be stopped in its own callback", async () => {
    const clock = new ManualClock();
    let calls = 0;
    const watchdog = new Watchdog({
      timeout: 1,
      clock,
      onTimeout: () => {
        calls++;
        watchdog.stop();
      },
    });
    watchdog.start();
    await clock.advance(10);
    expect(calls).toBe(1);
    expect(watchdog.isRunning).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });

  test("can be pinged, reset and restarted in its own callback", async () => {
    for (const act of ["ping", "reset", "restart"] as const) {
      const clock = new ManualClock();
      let calls = 0;
      const watchdog = new Watchdog({
        timeout: 1,
        clock,
        onTimeout: () => {
          calls++;
          if (act === "ping") watchdog.ping();
          else if (act === "reset") watchdog.reset();
          else {
            watchdog.stop();
            watchdog.start();
          }
        },
      });
      watchdog.start();
      await clock.advance(1);
      expect(watchdog.isTriggered).toBe(false);
      await clock.advance(1.1);
      expect(calls).toBe(2);
      watchdog.stop();
      expect(clock.pendingTimers).toBe(0);
    }
  });

  test("survives callbacks and listeners that throw or reject", async () => {
    const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const fail = (): never => {
      throw new Error("boom");
    };
    const { clock, watchdog } = setUp({
      onTimeout: () => Promise.reject(new Error("boom")),
      onRecover: fail,
      onAlert: fail,
    });
    watchdog.on("timeout", fail);
    watchdog.on("recover", fail);
    watchdog.start();
    await clock.advance(11);
    watchdog.ping();
    await clock.advance(11);
    expect(watchdog.stats.timeoutsTriggered).toBe(2);
    expect(warnings).toHaveBeenCalledTimes(8);
  });

  test("sends alerts on the channel watchdog", async () => {
    const alerts: unknown[][] = [];
    const { clock, watchdog, timeouts } = setUp({ onAlert: (...args) => alerts.push(args) });
    watchdog.start();
    await clock.advance(10);
    expect(alerts).toEqual([
      [
        "watchdog",
        "feed was not pinged for 10.0 s: the event loop runs, the work does not ping (not-pinged)",
        timeouts[0],
      ],
    ]);
  });

  test("warns of a hang if there is no listener", async () => {
    const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const clock = new ManualClock();
    const watchdog = new Watchdog({ timeout: 1, clock });
    watchdog.start();
    await clock.advance(1);
    expect(warnings.mock.calls[0]?.[1]).toMatchObject({ code: "KSTLIB_WATCHDOG_TIMEOUT" });
  });

  test("counts pings beyond 2 to the 32", () => {
    const made: SharedArrayBuffer[] = [];
    class Observed extends SharedArrayBuffer {
      constructor(length: number) {
        super(length);
        made.push(this);
      }
    }
    vi.stubGlobal("SharedArrayBuffer", Observed);
    const { watchdog } = setUp();
    vi.unstubAllGlobals();
    const [cells = new SharedArrayBuffer(4)] = made;
    // The last count but one of a lap; the period that began has been counted, too.
    new Int32Array(cells)[0] = -2;
    for (let ping = 0; ping < 4; ping++) watchdog.ping();
    expect(watchdog.stats.pingsTotal).toBe(2 ** 32 + 1);
  });

  test("shows its settings, durations in seconds", () => {
    const { watchdog } = setUp({
      timeout: "1500ms",
      onFreeze: "exit",
      exitCode: 7,
      reportDirectory: "reports",
    });
    const reportDirectory = path.resolve("reports");
    const settings = { timeout: 1.5, onFreeze: "exit", exitCode: 7, reportDirectory, maxReports: 50 };
    expect(watchdog).toMatchObject(settings);
    expect(setUp().watchdog).toMatchObject({ onFreeze: "report", exitCode: 70, reportDirectory: undefined });
  });

  test("gives frozen stats and a snapshot that survives JSON", async () => {
    const { clock, watchdog } = setUp();
    watchdog.start();
    await clock.advance(3);
    const snapshot = watchdog.snapshot();
    expect(snapshot).toEqual({
      kind: "watchdog",
      name: "feed",
      isRunning: true,
      isTriggered: false,
      timeout: 10,
      secondsSincePing: 3,
      pingsTotal: 0,
      timeoutsTriggered: 0,
      lastPingTime: null,
      startTime: 0,
      uptime: 3,
    });
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
    expect(Object.isFrozen(snapshot)).toBe(true);
    expect(Object.isFrozen(watchdog.stats)).toBe(true);
  });

  test("reads the configuration, by section and by name", async () => {
    const clock = new ManualClock();
    using _ = pushConfiguration({ watchdog: { timeout: 20, instances: { fast: { timeout: 2 } } } });
    const slow = new Watchdog({ clock });
    const fast = new Watchdog({ clock, name: "fast" });
    expect([slow.snapshot().timeout, fast.snapshot().timeout]).toEqual([20, 2]);
    expect(new Watchdog({ clock, name: "fast", timeout: 5 }).snapshot().timeout).toBe(5);
  });
});

describe("update of a watchdog", () => {
  test("begins a whole new timeout, without a ping, a start or another timer", async () => {
    const { clock, watchdog, timeouts } = setUp();
    watchdog.start();
    await clock.advance(9);
    watchdog.update({ timeout: 20 });
    expect(watchdog.timeout).toBe(20);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(19.9);
    expect(timeouts).toEqual([]);
    await clock.advance(0.3);
    expect(timeouts).toHaveLength(1);
    expect(watchdog.stats).toMatchObject({ pingsTotal: 0, startTime: 0 });
    watchdog.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test("does not take back a timeout, nor tell of it again", async () => {
    const { clock, watchdog, timeouts, recoveries } = setUp();
    watchdog.start();
    await clock.advance(10);
    watchdog.update({ timeout: 5 });
    expect(watchdog.isTriggered).toBe(true);
    await clock.advance(1);
    watchdog.ping();
    expect([timeouts.length, recoveries.length]).toEqual([1, 1]);
    await clock.advance(5.1);
    expect(timeouts).toHaveLength(2);
    watchdog.stop();
  });

  test("counts at the next start when it does not watch, and refuses what does not go together", () => {
    const { clock, watchdog } = setUp();
    watchdog.update({ timeout: 2, pollInterval: 1, onFreeze: "exit", exitCode: 3, maxReports: 7 });
    expect([watchdog.timeout, watchdog.onFreeze, watchdog.exitCode, watchdog.maxReports]).toEqual([
      2,
      "exit",
      3,
      7,
    ]);
    expect(() => watchdog.update({ pollInterval: 1.5 })).toThrow(
      "pollInterval must be at most half the timeout",
    );
    watchdog.update({ pollInterval: null });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("the options of a watchdog", () => {
  const wrong: readonly [option: string, values: readonly unknown[]][] = [
    ["timeout", [Number.NaN, Infinity, -1, 0, "10", "soon", "", null, true, {}, "0s"]],
    ["pollInterval", [Number.NaN, Infinity, -1, 0, 0.001, "9ms", "1", null, true, {}, 6, 20]],
    ["name", ["", 5, null, {}]],
    ["onTimeout", [5, null, "f", {}]],
    ["onRecover", [5, null, "f", {}]],
    ["onAlert", [5, null, "f", {}]],
    ["onNotCounted", [5, null, "f", {}]],
    ["reportDirectory", ["", 5, null, {}, "a\0b", new URL("https://example.com/a")]],
    ["maxReports", [Number.NaN, Infinity, -1, 0, 1.5, "10", null, {}]],
    ["heartbeat", ["app", 5, null, {}, { beat() {} }, { beat: 1, isRunning: true, freezeLink: undefined }]],
    ["onFreeze", ["", "die", 5, null, {}]],
    ["exitCode", [Number.NaN, Infinity, -1, 1.5, 256, "70", null, {}]],
    ["clock", [5, null, "c", {}, { now() {} }]],
  ];
  const cases = wrong.flatMap(([option, values]) => values.map((value) => [option, value] as const));

  test.each(cases)("reject %s: %j with an error that names it", (option, value) => {
    expect(() => new Watchdog({ timeout: 10, [option]: value })).toThrow(new RegExp(`^${option}\\b`));
  });

  test("reject an unknown name and anything that is not a set of options", () => {
    expect(() => new Watchdog({ ["timout" as "timeout"]: 5 })).toThrow(/timout .* did you mean timeout/);
    expect(() => Reflect.construct(Watchdog, [30])).toThrow(TypeError);
    expect(() => Reflect.construct(Watchdog, [null])).toThrow(TypeError);
  });

  test.each([
    [0.5, 1],
    ["20ms", 1],
    ["2h", 3600],
    [7200, 3600],
    [30_000, 3600],
  ] as const)("move a timeout of %j to %i s, with a warning", (timeout, used) => {
    const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    expect(new Watchdog({ timeout }).snapshot().timeout).toBe(used);
    expect(warnings).toHaveBeenCalledTimes(1);
    expect(warnings.mock.calls[0]?.[1]).toMatchObject({ code: "KSTLIB_CLAMPED" });
  });

  test.each([1, 3600, "1s", "1h", "1000ms", undefined] as const)(
    "take a timeout of %j as it is",
    (timeout) => {
      const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
      void new Watchdog({ timeout });
      expect(warnings).not.toHaveBeenCalled();
    },
  );

  test("reject an unknown event", () => {
    const { watchdog } = setUp();
    expect(() => watchdog.on("tiemout" as "timeout", () => {})).toThrow(/did you mean timeout/i);
  });
});
