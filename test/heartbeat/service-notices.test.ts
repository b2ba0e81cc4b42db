import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import type { HeartbeatOptions } from "../../src/heartbeat/options.js";
import type { Clock } from "../../src/kernel/clock.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { collectWarnings } from "./folder.js";

const READY = "READY=1\nSTATUS=running";
const DRAINING = "STOPPING=1\nSTATUS=draining";
const STOPPED = "STOPPING=1\nSTATUS=stopped";
const ALIVE = "WATCHDOG=1";

function underSystemd(env: Readonly<Record<string, string>> = {}): void {
  for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) vi.stubEnv(name, undefined);
  for (const [name, value] of Object.entries({ NOTIFY_SOCKET: "/nowhere", ...env })) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
}

function setup(options: HeartbeatOptions = {}): {
  clock: ManualClock;
  heartbeat: Heartbeat;
  sent: string[];
} {
  const clock = new ManualClock();
  const sent: string[] = [];
  const heartbeat = new Heartbeat({ clock, systemd: (message) => sent.push(message), ...options });
  return { clock, heartbeat, sent };
}

/** The clock, but that it does not wait for what hangs. */
function impatient(clock: ManualClock): Clock {
  return {
    now: () => clock.now(),
    wallNow: () => clock.wallNow(),
    setTimer: (callback, delay, options) => clock.setTimer(callback, delay, options),
    sleepSync: () => undefined,
  };
}

