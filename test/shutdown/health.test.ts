import { runInNewContext } from "node:vm";
import { describe, expect, test, vi } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { GracefulShutdown } from "../../src/shutdown/graceful-shutdown.js";
import type { HealthCheckContext } from "../../src/shutdown/health-check.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { Watchdog } from "../../src/watchdog/watchdog.js";

function setUp(options: { checkTimeout?: number } = {}) {
  const clock = new ManualClock();
  return { clock, shutdown: new GracefulShutdown({ clock, ...options }) };
}

const never = (): Promise<never> => new Promise(() => {});

describe("without a check", () => {
  test("a process has started, is alive and ready", async () => {
    const { shutdown } = setUp();
    const well = { status: "ok", ok: true, checks: [] };
    expect(await shutdown.startup()).toEqual(well);
    expect(await shutdown.liveness()).toEqual(well);
    expect(await shutdown.readiness()).toEqual(well);
  });

  test("from the moment the shutdown begins it is alive and not ready, also when all is over", async () => {
    const { shutdown } = setUp();
    const asked: unknown[] = [];
    shutdown.on("begin", () => asked.push(shutdown.readiness()));
    await shutdown.trigger();
    const notReady = { status: "draining", ok: false, checks: [] };
    expect(await Promise.all(asked)).toEqual([notReady]);
    expect(await shutdown.readiness()).toEqual(notReady);
    expect(await shutdown.liveness()).toEqual({ status: "draining", ok: true, checks: [] });
    expect(await shutdown.startup()).toEqual({ status: "draining", ok: true, checks: [] });
  });
});

