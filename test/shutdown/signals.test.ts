import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { GracefulShutdown } from "../../src/shutdown/graceful-shutdown.js";
import type { GracefulShutdownOptions } from "../../src/shutdown/options.js";
import { ManualClock } from "../../src/testing/manual-clock.js";

// Emitted, not sent: only the shutdowns of these tests listen to it.
const SIGNAL = "SIGUSR2";
const CODE = 128 + 12;

let clock: ManualClock;
let installed: GracefulShutdown[];
const events = [SIGNAL, "SIGQUIT", "uncaughtException"] as const;
let before: readonly unknown[];
const listeners = (): unknown[] => events.map((event) => process.rawListeners(event));

beforeEach(() => {
  clock = new ManualClock();
  installed = [];
  before = listeners();
  // Swallowed, and told to be written: a shutdown waits for that.
  vi.spyOn(process.stderr, "write").mockImplementation((_text, ...rest: unknown[]) => {
    for (const callback of rest) if (typeof callback === "function") callback();
    return true;
  });
});

afterEach(() => {
  for (const shutdown of installed) shutdown.uninstall();
  vi.restoreAllMocks();
  assert.deepEqual(listeners(), before);
  assert.equal(clock.pendingTimers, 0);
});

// The types know no `emit` for it.
function crash(error: Error, origin: string): void {
  EventEmitter.prototype.emit.call(process, "uncaughtException", error, origin);
}

function install(options: GracefulShutdownOptions = {}) {
  const exit = vi.fn<(code: number) => unknown>();
  const shutdown = new GracefulShutdown({ clock, exit, signals: [SIGNAL], ...options });
  shutdown.install();
  installed.push(shutdown);
  return { exit, shutdown };
}