describe("a heartbeat under systemd", () => {
  test("sends READY=1 at its start and STOPPING=1 at its end, without needing a file", async () => {
    underSystemd();
    const { clock, heartbeat, sent } = setup();
    heartbeat.start();
    await clock.advance(60);
    expect(sent).toEqual([READY]);
    await heartbeat.stop();
    expect(sent).toEqual([READY, STOPPED]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("sends neither READY=1 nor WATCHDOG=1 while it warms up: a slow start is not a freeze", async () => {
    underSystemd({ WATCHDOG_USEC: "2000000" });
    const { clock, heartbeat, sent } = setup();
    heartbeat.start({ ready: false });
    await clock.advance(10);
    expect(sent).toEqual([]);
    heartbeat.ready();
    await clock.advance(1);
    expect(sent).toEqual([READY, ALIVE]);
    await heartbeat.stop();
  });

  test("sends WATCHDOG=1 at half of the watchdog's time, regardless of its own interval", async () => {
    underSystemd({ WATCHDOG_USEC: "3000000", WATCHDOG_PID: String(process.pid) });
    const { clock, heartbeat, sent } = setup({ interval: 3600 });
    heartbeat.start();
    await clock.advance(1.499);
    expect(sent).toEqual([READY]);
    await clock.advance(0.001);
    expect(sent).toEqual([READY, ALIVE]);
    await clock.advance(3);
    expect(sent).toEqual([READY, ALIVE, ALIVE, ALIVE]);
    await heartbeat.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test("keeps sending WATCHDOG=1 while it drains", async () => {
    underSystemd({ WATCHDOG_USEC: "2000000" });
    const controller = new AbortController();
    const { clock, heartbeat, sent } = setup({ drainOn: controller.signal });
    heartbeat.start();
    controller.abort();
    await clock.advance(2);
    await heartbeat.stop();
    await clock.advance(5);
    expect(sent).toEqual([READY, DRAINING, ALIVE, ALIVE, STOPPED]);
  });

  test("never sends READY=1 if the shutdown began before it", async () => {
    underSystemd();
    const { clock, heartbeat, sent } = setup({ drainOn: AbortSignal.abort() });
    heartbeat.start();
    heartbeat.ready();
    await clock.advance(1);
    await heartbeat.stop();
    expect(sent).toEqual([DRAINING, STOPPED]);
  });

  test("sends one notice at a time, in order, and no WATCHDOG=1 while another waits", async () => {
    underSystemd({ WATCHDOG_USEC: "2000000" });
    const sent: string[] = [];
    const taken: (() => void)[] = [];
    const clock = new ManualClock();
    const heartbeat = new Heartbeat({
      clock: impatient(clock),
      systemd: (message) => new Promise<void>((resolve) => taken.push((sent.push(message), resolve))),
    });
    heartbeat.start();
    heartbeat.drain();
    await clock.advance(10);
    expect(sent).toEqual([READY]);
    taken[0]?.();
    await clock.advance(0);
    expect(sent).toEqual([READY, DRAINING]);
    taken[1]?.();
    await clock.advance(3);
    expect(sent).toEqual([READY, DRAINING, ALIVE]);
    const stopped = heartbeat.stop();
    taken[2]?.();
    await clock.advance(0);
    expect(sent).toEqual([READY, DRAINING, ALIVE, STOPPED]);
    taken[3]?.();
    await stopped;
  });

  test("sends its notices again after each start", async () => {
    underSystemd();
    const { heartbeat, sent } = setup();
    for (let life = 0; life < 2; life++) {
      heartbeat.start();
      await heartbeat.stop();
    }
    expect(sent).toEqual([READY, STOPPED, READY, STOPPED]);
  });

  test("sends the notice of a stop before that of the next start, even if nobody waited for the stop", async () => {
    underSystemd();
    const sent: string[] = [];
    const { heartbeat } = setup({
      systemd: async (message) => {
        if (message === STOPPED) await new Promise(setImmediate);
        sent.push(message);
      },
    });
    heartbeat.start();
    void heartbeat.stop();
    heartbeat.start();
    await heartbeat.stop();
    expect(sent).toEqual([READY, STOPPED, READY, STOPPED]);
  });

  test("stops waiting for a manager that never answers when it is stopped, and warns", async () => {
    underSystemd();
    const warnings = collectWarnings("KSTLIB_SYSTEMD_NOTIFY");
    const clock = new ManualClock();
    const sent: string[] = [];
    const heartbeat = new Heartbeat({
      clock: impatient(clock),
      systemd: (message) => {
        sent.push(message);
        return new Promise(() => undefined);
      },
    });
    heartbeat.start();
    heartbeat.drain();
    const stopped = heartbeat.stop();
    await clock.advance(5);
    await stopped;
    expect(sent).toEqual([READY]);
    expect(warnings).toEqual(['heartbeat "heartbeat" could not send systemd STOPPING=1']);
  });

  test("warns once for a series of notices that cannot be sent, and keeps beating", async () => {
    underSystemd({ WATCHDOG_USEC: "2000000" });
    const warnings = collectWarnings("KSTLIB_SYSTEMD_NOTIFY");
    const failing = { now: true };
    const { clock, heartbeat } = setup({
      interval: 1,
      systemd: () => {
        if (failing.now) throw new Error("nobody is there");
      },
    });
    heartbeat.start();
    await clock.advance(5);
    expect(warnings).toEqual(['heartbeat "heartbeat" could not send systemd READY=1']);
    failing.now = false;
    await clock.advance(1);
    failing.now = true;
    await clock.advance(3);
    expect(warnings).toHaveLength(2);
    await heartbeat.stop();
    expect(heartbeat.snapshot()).toMatchObject({ status: "stopped", missedBeats: 0 });
    expect(warnings).toHaveLength(2);
  });

  test("sends no WATCHDOG=1 meant for another process, and warns", async () => {
    underSystemd({ WATCHDOG_USEC: "2000000", WATCHDOG_PID: "1" });
    const warnings = collectWarnings("KSTLIB_SYSTEMD_NOTIFY");
    const { clock, heartbeat, sent } = setup();
    heartbeat.start();
    await clock.advance(10);
    expect(sent).toEqual([READY]);
    expect(warnings).toEqual([
      `heartbeat "heartbeat" sends nothing to systemd's watchdog: systemd expects WATCHDOG=1 from process 1 (WATCHDOG_PID) and this is ${process.pid}; let ExecStart= run node itself`,
    ]);
    await heartbeat.stop();
  });

  test.each([false, undefined])("sends nothing unless the option is set (%s)", async (systemd) => {
    underSystemd({ WATCHDOG_USEC: "2000000" });
    const taken = vi.spyOn(process, "getBuiltinModule");
    onTestFinished(() => taken.mockRestore());
    const { clock, heartbeat } = setup({ systemd });
    heartbeat.start();
    expect(clock.pendingTimers).toBe(1);
    await heartbeat.stop();
    expect(taken).not.toHaveBeenCalledWith("node:child_process");
  });
});

test("without systemd a heartbeat with the option systemd sends nothing", async () => {
  underSystemd({ WATCHDOG_USEC: "2000000" });
  vi.stubEnv("NOTIFY_SOCKET", undefined);
  const { clock, heartbeat, sent } = setup();
  heartbeat.start();
  expect(clock.pendingTimers).toBe(1);
  await clock.advance(10);
  await heartbeat.stop();
  expect(sent).toEqual([]);
});
