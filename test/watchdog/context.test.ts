import { getEventListeners } from "node:events";
import { describe, expect, test, vi } from "vitest";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { type RunWatchdog, watchdogContext } from "../../src/watchdog/context.js";
import { WatchdogError, WatchdogTimeoutError } from "../../src/watchdog/errors.js";
import { Watchdog } from "../../src/watchdog/watchdog.js";

const never = new Promise<never>(() => {});

function raising() {
  const clock = new ManualClock();
  return { clock, context: watchdogContext({ timeout: 10, raiseOnTimeout: true, name: "job", clock }) };
}

describe("watchdogContext().run", () => {
  test("resolves with the result of the body, which gets a running watchdog and a signal", async () => {
    const { clock, context } = raising();
    let seen: RunWatchdog | undefined;
    const result = await context.run(async (watchdog, { signal }) => {
      seen = watchdog;
      expect(watchdog).toBeInstanceOf(Watchdog);
      expect(watchdog.isRunning).toBe(true);
      expect(signal).toBe(watchdog.signal);
      await Promise.resolve();
      return 7;
    });
    expect(result).toBe(7);
    expect(seen?.isRunning).toBe(false);
    expect(seen?.signal.aborted).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });

  test("rejects at the timeout and aborts the signal with the same error", async () => {
    const { clock, context } = raising();
    let signal: AbortSignal | undefined;
    const running = context.run((watchdog) => {
      signal = watchdog.signal;
      return never;
    });
    const outcome = running.catch((error: unknown) => error);
    await clock.advance(9.9);
    expect(signal?.aborted).toBe(false);
    await clock.advance(0.1);
    const error = await outcome;
    expect(error).toBeInstanceOf(WatchdogTimeoutError);
    expect(error).toBeInstanceOf(WatchdogError);
    expect(error).toMatchObject({
      name: "WatchdogTimeoutError",
      code: "ERR_WATCHDOG_TIMEOUT",
      secondsInactive: 10,
      message: "job was not pinged for 10.0 s. Call ping() more often, or allow a longer timeout.",
    });
    expect(signal?.reason).toBe(error);
    expect(clock.pendingTimers).toBe(0);
  });

  test("goes on while the body pings", async () => {
    const { clock, context } = raising();
    const running = context.run(async (watchdog) => {
      for (let round = 0; round < 5; round++) {
        await new Promise<void>((resolve) => clock.setTimer(resolve, 8000));
        watchdog.ping();
      }
      return watchdog.stats.pingsTotal;
    });
    await clock.advance(60);
    await expect(running).resolves.toBe(5);
  });

  test("rejects when the body was frozen and has ended before the timeout could be reported", async () => {
    const { clock, context } = raising();
    await expect(
      context.run(async () => {
        clock.sleepSync(11_000);
      }),
    ).rejects.toBeInstanceOf(WatchdogTimeoutError);
    const failing = context.run(() => {
      clock.sleepSync(11_000);
      throw new Error("of the body");
    });
    await expect(failing).rejects.toMatchObject({
      code: "ERR_WATCHDOG_TIMEOUT",
      cause: new Error("of the body"),
    });
  });

  test("only watches without raiseOnTimeout", async () => {
    const clock = new ManualClock();
    const onTimeout = vi.fn<() => void>();
    const running = watchdogContext({ timeout: 10, clock, onTimeout }).run(async (watchdog) => {
      await new Promise<void>((resolve) => clock.setTimer(resolve, 30_000));
      return watchdog.signal.aborted;
    });
    await clock.advance(30);
    await expect(running).resolves.toBe(false);
    expect(onTimeout).toHaveBeenCalledTimes(1);
  });

  test("rejects at once when the signal of the caller aborts, and leaves no listener behind", async () => {
    const { clock, context } = raising();
    const controller = new AbortController();
    let inner: AbortSignal | undefined;
    const running = context.run((_, { signal }) => ((inner = signal), never), { signal: controller.signal });
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(inner?.reason).toBe(reason);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
    const body = vi.fn<() => void>();
    await expect(context.run(body, { signal: controller.signal })).rejects.toBe(reason);
    expect(body).not.toHaveBeenCalled();
  });

  test("rejects with what the body throws, and leaves no timer behind", async () => {
    const { clock, context } = raising();
    const error = new Error("of the body");
    await expect(context.run(() => Promise.reject(error))).rejects.toBe(error);
    await expect(
      context.run(() => {
        throw error;
      }),
    ).rejects.toBe(error);
    await expect(context.run(5 as never)).rejects.toThrow(/run needs a function; got 5/);
    await expect(context.run(() => {}, { signal: 5 as never })).rejects.toThrow(/^signal /);
    const body = vi.fn<() => void>();
    for (const options of [null, 5, { sigal: new AbortController().signal }]) {
      await expect(context.run(body, options as never)).rejects.toThrow(
        /^(the options of watchdogContext\(\)\.run must be a plain object|sigal is not an option)/,
      );
    }
    expect(body).not.toHaveBeenCalled();
    expect(clock.pendingTimers).toBe(0);
  });

  test("gives each of two parallel runs its own watchdog", async () => {
    const { clock, context } = raising();
    const hung = context.run(() => never).catch((error: unknown) => error);
    const busy = context.run(async (watchdog) => {
      for (let round = 0; round < 3; round++) {
        await new Promise<void>((resolve) => clock.setTimer(resolve, 5000));
        watchdog.ping();
      }
      return "done";
    });
    await clock.advance(20);
    await expect(hung).resolves.toBeInstanceOf(WatchdogTimeoutError);
    await expect(busy).resolves.toBe("done");
  });
});

