import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { GracefulShutdown } from "../../src/shutdown/graceful-shutdown.js";
import type { GracefulShutdownOptions } from "../../src/shutdown/options.js";
import { ManualClock } from "../../src/testing/manual-clock.js";

// Emitted, not sent: nobody but the shutdowns of these tests listens to it.
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
  const exit = vi.fn<(code: number) => void>();
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

  test("ends the process with forceExitCode when something was not done", async () => {
    const { exit, shutdown } = install({ forceExitCode: 75, timeout: 3 });
    shutdown.on("complete", () => {});
    shutdown.register("hang", () => new Promise(() => {}));
    process.emit(SIGNAL);
    await clock.advance(3);
    expect(exit.mock.calls).toEqual([[75]]);
  });

  test("does not end the process with exitOnSignal false, but does on a second signal", async () => {
    const { exit, shutdown } = install({ exitOnSignal: false });
    process.emit(SIGNAL);
    expect(await shutdown.wait()).toBe(true);
    await clock.advance(0);
    expect(exit).not.toHaveBeenCalled();
    process.emit(SIGNAL);
    expect(exit.mock.calls).toEqual([[CODE]]);
  });

  test("does not go on serving after an uncaught error, which cuts a delay in progress short, too", async () => {
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

  test("ends the process at once on a second signal", async () => {
    const { exit, shutdown } = install({ signals: [SIGNAL, "SIGQUIT"] });
    shutdown.on("complete", () => {});
    shutdown.register("slow", () => new Promise(() => {}));
    process.emit(SIGNAL);
    process.emit("SIGQUIT");
    expect(exit.mock.calls).toEqual([[128 + 3]]);
    await clock.advance(30);
  });

  test("takes a first signal during a shutdown from code as the wish to end after it", async () => {
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

  test("listens once however often it is installed, and is gone after one uninstall", () => {
    const { shutdown } = install();
    shutdown.install();
    expect(process.listenerCount(SIGNAL)).toBe(1);
    expect(shutdown.isInstalled).toBe(true);
    shutdown.uninstall();
    shutdown.uninstall();
    expect(shutdown.isInstalled).toBe(false);
  });

  test("shares the end of the process with others: all run, and the worst decides", async () => {
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

  test("is left alone by the signals of others", () => {
    const one = install();
    const two = install({ signals: ["SIGQUIT"] });
    process.emit("SIGQUIT");
    expect(one.shutdown.isShuttingDown).toBe(false);
    expect(two.shutdown.isShuttingDown).toBe(true);
    return clock.advance(0);
  });

  test("handles uncaught exceptions when asked to: callbacks once, then 1, and a second one changes nothing", async () => {
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

  test("does not call the end of a process in order when an exception came in between", async () => {
    const { exit, shutdown } = install({ handleUncaught: true });
    shutdown.register("hook", () => {
      crash(new Error("in between"), "uncaughtException");
    });
    process.emit(SIGNAL);
    await clock.advance(0);
    expect(exit.mock.calls).toEqual([[1]]);
  });

  test("survives an exit function that throws", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const { exit } = install();
    exit.mockImplementation(() => {
      throw new Error("no exit");
    });
    process.emit(SIGNAL);
    await clock.advance(0);
    expect(warned).toHaveBeenCalledWith("exit failed", expect.anything());
  });

  test("waits for output that is not written yet, but not for ever", async () => {
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