describe.skipIf(process.platform === "win32")("an installed shutdown", () => {
  test("begins at the signal and ends the process with 128 + n", async () => {
    const { exit, shutdown } = install();
    const reasons: string[] = [];
    shutdown.register("hook", ({ reason }) => reasons.push(reason));
    process.emit(SIGNAL);
    expect(shutdown.isShuttingDown).toBe(true);
    await clock.advance(0);
    expect(reasons).toEqual([SIGNAL]);
    expect(exit.mock.calls).toEqual([[CODE]]);
  });

  test("ends the process with forceExitCode if a callback was not done", async () => {
    const { exit, shutdown } = install({ forceExitCode: 75, timeout: 3 });
    shutdown.on("complete", () => {});
    shutdown.register("hang", () => new Promise(() => {}));
    process.emit(SIGNAL);
    await clock.advance(3);
    expect(exit.mock.calls).toEqual([[75]]);
  });

  test("does not end the process with exitOnSignal false, but does on a later signal when nothing is left to do", async () => {
    const { exit, shutdown } = install({ exitOnSignal: false });
    process.emit(SIGNAL);
    expect(await shutdown.wait()).toBe(true);
    await clock.advance(0.499);
    process.emit(SIGNAL);
    expect(exit).not.toHaveBeenCalled();
    await clock.advance(0.001);
    process.emit(SIGNAL);
    expect(exit.mock.calls).toEqual([[CODE]]);
  });

  test("does not keep serving after an uncaught error, which also cuts short a delay in progress", async () => {
    for (const begun of [false, true]) {
      const { exit, shutdown } = install({ handleUncaught: true, preStopDelay: 10, timeout: 20 });
      const callback = vi.fn<() => void>();
      shutdown.register("hook", callback);
      if (begun) process.emit(SIGNAL);
      await clock.advance(1);
      expect(callback).not.toHaveBeenCalled();
      crash(new Error("broken"), "unhandledRejection");
      await clock.advance(0);
      expect(callback).toHaveBeenCalledTimes(1);
      expect(exit.mock.calls).toEqual([[1]]);
      expect(clock.pendingTimers).toBe(0);
      shutdown.uninstall();
    }
  });

  test("cuts short the delay of every shutdown that has begun when an error is uncaught", async () => {
    const { shutdown: careful } = install({ handleUncaught: true });
    const { shutdown: other } = install({ preStopDelay: 10, timeout: 20 });
    const { shutdown: idle } = install({ signals: [] });
    const callback = vi.fn<() => void>();
    other.register("hook", callback);
    process.emit(SIGNAL);
    crash(new Error("broken"), "uncaughtException");
    await clock.advance(0);
    expect(callback).toHaveBeenCalledTimes(1);
    expect([careful, other, idle].map(({ isShuttingDown }) => isShuttingDown)).toEqual([true, true, false]);
  });

  test("ends the process at once on a later typed signal, whatever began the shutdown, and on no other", async () => {
    const { exit, shutdown } = install({ signals: [SIGNAL, "SIGQUIT"] });
    shutdown.on("complete", () => {});
    shutdown.register("slow", () => new Promise(() => {}));
    process.emit(SIGNAL);
    process.emit("SIGQUIT");
    await clock.advance(1);
    process.emit(SIGNAL);
    expect(exit).not.toHaveBeenCalled();
    await clock.advance(1);
    process.emit("SIGQUIT");
    expect(exit.mock.calls).toEqual([[128 + 3]]);
    await clock.advance(30);
  });

  test("ends the process on a second signal if one of several shutdowns decides so", async () => {
    const patient = install({ onSecondSignal: "ignore" });
    const impatient = install({ onSecondSignal: "exit", repeatGrace: 0 });
    for (const { shutdown } of [patient, impatient]) {
      shutdown.on("complete", () => {});
      shutdown.register("slow", () => new Promise(() => {}));
    }
    process.emit(SIGNAL);
    process.emit(SIGNAL);
    expect(impatient.exit.mock.calls).toEqual([[CODE]]);
    await clock.advance(30);
  });

  test("leaves no timer behind when it is uninstalled right after a signal", async () => {
    const { shutdown } = install();
    process.emit(SIGNAL);
    shutdown.uninstall();
    await clock.advance(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test("ends the process after a shutdown from code if a first signal comes during it", async () => {
    const { exit, shutdown } = install();
    shutdown.register(
      "slow",
      () =>
        new Promise((resolve) => {
          clock.setTimer(() => resolve(undefined), 1000);
        }),
    );
    void shutdown.trigger("code");
    process.emit(SIGNAL);
    expect(exit).not.toHaveBeenCalled();
    await clock.advance(1);
    expect(exit.mock.calls).toEqual([[CODE]]);
  });

  test("listens once however often it is installed, and stops after one uninstall", () => {
    const { shutdown } = install();
    shutdown.install();
    expect(process.listenerCount(SIGNAL)).toBe(1);
    expect(shutdown.isInstalled).toBe(true);
    shutdown.uninstall();
    shutdown.uninstall();
    expect(shutdown.isInstalled).toBe(false);
  });

  test("ends the process when all shutdowns are complete, with the exit code of the first that failed", async () => {
    const one = install();
    const two = install({ forceExitCode: 75 });
    two.shutdown.on("complete", () => {});
    two.shutdown.register("broken", () => Promise.reject(new Error("no")));
    expect(process.listenerCount(SIGNAL)).toBe(1);
    process.emit(SIGNAL);
    await clock.advance(0);
    expect(one.exit.mock.calls).toEqual([[75]]);
    expect(two.exit).not.toHaveBeenCalled();
  });

  test("does not begin on the signals of other shutdowns", () => {
    const one = install();
    const two = install({ signals: ["SIGQUIT"] });
    process.emit("SIGQUIT");
    expect(one.shutdown.isShuttingDown).toBe(false);
    expect(two.shutdown.isShuttingDown).toBe(true);
    return clock.advance(0);
  });

  test("handles uncaught exceptions if asked to: callbacks once, then code 1, and a second one changes nothing", async () => {
    const { exit, shutdown } = install({ handleUncaught: true });
    const hook = vi.fn<() => Promise<void>>(
      () =>
        new Promise((resolve) => {
          clock.setTimer(resolve, 1000);
        }),
    );
    shutdown.register("hook", hook);
    crash(new Error("first"), "uncaughtException");
    crash(new Error("second"), "unhandledRejection");
    await clock.advance(1);
    expect(hook).toHaveBeenCalledTimes(1);
    expect(exit.mock.calls).toEqual([[1]]);
    expect(shutdown.snapshot().reason).toBe("uncaughtException");
  });

  test("does not end the process with a success code if an exception came in between", async () => {
    const { exit, shutdown } = install({ handleUncaught: true });
    shutdown.register("hook", () => {
      crash(new Error("in between"), "uncaughtException");
    });
    process.emit(SIGNAL);
    await clock.advance(0);
    expect(exit.mock.calls).toEqual([[1]]);
  });

  test.each([
    ["throws", () => assert.fail("no exit")],
    ["rejects", () => Promise.reject(new Error("no exit"))],
  ])("ends with process.exit if an exit function %s", async (_how, failing) => {
    const exited = vi.spyOn(process, "exit").mockImplementation(() => undefined as never);
    const { exit } = install();
    exit.mockImplementation(failing);
    process.emit(SIGNAL);
    await clock.advance(0);
    expect(exited.mock.calls).toEqual([[CODE]]);
  });

  test("waits for the promise of an exit function and calls it once, until a later signal bypasses it", async () => {
    const exited = vi.spyOn(process, "exit").mockImplementation(() => undefined as never);
    const { exit } = install({ onSecondSignal: "exit" });
    let resolve = (): void => {};
    exit.mockImplementation(() => new Promise<void>((settle) => (resolve = settle)));
    process.emit(SIGNAL);
    await clock.advance(1);
    expect(exit.mock.calls).toEqual([[CODE]]);
    expect(exited).not.toHaveBeenCalled();
    process.emit(SIGNAL);
    expect(exited.mock.calls).toEqual([[CODE]]);
    expect(exit).toHaveBeenCalledTimes(1);
    resolve();
    await clock.advance(0);
  });

  test("gives the uncaught error only to callbacks and listeners", async () => {
    const { shutdown } = install({ handleUncaught: true });
    const given: unknown[] = [];
    shutdown.on("begin", (event) => given.push(event));
    shutdown.register("hook", ({ signal, ...why }) => given.push(signal.aborted, why));
    const error = new Error("broken");
    crash(error, "uncaughtException");
    crash(new Error("later"), "uncaughtException");
    const { results: _results, seconds: _seconds, ...report } = await shutdown.trigger();
    const reason = "uncaughtException";
    expect(given).toEqual([{ reason, error }, false, { reason, error }]);
    expect(report).toEqual({ reason, error, ok: true });
    await clock.advance(0);

    const calm = install();
    calm.shutdown.register("hook", (context) => expect(context).not.toHaveProperty("error"));
    process.emit(SIGNAL);
    expect(await calm.shutdown.trigger()).not.toHaveProperty("error");
    await clock.advance(0);
  });

  test("has its settings as properties, durations in seconds", () => {
    const settings = {
      timeout: 20,
      preStopDelay: 1,
      repeatGrace: 3,
      signals: ["SIGQUIT"],
      onSecondSignal: "ignore",
      forceExitCode: 75,
      exitOnSignal: false,
      handleUncaught: true,
    } as const satisfies GracefulShutdownOptions;
    expect(new GracefulShutdown(settings)).toMatchObject(settings);
  });

  test("waits for unwritten output, but not forever", async () => {
    const { exit } = install();
    vi.spyOn(process.stdout, "writableLength", "get").mockReturnValue(1);
    vi.spyOn(process.stdout, "write").mockReturnValue(false);
    const errors = process.stdout.listenerCount("error");
    process.emit(SIGNAL);
    await clock.advance(0.999);
    expect(exit).not.toHaveBeenCalled();
    await clock.advance(0.001);
    expect(exit.mock.calls).toEqual([[CODE]]);
    expect(process.stdout.listenerCount("error")).toBe(errors);
  });
});
