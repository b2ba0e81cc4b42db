import { getEventListeners } from "node:events";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ShutdownError } from "../../src/shutdown/errors.js";
import { GracefulShutdown } from "../../src/shutdown/graceful-shutdown.js";
import type { GracefulShutdownOptions } from "../../src/shutdown/options.js";
import type { ShutdownContext } from "../../src/shutdown/report.js";
import { ManualClock } from "../../src/testing/manual-clock.js";

function make(options: GracefulShutdownOptions = {}) {
  const clock = new ManualClock();
  const exit = vi.fn<(code: number) => void>();
  return { clock, exit, shutdown: new GracefulShutdown({ clock, exit, ...options }) };
}

const numRuns = Number(process.env["PROPERTY_RUNS"] ?? 1000);
const never = (): Promise<never> => new Promise(() => {});

describe("trigger", () => {
  test("runs sync, async and promise-returning callbacks one after the other in the order of priority", async () => {
    const { clock, shutdown } = make();
    const order: string[] = [];
    const later = (name: string) => (): Promise<void> =>
      new Promise((resolve) => {
        clock.setTimer(() => {
          order.push(name);
          resolve();
        }, 1000);
      });
    shutdown.register("default", () => order.push("default"));
    shutdown.register("async", later("async"), { priority: 20 });
    shutdown.register("negative", later("negative"), { priority: -1 });
    shutdown.register("tie", () => order.push("tie"), { priority: 20 });
    const done = shutdown.trigger("test");
    await clock.advance(2);
    const report = await done;
    expect(order).toEqual(["negative", "async", "tie", "default"]);
    expect(report).toEqual({
      reason: "test",
      seconds: 2,
      ok: true,
      results: [
        { name: "negative", status: "done", seconds: 1 },
        { name: "async", status: "done", seconds: 1 },
        { name: "tie", status: "done", seconds: 0 },
        { name: "default", status: "done", seconds: 0 },
      ],
    });
    expect(Object.isFrozen(report) && Object.isFrozen(report.results)).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  test("returns the same promise again and runs nothing twice, even if a listener or callback calls it", async () => {
    const { shutdown } = make();
    const inner: unknown[] = [];
    const callback = vi.fn<() => void>(() => void inner.push(shutdown.trigger()));
    shutdown.register("once", callback);
    shutdown.on("begin", () => inner.push(shutdown.trigger()));
    shutdown.signal.addEventListener("abort", () => inner.push(shutdown.trigger()));
    const first = shutdown.trigger();
    expect(shutdown.trigger("again")).toBe(first);
    expect((await first).reason).toBe("trigger");
    expect(inner).toEqual([first, first, first]);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  test("reports callbacks that throw or reject, and runs the rest", async () => {
    const { shutdown, exit } = make();
    const thrown = new Error("thrown");
    shutdown.register("throws", () => {
      throw thrown;
    });
    shutdown.register("rejects", () => Promise.reject(new Error("rejected")));
    shutdown.register("throws nothing", () => {
      // oxlint-disable-next-line no-throw-literal
      throw undefined;
    });
    shutdown.register("bad thenable", () =>
      // oxlint-disable-next-line no-thenable
      Object.defineProperty({}, "then", {
        get() {
          throw thrown;
        },
      }),
    );
    shutdown.register("fine", () => undefined);
    const { results, ok } = await shutdown.trigger();
    expect(results.map(({ status }) => status)).toEqual(["failed", "failed", "failed", "failed", "done"]);
    expect(results[0]?.error).toBe(thrown);
    expect(results[2]).toHaveProperty("error", undefined);
    expect(ok).toBe(false);
    expect(exit).not.toHaveBeenCalled();
  });

  test("gives each callback the smaller of its own timeout and the remaining time, and skips the rest", async () => {
    const { clock, shutdown } = make({ timeout: 10 });
    const contexts: ShutdownContext[] = [];
    const hang = (context: ShutdownContext): Promise<never> => {
      contexts.push(context);
      return never();
    };
    shutdown.register("own", hang, { timeout: 4 });
    shutdown.register("rest", hang, { timeout: 20 });
    shutdown.register("late", hang);
    const done = shutdown.trigger("test");
    await clock.advance(3.999);
    expect(contexts[0]?.signal.aborted).toBe(false);
    await clock.advance(0.001);
    expect(contexts[0]?.signal.aborted).toBe(true);
    expect(contexts[0]?.reason).toBe("test");
    await clock.advance(6);
    const report = await done;
    expect(report.results.map(({ name, status, seconds }) => [name, status, seconds])).toEqual([
      ["own", "timed-out", 4],
      ["rest", "timed-out", 6],
      ["late", "skipped", 0],
    ]);
    expect(report.seconds).toBe(10);
    expect(report.results[0]?.error).toBe(contexts[0]?.signal.reason);
    expect(report.results[0]?.error).toMatchObject({ code: "ERR_SHUTDOWN_TIMEOUT" });
    expect(clock.pendingTimers).toBe(0);
  });

  test("counts the time during which a callback blocks the thread, and skips callbacks after the total time", async () => {
    const { clock, shutdown } = make({ timeout: 10 });
    shutdown.register("blocks", () => clock.sleepSync(11_000));
    shutdown.register("late", () => undefined);
    const { results } = await shutdown.trigger();
    expect(results.map(({ status }) => status)).toEqual(["timed-out", "skipped"]);
    await clock.advance(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test.each([
    { name: "its own time", seconds: 2.001, status: "timed-out" },
    { name: "exactly its own time", seconds: 2, status: "done" },
  ])("reports $status for a callback that blocks the thread for $name", async ({ seconds, status }) => {
    const { clock, shutdown } = make({ timeout: 10 });
    let context: ShutdownContext | undefined;
    shutdown.register(
      "blocks",
      (given) => {
        context = given;
        clock.sleepSync(seconds * 1000);
      },
      { timeout: 2 },
    );
    const { results, ok } = await shutdown.trigger();
    expect(results).toMatchObject([{ status, seconds }]);
    expect(ok).toBe(status === "done");
    expect(results[0]?.error).toBe(ok ? undefined : context?.signal.reason);
    await clock.advance(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test("ignores what a callback does after its time", async () => {
    const { clock, shutdown } = make({ timeout: 10 });
    shutdown.register(
      "late",
      () =>
        new Promise((_resolve, reject) => {
          clock.setTimer(() => reject(new Error("late")), 2000);
        }),
      { timeout: 1 },
    );
    const done = shutdown.trigger();
    await clock.advance(5);
    expect((await done).results.map(({ status }) => status)).toEqual(["timed-out"]);
  });

  test("waits out preStopDelay, already shutting down, and counts it in the total", async () => {
    const { clock, shutdown } = make({ timeout: 10, preStopDelay: "4s" });
    const callback = vi.fn<() => Promise<never>>(never);
    shutdown.register("hang", callback);
    const done = shutdown.trigger();
    expect(shutdown.isShuttingDown).toBe(true);
    expect(shutdown.signal.aborted).toBe(true);
    await clock.advance(3.9);
    expect(callback).not.toHaveBeenCalled();
    await clock.advance(0.1);
    expect(callback).toHaveBeenCalledTimes(1);
    await clock.advance(6);
    expect((await done).seconds).toBe(10);
  });

  test("rejects for a reason that is not a string, and begins nothing", async () => {
    const { shutdown } = make();
    // @ts-expect-error: what JavaScript callers do
    await expect(shutdown.trigger(5)).rejects.toThrow(/reason must be a string; got 5/);
    expect(shutdown.isShuttingDown).toBe(false);
  });

  test("aborts the signal with an error that says why", async () => {
    const { shutdown } = make();
    expect(shutdown.signal.aborted).toBe(false);
    await shutdown.trigger("deploy");
    expect(shutdown.signal.reason).toBeInstanceOf(ShutdownError);
    expect(shutdown.signal.reason).toMatchObject({ message: "the process is shutting down: deploy." });
  });
});

describe("the plan of a shutdown", () => {
  test("puts lower priorities first and keeps the order of registration among equals", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -3, max: 3 })), (priorities) => {
        const { shutdown } = make();
        for (const [index, priority] of priorities.entries()) {
          shutdown.register(`${index}`, () => undefined, { priority });
        }
        const model = priorities
          .map((priority, index) => ({ priority, index }))
          .toSorted((one, other) => one.priority - other.priority || one.index - other.index);
        const ordered = shutdown.snapshot().callbacks.map(({ name }) => Number(name));
        expect(ordered).toEqual(model.map(({ index }) => index));
      }),
      { numRuns },
    );
  });

  test.each([
    { timeout: undefined, now: 0, expected: 30 },
    { timeout: 5, now: 0, expected: 5 },
    { timeout: 5, now: 27, expected: 3 },
    { timeout: 5, now: 30, expected: 0 },
    { timeout: undefined, now: 31, expected: 0 },
  ])(
    "gives a callback of timeout $timeout at $now s of 30 s $expected s",
    async ({ timeout, now, expected }) => {
      const { clock, shutdown } = make({ timeout: 30 });
      shutdown.register("before", () => clock.sleepSync(now * 1000), { priority: 1 });
      shutdown.register("hang", never, { timeout });
      const done = shutdown.trigger();
      await clock.advance(60);
      const status = expected === 0 ? "skipped" : "timed-out";
      expect((await done).results[1]).toMatchObject({ name: "hang", status, seconds: expected });
    },
  );

  test("is not ok with a skipped callback, and ok without callbacks", async () => {
    const late = make({ timeout: 1 });
    late.shutdown.register("blocks", () => late.clock.sleepSync(1500));
    late.shutdown.register("late", () => undefined);
    expect(await late.shutdown.trigger("test")).toEqual({
      reason: "test",
      results: [
        { name: "blocks", status: "timed-out", seconds: 1.5, error: expect.any(ShutdownError) },
        { name: "late", status: "skipped", seconds: 0 },
      ],
      seconds: 1.5,
      ok: false,
    });
    expect((await make().shutdown.trigger()).ok).toBe(true);
  });
});

describe("events and snapshots", () => {
  test("report the course of a shutdown", async () => {
    const { shutdown } = make({ name: "app" });
    const seen: unknown[] = [];
    shutdown.register("one", () => undefined, { priority: 5, timeout: 2 });
    shutdown.on("begin", ({ reason }) => seen.push(reason, shutdown.snapshot().state));
    shutdown.on("callback", ({ result }) => seen.push(result.name, shutdown.snapshot().results.length));
    shutdown.on("complete", ({ report }) => seen.push(report.ok, shutdown.snapshot().state));
    expect(shutdown.snapshot()).toEqual({
      kind: "shutdown",
      name: "app",
      state: "idle",
      isInstalled: false,
      reason: null,
      runningCallback: null,
      callbacks: [{ name: "one", kind: "callback", priority: 5, timeout: 2 }],
      results: [],
    });
    await shutdown.trigger("why");
    expect(seen).toEqual(["why", "draining", "one", 1, true, "complete"]);
  });

  test("name the running callback and turn errors into text", async () => {
    const { shutdown } = make();
    const running: unknown[] = [];
    shutdown.register("first", () => {
      running.push(shutdown.snapshot().runningCallback);
      throw new Error("broken");
    });
    await shutdown.trigger();
    const snapshot = shutdown.snapshot();
    expect(running).toEqual(["first"]);
    expect(snapshot.results).toEqual([{ name: "first", status: "failed", seconds: 0, error: "broken" }]);
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
    expect(Object.isFrozen(snapshot.results[0])).toBe(true);
  });

  test("cannot be broken by a listener that throws", async () => {
    const { shutdown } = make();
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    for (const event of ["begin", "callback", "complete"] as const) {
      shutdown.on(event, () => {
        throw new Error("listener");
      });
    }
    shutdown.register("one", () => undefined);
    expect((await shutdown.trigger()).ok).toBe(true);
    expect(warned).toHaveBeenCalledTimes(3);
    warned.mockRestore();
  });
});

describe("register", () => {
  test("refuses a name that is taken, until it is unregistered", () => {
    const { shutdown } = make();
    const callback = (): void => {};
    shutdown.register("one", callback);
    expect(() => shutdown.register("one", callback)).toThrow(
      expect.objectContaining({ code: "ERR_SHUTDOWN_DUPLICATE", name: "ShutdownError" }),
    );
    expect(shutdown.unregister("one")).toBe(true);
    expect(shutdown.unregister("one")).toBe(false);
    shutdown.register("one", callback);
  });

  test("removes only its own entry when its result is disposed of", () => {
    const { shutdown } = make();
    const first = shutdown.register("one", () => undefined);
    first[Symbol.dispose]();
    shutdown.register("one", () => undefined);
    first[Symbol.dispose]();
    expect(shutdown.snapshot().callbacks).toHaveLength(1);
  });

  test("refuses new registrations and keeps the plan once the shutdown has begun", async () => {
    const { shutdown } = make();
    const second = vi.fn<() => void>();
    shutdown.register("first", () => {
      expect(() => shutdown.register("third", () => undefined)).toThrow(
        expect.objectContaining({ code: "ERR_SHUTDOWN_IN_PROGRESS" }),
      );
      expect(shutdown.unregister("second")).toBe(false);
    });
    shutdown.register("second", second);
    expect((await shutdown.trigger()).ok).toBe(true);
    expect(second).toHaveBeenCalledTimes(1);
  });
});

describe("wait", () => {
  test("resolves with true when the shutdown is complete, and at once after it", async () => {
    const { clock, shutdown } = make();
    const waiting = shutdown.wait();
    await clock.advance(1);
    expect(clock.pendingTimers).toBe(1);
    await shutdown.trigger();
    expect(await waiting).toBe(true);
    expect(await shutdown.wait({ timeout: 0 })).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  test("resolves with false when the timeout comes first", async () => {
    const { clock, shutdown } = make();
    const waiting = shutdown.wait({ timeout: "2s" });
    await clock.advance(2);
    expect(await waiting).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });

  test("rejects with the reason of an aborted signal and leaves no listener and no timer behind", async () => {
    const { clock, shutdown } = make();
    const controller = new AbortController();
    const waiting = shutdown.wait({ signal: controller.signal });
    await clock.advance(0);
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(1);
    controller.abort("enough");
    await expect(waiting).rejects.toBe("enough");
    await expect(shutdown.wait({ signal: controller.signal })).rejects.toBe("enough");
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test.each([{ timeout: Number.NaN }, { timeout: "5" }, { signal: {} }, { timeuot: 1 }])(
    "rejects for the bad options %o",
    async (options) => {
      const { shutdown } = make();
      const [key] = Object.keys(options);
      // @ts-expect-error: what JavaScript callers do
      await expect(shutdown.wait(options)).rejects.toThrow(key);
    },
  );
});

describe("await using", () => {
  afterEach(() => vi.restoreAllMocks());

  test("shuts down, uninstalls, and warns of failures if there is no listener", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const before = process.listenerCount("SIGTERM");
    const { shutdown } = make();
    {
      await using scoped = shutdown;
      scoped.install();
      scoped.register("broken", () => Promise.reject(new Error("no")));
      expect(process.listenerCount("SIGTERM")).toBe(before + 1);
    }
    expect(shutdown.isInstalled).toBe(false);
    expect(shutdown.snapshot()).toMatchObject({ state: "complete", reason: "dispose" });
    expect(process.listenerCount("SIGTERM")).toBe(before);
    expect(warned).toHaveBeenCalledWith(
      "shutdown callback broken: failed",
      expect.objectContaining({ code: "KSTLIB_SHUTDOWN_INCOMPLETE" }),
    );
  });
});

describe("update", () => {
  test("changes the time of a shutdown that has not begun, but not of one that has", async () => {
    const { clock, shutdown } = make({ timeout: 30 });
    shutdown.register("stuck", never);
    shutdown.update({ timeout: 2 });
    expect(shutdown.timeout).toBe(2);
    const done = shutdown.trigger("test");
    shutdown.update({ timeout: 60, preStopDelay: 5, reserve: 0.5, forceExitCode: 9, exitOnSignal: false });
    await clock.advance(2);
    expect(await done).toMatchObject({ ok: false, seconds: 2 });
    const { preStopDelay, reserve, forceExitCode, exitOnSignal } = shutdown;
    expect([preStopDelay, reserve, forceExitCode, exitOnSignal]).toEqual([5, 0.5, 9, false]);
  });

  test("refuses options that do not go together, and changes nothing", () => {
    const { shutdown } = make({ timeout: 10 });
    expect(() => shutdown.update({ preStopDelay: 10 })).toThrow("preStopDelay must be shorter than timeout");
    expect(() => shutdown.update({ timeout: 5, preStopDelay: 5 })).toThrow(RangeError);
    expect([shutdown.timeout, shutdown.preStopDelay]).toEqual([10, 0]);
  });
});