describe("watchdogContext().runSync", () => {
  test("returns the result of the body", () => {
    const { clock, context } = raising();
    expect(context.runSync((watchdog) => watchdog.isRunning)).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  test("throws when the body returns too late", () => {
    const { clock, context } = raising();
    expect(() => context.runSync(() => clock.sleepSync(10_000))).toThrow(WatchdogTimeoutError);
    expect(clock.pendingTimers).toBe(0);
  });

  test("does not throw while the body pings in time", () => {
    const { clock, context } = raising();
    const rounds = context.runSync((watchdog) => {
      for (let round = 0; round < 5; round++) {
        clock.sleepSync(9000);
        watchdog.ping();
      }
      return watchdog.stats.pingsTotal;
    });
    expect(rounds).toBe(5);
  });

  test("keeps the error of the body as the cause of the timeout", () => {
    const { clock, context } = raising();
    const cause = new Error("of the body");
    const run = (): unknown =>
      context.runSync(() => {
        clock.sleepSync(10_000);
        throw cause;
      });
    expect(run).toThrow(expect.objectContaining({ code: "ERR_WATCHDOG_TIMEOUT", cause }));
  });

  test("only watches without raiseOnTimeout", () => {
    const clock = new ManualClock();
    const onTimeout = vi.fn<() => void>();
    const context = watchdogContext({ timeout: 10, clock, onTimeout });
    expect(context.runSync(() => (clock.sleepSync(11_000), "late"))).toBe("late");
    expect(onTimeout).toHaveBeenCalledTimes(1);
  });

  test("rejects anything but a synchronous function", () => {
    const { clock, context } = raising();
    expect(() => context.runSync((): unknown => Promise.resolve(1))).toThrow(TypeError);
    // Would be an unhandled rejection, which fails the whole run of these tests.
    expect(() => context.runSync((): unknown => Promise.reject(new Error("of the body")))).toThrow(TypeError);
    expect(() => context.runSync(null as never)).toThrow(/runSync needs a function; got null/);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("the options of a context", () => {
  test("are checked at construction, and warn once", () => {
    const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    expect(() => watchdogContext({ raiseOnTimeout: 1 as never })).toThrow(/^raiseOnTimeout/);
    expect(() => watchdogContext({ timeout: Number.NaN })).toThrow(/^timeout/);
    expect(() => watchdogContext({ timeout: 2, pollInterval: 1.5 })).toThrow(/^pollInterval/);
    expect(() => watchdogContext({ ["raise" as "raiseOnTimeout"]: true })).toThrow(/raise is not an option/);
    const context = watchdogContext({ timeout: "2h", clock: new ManualClock() });
    context.runSync(() => {});
    context.runSync(() => {});
    expect(warnings).toHaveBeenCalledTimes(1);
    warnings.mockRestore();
  });
});