describe("a check function", () => {
  test.each([
    ["returns nothing", () => {}, undefined],
    ["returns null", () => null, undefined],
    ["resolves", async () => "fine", undefined],
    ["returns false", () => false, "returned false"],
    ["resolves with false", async () => false, "returned false"],
    [
      "throws",
      () => {
        throw new Error("no disk");
      },
      "no disk",
    ],
    ["rejects", () => Promise.reject(new Error("no route")), "no route"],
    ["rejects with a string", () => Promise.reject("gone"), '"gone"'],
    [
      "rejects with an error that only has a code",
      () => Promise.reject(Object.assign(new AggregateError([]), { code: "ECONNREFUSED" })),
      "ECONNREFUSED",
    ],
    [
      "throws what cannot be shown",
      () => {
        throw Object.defineProperty(new Error("x"), "message", {
          get() {
            throw new Error("do not look");
          },
        });
      },
      "an error that cannot be shown",
    ],
  ])("that %s", async (_what, check, message) => {
    const { shutdown, clock } = setUp();
    shutdown.addCheck("check", check);
    const report = await shutdown.readiness();
    expect(report.ok).toBe(message === undefined);
    expect(report.status).toBe(message === undefined ? "ok" : "failing");
    const result = { name: "check", ok: message === undefined, seconds: 0 };
    expect(report.checks).toEqual([message === undefined ? result : { ...result, message }]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("that takes too long fails at its timeout, and its signal is aborted", async () => {
    const { shutdown, clock } = setUp();
    let given: AbortSignal | undefined;
    shutdown.addCheck(
      "database",
      ({ signal }) => {
        given = signal;
        return never();
      },
      { timeout: 2 },
    );
    const report = shutdown.readiness();
    await clock.advance("1999ms");
    expect(given?.aborted).toBe(false);
    await clock.advance("1ms");
    expect(given?.reason).toMatchObject({ name: "ShutdownError", code: "ERR_SHUTDOWN_CHECK_TIMEOUT" });
    expect((await report).checks).toEqual([
      { name: "database", ok: false, seconds: 2, message: "database did not answer within 2s." },
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  test.each([
    [{}, 5],
    [{ checkTimeout: 1 }, 1],
  ])("has the time that %j gives it when it has none of its own", async (options, seconds) => {
    const { shutdown, clock } = setUp(options);
    shutdown.addCheck("check", never);
    const report = shutdown.readiness();
    await clock.advance(60);
    expect((await report).checks[0]).toMatchObject({ ok: false, seconds });
  });

  test("is asked once for all who ask at the same time, whatever the probe", async () => {
    const { shutdown, clock } = setUp();
    const check = vi.fn<(context: HealthCheckContext) => Promise<void>>(
      () => new Promise((resolve) => void clock.setTimer(resolve, 1000)),
    );
    shutdown.addCheck("check", check, { for: ["readiness", "liveness"] });
    const reports = [shutdown.readiness(), shutdown.liveness(), shutdown.readiness()];
    await clock.advance("500ms");
    reports.push(shutdown.liveness());
    await clock.advance("500ms");
    expect((await Promise.all(reports)).map(({ ok }) => ok)).toEqual([true, true, true, true]);
    expect(check).toHaveBeenCalledTimes(1);
    await Promise.all([shutdown.readiness(), clock.advance(1)]);
    expect(check).toHaveBeenCalledTimes(2);
  });

  test("that does not end with its time is not run a second time beside itself", async () => {
    const { shutdown, clock } = setUp();
    let end = (): void => {};
    const check = vi.fn<() => Promise<void>>(
      () =>
        new Promise<void>((resolve) => {
          end = resolve;
        }),
    );
    shutdown.addCheck("check", check, { timeout: 1 });
    const first = shutdown.readiness();
    await clock.advance(2);
    expect((await first).ok).toBe(false);
    // At once: nothing has to be waited for.
    expect((await shutdown.readiness()).ok).toBe(false);
    expect(check).toHaveBeenCalledTimes(1);
    end();
    await clock.advance(0);
    const next = shutdown.readiness();
    await clock.advance(0);
    expect(check).toHaveBeenCalledTimes(2);
    end();
    expect((await next).ok).toBe(true);
  });

  test("that never settles is given up in the end, so that it is not failing for ever", async () => {
    const { shutdown, clock } = setUp();
    const check = vi.fn<() => unknown>().mockImplementationOnce(never);
    shutdown.addCheck("check", check, { timeout: 1 });
    const first = shutdown.readiness();
    await clock.advance("9999ms");
    expect((await first).ok).toBe(false);
    expect((await shutdown.readiness()).ok).toBe(false);
    await clock.advance("1ms");
    expect((await shutdown.readiness()).ok).toBe(true);
    expect(check).toHaveBeenCalledTimes(2);
  });

  test("that settles after it was given up changes nothing of the run after it", async () => {
    const { shutdown, clock } = setUp();
    const ends: (() => void)[] = [];
    const check = vi.fn<() => Promise<void>>(() => new Promise<void>((resolve) => void ends.push(resolve)));
    shutdown.addCheck("check", check, { timeout: 1 });
    void shutdown.readiness();
    await clock.advance(10);
    const second = shutdown.readiness();
    await clock.advance(0);
    ends[0]?.();
    await clock.advance(0);
    const third = shutdown.readiness();
    await clock.advance(0);
    expect(check).toHaveBeenCalledTimes(2);
    ends[1]?.();
    expect([(await second).ok, (await third).ok]).toEqual([true, true]);
  });

  test("that asks for the report it is part of is late, and no endless loop", async () => {
    const { shutdown, clock } = setUp();
    const check = vi.fn<() => unknown>(() => shutdown.readiness());
    shutdown.addCheck("check", check);
    const report = shutdown.readiness();
    await clock.advance(5);
    expect((await report).checks[0]).toMatchObject({ ok: false, seconds: 5 });
    expect(check).toHaveBeenCalledTimes(1);
  });

  test("leaves no listener on the shutdown's signal", async () => {
    const { shutdown } = setUp();
    const added = vi.spyOn(shutdown.signal, "addEventListener");
    const removed = vi.spyOn(shutdown.signal, "removeEventListener");
    for (const name of ["one", "two"]) shutdown.addCheck(name, () => {});
    await shutdown.readiness();
    await shutdown.readiness();
    expect(added.mock.calls.length).toBeGreaterThan(0);
    expect(removed.mock.calls.length).toBe(added.mock.calls.length);
  });

  test("is asked no more when it was taken away, and its name is free", async () => {
    const { shutdown } = setUp();
    const check = shutdown.addCheck("check", () => false);
    check[Symbol.dispose]();
    shutdown.addCheck("check", () => true);
    check[Symbol.dispose]();
    expect((await shutdown.readiness()).checks).toHaveLength(1);
    expect((await shutdown.readiness()).ok).toBe(true);
  });
});

describe("the probes", () => {
  test("ask their own checks alone, in the order they were added", async () => {
    const { shutdown } = setUp();
    shutdown.addCheck("r", () => {});
    shutdown.addCheck("l", () => {}, { for: "liveness" });
    shutdown.addCheck("both", () => false, { for: ["liveness", "readiness"] });
    const names = async (report: ReturnType<typeof shutdown.readiness>): Promise<readonly string[]> =>
      (await report).checks.map(({ name }) => name);
    expect(await names(shutdown.readiness())).toEqual(["r", "both"]);
    expect(await names(shutdown.liveness())).toEqual(["l", "both"]);
    expect(await names(shutdown.startup())).toEqual([]);
    expect((await shutdown.liveness()).status).toBe("failing");
  });

  test("a dependency that is down does not make the process dead", async () => {
    const { shutdown } = setUp();
    shutdown.addCheck("database", () => false);
    expect((await shutdown.readiness()).ok).toBe(false);
    expect((await shutdown.liveness()).ok).toBe(true);
  });

  test("a report is frozen and survives JSON", async () => {
    const { shutdown } = setUp();
    shutdown.addCheck("a", () => false);
    const report = await shutdown.readiness();
    expect(Object.isFrozen(report) && Object.isFrozen(report.checks)).toBe(true);
    expect(Object.isFrozen(report.checks[0])).toBe(true);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  test("a shutdown that begins while a check runs is answered at once, and the check is told", async () => {
    const { shutdown, clock } = setUp();
    let given: AbortSignal | undefined;
    shutdown.addCheck(
      "slow",
      ({ signal }) => {
        given = signal;
        return never();
      },
      { for: ["readiness", "liveness"] },
    );
    const [ready, live] = [shutdown.readiness(), shutdown.liveness()];
    await clock.advance(1);
    await shutdown.trigger();
    expect(await ready).toEqual({ status: "draining", ok: false, checks: [] });
    expect(await live).toEqual({ status: "draining", ok: true, checks: [] });
    expect(given?.reason).toBe(shutdown.signal.reason);
    expect(clock.pendingTimers).toBe(0);
  });

  test("no check is asked once the shutdown has begun, also not one asked for just before", async () => {
    const { shutdown } = setUp();
    const check = vi.fn<() => boolean>(() => false);
    shutdown.addCheck("check", check, { for: ["readiness", "liveness"] });
    const before = shutdown.liveness();
    await shutdown.trigger();
    expect(await before).toMatchObject({ status: "draining", ok: true });
    expect((await shutdown.liveness()).ok).toBe(true);
    expect(check).not.toHaveBeenCalled();
  });
});

describe("start-up", () => {
  test("holds readiness back until each of its checks has passed once, and asks none again", async () => {
    const { shutdown } = setUp();
    let warm = false;
    const warmUp = vi.fn<() => boolean>(() => warm);
    const ready = vi.fn<() => boolean>(() => true);
    shutdown.addCheck("migrations", () => {}, { for: "startup" });
    shutdown.addCheck("warm-up", warmUp, { for: "startup" });
    shutdown.addCheck("database", ready);
    expect(await shutdown.startup()).toMatchObject({
      status: "starting",
      ok: false,
      checks: [{ ok: true }, { name: "warm-up", ok: false }],
    });
    expect(await shutdown.readiness()).toMatchObject({ status: "starting", ok: false });
    expect(await shutdown.liveness()).toMatchObject({ status: "ok", ok: true });
    expect(ready).not.toHaveBeenCalled();
    warm = true;
    // Without a start-up probe, the one of readiness finds out.
    expect(await shutdown.readiness()).toMatchObject({ status: "ok", checks: [{ name: "database" }] });
    warm = false;
    expect(await shutdown.startup()).toMatchObject({ status: "ok", ok: true });
    expect(await shutdown.readiness()).toMatchObject({ status: "ok", ok: true });
    expect(warmUp).toHaveBeenCalledTimes(3);
  });

  test("follows a promise without waiting for it", async () => {
    const { shutdown, clock } = setUp();
    let finish = (): void => {};
    const promise = new Promise<void>((resolve) => {
      finish = resolve;
    });
    shutdown.addCheck("warm-up", promise, { for: "startup" });
    expect(await shutdown.startup()).toMatchObject({
      status: "starting",
      checks: [{ name: "warm-up", message: "has not finished yet" }],
    });
    finish();
    await clock.advance(0);
    expect((await shutdown.startup()).ok).toBe(true);
  });

  test("stays unfinished when its promise rejects, and a warning says so", async () => {
    const { shutdown, clock } = setUp();
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    shutdown.addCheck("warm-up", Promise.reject(new Error("no cache")), { for: "startup" });
    await clock.advance(0);
    expect(await shutdown.readiness()).toMatchObject({
      status: "starting",
      checks: [{ message: "no cache" }],
    });
    expect(warned).toHaveBeenCalledWith(
      "start-up check warm-up failed",
      expect.objectContaining({ code: "KSTLIB_STARTUP_FAILED" }),
    );
    warned.mockRestore();
  });

  test("is over when the check that was missing is taken away", async () => {
    const { shutdown } = setUp();
    const gate = shutdown.addCheck("gate", () => false, { for: "startup" });
    expect((await shutdown.readiness()).ok).toBe(false);
    gate[Symbol.dispose]();
    expect((await shutdown.readiness()).ok).toBe(true);
  });

  test("that is not over when the shutdown begins is never over", async () => {
    const { shutdown } = setUp();
    shutdown.addCheck("gate", () => false, { for: "startup" });
    await shutdown.startup();
    await shutdown.trigger();
    expect(await shutdown.startup()).toEqual({ status: "draining", ok: false, checks: [] });
    expect((await shutdown.liveness()).ok).toBe(true);
  });

  test("that is over stays over while draining", async () => {
    const { shutdown } = setUp();
    shutdown.addCheck("gate", () => true, { for: "startup" });
    await shutdown.startup();
    await shutdown.trigger();
    expect((await shutdown.startup()).ok).toBe(true);
  });
});

describe("a component as a check", () => {
  test("a circuit breaker fails while it is open or isolated, and not while it is half-open", async () => {
    const { shutdown, clock } = setUp();
    const breaker = new CircuitBreaker({ maxFailures: 1, resetTimeout: 30, clock });
    shutdown.addCheck("database", breaker);
    const message = async (): Promise<string | undefined> => (await shutdown.readiness()).checks[0]?.message;
    expect(await message()).toBeUndefined();
    await breaker.call(() => Promise.reject(new Error("down"))).catch(() => {});
    expect(await message()).toBe("the circuit is open");
    // Without traffic its probes would never come.
    await clock.advance(30);
    expect(breaker.state).toBe("half-open");
    expect((await shutdown.readiness()).ok).toBe(true);
    const isolation = breaker.isolate();
    expect(await message()).toBe("the circuit is isolated");
    isolation[Symbol.dispose]();
    breaker.reset();
    expect(await message()).toBeUndefined();
  });

  test("a watchdog fails from its timeout until it is pinged", async () => {
    const { shutdown, clock } = setUp();
    using watchdog = new Watchdog({ timeout: 10, clock, onTimeout: () => {} });
    watchdog.start();
    shutdown.addCheck("worker", watchdog, { for: "liveness" });
    expect((await shutdown.liveness()).ok).toBe(true);
    await clock.advance(20);
    expect((await shutdown.liveness()).checks[0]?.message).toBe("the watchdog has timed out");
    watchdog.ping();
    expect((await shutdown.liveness()).ok).toBe(true);
  });

  test("a heartbeat fails while it does not run and after a missed beat", async () => {
    const { shutdown, clock } = setUp();
    let broken = false;
    const heartbeat = new Heartbeat({
      interval: 10,
      clock,
      metadata: { version: "1" },
      stateFile: "/dev/null/no-folder/x.heartbeat",
      onMissedBeat: () => {
        broken = true;
      },
    });
    shutdown.addCheck("heartbeat", heartbeat, { for: "liveness" });
    const message = async (): Promise<string | undefined> => (await shutdown.liveness()).checks[0]?.message;
    expect(await message()).toBe("the heartbeat is not running");
    heartbeat.start();
    expect(await message()).toBeUndefined();
    await clock.advance(10);
    expect(broken).toBe(true);
    expect(await message()).toMatch(/missed a beat/);
    await heartbeat.stop();
  });

  test("a heartbeat fails while its target is dead", async () => {
    const { shutdown, clock } = setUp();
    const target = { isDead: false };
    await using heartbeat = new Heartbeat({ interval: 10, clock, target });
    heartbeat.start();
    shutdown.addCheck("heartbeat", heartbeat);
    expect((await shutdown.readiness()).ok).toBe(true);
    target.isDead = true;
    await clock.advance(10);
    expect((await shutdown.readiness()).checks[0]?.message).toBe("the heartbeat's target is dead");
  });
});

describe("addCheck refuses", () => {
  const refused = (check: unknown, options?: unknown) => () => {
    const { shutdown } = setUp();
    const addCheck: (...args: never) => unknown = shutdown.addCheck.bind(shutdown);
    Reflect.apply(addCheck, undefined, ["name", check, options]);
  };

  test.each([
    ["a rate limiter", new RateLimiter({ rate: 1 })],
    ["nothing", undefined],
    ["null", null],
    ["a number", 1],
    ["an object with an unknown state", { state: "running" }],
  ])("%s, and names what is allowed", (_what, check) => {
    expect(refused(check)).toThrow(TypeError);
    expect(refused(check)).toThrow(/must be a function, a circuit breaker .*, a watchdog .*, a heartbeat/);
  });

  test.each(["readiness", ["startup", "liveness"], undefined])("a promise for %j", (probe) => {
    expect(refused(Promise.resolve(), { for: probe })).toThrow(/a promise is a check of start-up alone/);
    // Would be an unhandled rejection, which fails the whole run of these tests.
    expect(refused(Promise.reject(new Error("down")), { for: probe })).toThrow(TypeError);
  });

  test("a generator function, which would check nothing", () => {
    expect(refused(function* () {})).toThrow(/^a health check needs a function that does its work/);
  });

  test.each([
    [{ for: "ready" }, RangeError, /for must be one of "readiness", "liveness", "startup".*got "ready"/],
    [{ for: [] }, RangeError, /for must be/],
    [{ for: ["liveness", "liveness"] }, RangeError, /for must be/],
    [{ for: 1 }, TypeError, /for must be/],
    [{ timeout: 0 }, RangeError, /timeout must be a duration above 0/],
    [{ timeout: 5000 }, RangeError, /Did you mean 5 or "5000ms"/],
    [{ timout: 1 }, TypeError, /did you mean timeout/],
  ])("%j", (options, Kind, message) => {
    expect(refused(() => {}, options)).toThrow(Kind);
    expect(refused(() => {}, options)).toThrow(message);
  });

  test("an empty name, and a name that is taken", () => {
    const { shutdown } = setUp();
    expect(() => shutdown.addCheck("", () => {})).toThrow(/name must be/);
    shutdown.addCheck("a", () => {});
    expect(() => shutdown.addCheck("a", () => {}, { for: "liveness" })).toThrow(
      expect.objectContaining({ code: "ERR_SHUTDOWN_DUPLICATE" }),
    );
  });
});

describe("a check that returns details", () => {
  const details = { waiting: 12, oldest: "3s", shards: [{ id: 1, ok: true }] };

  test.each([
    ["on its own", { details }, { ok: true, details }],
    ["with ok", { ok: true, message: "unread", details }, { ok: true, details }],
    ["and is not ok", { ok: false, details }, { ok: false, message: "returned ok: false", details }],
    ["and says why", { ok: false, message: "full", details }, { ok: false, message: "full", details }],
    ["and has none", { ok: false, message: "full" }, { ok: false, message: "full" }],
    ["that have no JSON", { details: { n: 1n } }, { ok: false, message: expect.any(String) as string }],
    ["of another realm", runInNewContext("({ details: { n: 1 } })"), { ok: true, details: { n: 1 } }],
  ])("adds them to the report: %s", async (_, returned: unknown, expected) => {
    const { shutdown } = setUp();
    shutdown.addCheck("queue", async () => returned);
    const { checks } = await shutdown.readiness();
    expect(checks).toEqual([{ name: "queue", seconds: 0, ...expected }]);
  });

  test("adds them as they were, and frozen", async () => {
    const { shutdown } = setUp();
    const shards = [{ id: 1 }];
    shutdown.addCheck("queue", () => ({ details: { shards } }));
    const [check] = (await shutdown.readiness()).checks;
    shards.push({ id: 2 });
    expect(check?.details).toEqual({ shards: [{ id: 1 }] });
    expect(Object.isFrozen(check?.details?.["shards"])).toBe(true);
  });

  class Result {
    readonly details = { password: "secret" };
  }
  test.each([
    ["rows of a query", [{ password: "secret" }]],
    ["an object of a driver", new Result()],
    ["a plain object", { password: "secret", ok: 1 }],
    ["a text under that name", { details: "secret" }],
    ["an object of a driver under that name", { details: new Result() }],
    ["an error", Object.assign(new Error("x"), { details: { password: "secret" } })],
  ])("shows nothing of what a check returns besides: %s", async (_, returned) => {
    const { shutdown } = setUp();
    shutdown.addCheck("database", () => returned);
    expect((await shutdown.readiness()).checks).toEqual([{ name: "database", ok: true, seconds: 0 }]);
  });

  test("shows nothing of what an error carries", async () => {
    const { shutdown } = setUp();
    shutdown.addCheck("database", () => Promise.reject(Object.assign(new Error("x"), { details })));
    expect((await shutdown.readiness()).checks).toEqual([
      { name: "database", ok: false, seconds: 0, message: "x" },
    ]);
  });
});
