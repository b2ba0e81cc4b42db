import { runInNewContext } from "node:vm";
import { describe, expect, test, vi } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { configure } from "../../src/configure.js";
import type { HealthCheckContext } from "../../src/health/check.js";
import { Health } from "../../src/health/health.js";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { Watchdog } from "../../src/watchdog/watchdog.js";

function setUp(options: { checkTimeout?: number } = {}) {
  const clock = new ManualClock();
  const controller = new AbortController();
  const { signal } = controller;
  const drain = (): void => controller.abort(new Error("the process is shutting down"));
  return { clock, signal, drain, health: new Health({ clock, drainOn: signal, ...options }) };
}

const never = (): Promise<never> => new Promise(() => {});

describe("without a check", () => {
  test("a process has started, is alive and ready", async () => {
    const { health } = setUp();
    const well = { status: "ok", ok: true, checks: [] };
    expect(await health.startup()).toEqual(well);
    expect(await health.liveness()).toEqual(well);
    expect(await health.readiness()).toEqual(well);
  });

  test("it is alive and not ready after the drain has begun", async () => {
    const { health, signal, drain } = setUp();
    const asked: unknown[] = [];
    signal.addEventListener("abort", () => asked.push(health.readiness()));
    drain();
    const notReady = { status: "draining", ok: false, checks: [] };
    expect(await Promise.all(asked)).toEqual([notReady]);
    expect(await health.readiness()).toEqual(notReady);
    expect(await health.liveness()).toEqual({ status: "draining", ok: true, checks: [] });
    expect(await health.startup()).toEqual({ status: "draining", ok: true, checks: [] });
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
    const { health, clock } = setUp();
    health.addCheck("check", check);
    const report = await health.readiness();
    expect(report.ok).toBe(message === undefined);
    expect(report.status).toBe(message === undefined ? "ok" : "failing");
    const result = { name: "check", ok: message === undefined, seconds: 0 };
    expect(report.checks).toEqual([message === undefined ? result : { ...result, message }]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("that takes too long fails at its timeout, and its signal is aborted", async () => {
    const { health, clock } = setUp();
    let given: AbortSignal | undefined;
    health.addCheck(
      "database",
      ({ signal }) => {
        given = signal;
        return never();
      },
      { timeout: 2 },
    );
    const report = health.readiness();
    await clock.advance("1999ms");
    expect(given?.aborted).toBe(false);
    await clock.advance("1ms");
    expect(given?.reason).toMatchObject({ name: "HealthError", code: "ERR_HEALTH_CHECK_TIMEOUT" });
    expect((await report).checks).toEqual([
      { name: "database", ok: false, seconds: 2, message: "database did not answer within 2s." },
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  test.each([
    [{}, 5],
    [{ checkTimeout: 1 }, 1],
  ])("has the time that %j gives it when it has none of its own", async (options, seconds) => {
    const { health, clock } = setUp(options);
    health.addCheck("check", never);
    const report = health.readiness();
    await clock.advance(60);
    expect((await report).checks[0]).toMatchObject({ ok: false, seconds });
  });

  test("runs once for all probes at the same time, of any kind", async () => {
    const { health, clock } = setUp();
    const check = vi.fn<(context: HealthCheckContext) => Promise<void>>(
      () => new Promise((resolve) => void clock.setTimer(resolve, 1000)),
    );
    health.addCheck("check", check, { for: ["readiness", "liveness"] });
    const reports = [health.readiness(), health.liveness(), health.readiness()];
    await clock.advance("500ms");
    reports.push(health.liveness());
    await clock.advance("500ms");
    expect((await Promise.all(reports)).map(({ ok }) => ok)).toEqual([true, true, true, true]);
    expect(check).toHaveBeenCalledTimes(1);
    await Promise.all([health.readiness(), clock.advance(1)]);
    expect(check).toHaveBeenCalledTimes(2);
  });

  test("that does not end at its timeout is not run again beside itself", async () => {
    const { health, clock } = setUp();
    let end = (): void => {};
    const check = vi.fn<() => Promise<void>>(
      () =>
        new Promise<void>((resolve) => {
          end = resolve;
        }),
    );
    health.addCheck("check", check, { timeout: 1 });
    const first = health.readiness();
    await clock.advance(2);
    expect((await first).ok).toBe(false);
    // At once: nothing has to be waited for.
    expect((await health.readiness()).ok).toBe(false);
    expect(check).toHaveBeenCalledTimes(1);
    end();
    await clock.advance(0);
    const next = health.readiness();
    await clock.advance(0);
    expect(check).toHaveBeenCalledTimes(2);
    end();
    expect((await next).ok).toBe(true);
  });

  test("that never settles counts as lost in the end, so that it does not fail for ever", async () => {
    const { health, clock } = setUp();
    const check = vi.fn<() => unknown>().mockImplementationOnce(never);
    health.addCheck("check", check, { timeout: 1 });
    const first = health.readiness();
    await clock.advance("9999ms");
    expect((await first).ok).toBe(false);
    expect((await health.readiness()).ok).toBe(false);
    await clock.advance("1ms");
    expect((await health.readiness()).ok).toBe(true);
    expect(check).toHaveBeenCalledTimes(2);
  });

  test("that settles after it was lost does not change the next run", async () => {
    const { health, clock } = setUp();
    const ends: (() => void)[] = [];
    const check = vi.fn<() => Promise<void>>(() => new Promise<void>((resolve) => void ends.push(resolve)));
    health.addCheck("check", check, { timeout: 1 });
    void health.readiness();
    await clock.advance(10);
    const second = health.readiness();
    await clock.advance(0);
    ends[0]?.();
    await clock.advance(0);
    const third = health.readiness();
    await clock.advance(0);
    expect(check).toHaveBeenCalledTimes(2);
    ends[1]?.();
    expect([(await second).ok, (await third).ok]).toEqual([true, true]);
  });

  test("that asks for the report it is part of times out, without an endless loop", async () => {
    const { health, clock } = setUp();
    const check = vi.fn<() => unknown>(() => health.readiness());
    health.addCheck("check", check);
    const report = health.readiness();
    await clock.advance(5);
    expect((await report).checks[0]).toMatchObject({ ok: false, seconds: 5 });
    expect(check).toHaveBeenCalledTimes(1);
  });

  test("leaves no listener on the signal of the drain", async () => {
    const { health, signal } = setUp();
    const added = vi.spyOn(signal, "addEventListener");
    const removed = vi.spyOn(signal, "removeEventListener");
    for (const name of ["one", "two"]) health.addCheck(name, () => {});
    await health.readiness();
    await health.readiness();
    expect(added.mock.calls.length).toBeGreaterThan(0);
    expect(removed.mock.calls.length).toBe(added.mock.calls.length);
  });

  test("does not run after it was removed, and its name is free", async () => {
    const { health } = setUp();
    const check = health.addCheck("check", () => false);
    check[Symbol.dispose]();
    health.addCheck("check", () => true);
    check[Symbol.dispose]();
    expect((await health.readiness()).checks).toHaveLength(1);
    expect((await health.readiness()).ok).toBe(true);
  });
});

describe("the probes", () => {
  test("run only their own checks, in the order they were added", async () => {
    const { health } = setUp();
    health.addCheck("r", () => {});
    health.addCheck("l", () => {}, { for: "liveness" });
    health.addCheck("both", () => false, { for: ["liveness", "readiness"] });
    const names = async (report: ReturnType<typeof health.readiness>): Promise<readonly string[]> =>
      (await report).checks.map(({ name }) => name);
    expect(await names(health.readiness())).toEqual(["r", "both"]);
    expect(await names(health.liveness())).toEqual(["l", "both"]);
    expect(await names(health.startup())).toEqual([]);
    expect((await health.liveness()).status).toBe("failing");
  });

  test("do not call the process dead when a dependency is down", async () => {
    const { health } = setUp();
    health.addCheck("database", () => false);
    expect((await health.readiness()).ok).toBe(false);
    expect((await health.liveness()).ok).toBe(true);
  });

  test("a report is frozen and survives JSON", async () => {
    const { health } = setUp();
    health.addCheck("a", () => false);
    const report = await health.readiness();
    expect(Object.isFrozen(report) && Object.isFrozen(report.checks)).toBe(true);
    expect(Object.isFrozen(report.checks[0])).toBe(true);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  test("answer at once when a drain begins during a check, and abort its signal", async () => {
    const { health, drain, signal: drainOn, clock } = setUp();
    let given: AbortSignal | undefined;
    health.addCheck(
      "slow",
      ({ signal }) => {
        given = signal;
        return never();
      },
      { for: ["readiness", "liveness"] },
    );
    const [ready, live] = [health.readiness(), health.liveness()];
    await clock.advance(1);
    drain();
    expect(await ready).toEqual({ status: "draining", ok: false, checks: [] });
    expect(await live).toEqual({ status: "draining", ok: true, checks: [] });
    expect(given?.reason).toBe(drainOn.reason);
    expect(clock.pendingTimers).toBe(0);
  });

  test("run no check after the drain has begun, not even one requested just before", async () => {
    const { health, drain } = setUp();
    const check = vi.fn<() => boolean>(() => false);
    health.addCheck("check", check, { for: ["readiness", "liveness"] });
    const before = health.liveness();
    drain();
    expect(await before).toMatchObject({ status: "draining", ok: true });
    expect((await health.liveness()).ok).toBe(true);
    expect(check).not.toHaveBeenCalled();
  });
});

describe("start-up", () => {
  test("delays readiness until each of its checks has passed once, and runs none again", async () => {
    const { health } = setUp();
    let warm = false;
    const warmUp = vi.fn<() => boolean>(() => warm);
    const ready = vi.fn<() => boolean>(() => true);
    health.addCheck("migrations", () => {}, { for: "startup" });
    health.addCheck("warm-up", warmUp, { for: "startup" });
    health.addCheck("database", ready);
    expect(await health.startup()).toMatchObject({
      status: "starting",
      ok: false,
      checks: [{ ok: true }, { name: "warm-up", ok: false }],
    });
    expect(await health.readiness()).toMatchObject({ status: "starting", ok: false });
    expect(await health.liveness()).toMatchObject({ status: "ok", ok: true });
    expect(ready).not.toHaveBeenCalled();
    warm = true;
    // Without a start-up probe, the one of readiness finds out.
    expect(await health.readiness()).toMatchObject({ status: "ok", checks: [{ name: "database" }] });
    warm = false;
    expect(await health.startup()).toMatchObject({ status: "ok", ok: true });
    expect(await health.readiness()).toMatchObject({ status: "ok", ok: true });
    expect(warmUp).toHaveBeenCalledTimes(3);
  });

  test("follows a promise without waiting for it", async () => {
    const { health, clock } = setUp();
    let finish = (): void => {};
    const promise = new Promise<void>((resolve) => {
      finish = resolve;
    });
    health.addCheck("warm-up", promise, { for: "startup" });
    expect(await health.startup()).toMatchObject({
      status: "starting",
      checks: [{ name: "warm-up", message: "has not finished yet" }],
    });
    finish();
    await clock.advance(0);
    expect((await health.startup()).ok).toBe(true);
  });

  test("does not finish when its promise rejects, and a warning says so", async () => {
    const { health, clock } = setUp();
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    health.addCheck("warm-up", Promise.reject(new Error("no cache")), { for: "startup" });
    await clock.advance(0);
    expect(await health.readiness()).toMatchObject({
      status: "starting",
      checks: [{ message: "no cache" }],
    });
    expect(warned).toHaveBeenCalledWith(
      "start-up check warm-up failed",
      expect.objectContaining({ code: "KSTLIB_STARTUP_FAILED" }),
    );
    warned.mockRestore();
  });

  test("is over when the last check that has not passed is removed", async () => {
    const { health } = setUp();
    const gate = health.addCheck("gate", () => false, { for: "startup" });
    expect((await health.readiness()).ok).toBe(false);
    gate[Symbol.dispose]();
    expect((await health.readiness()).ok).toBe(true);
  });

  test("that is not over when the drain begins never ends", async () => {
    const { health, drain } = setUp();
    health.addCheck("gate", () => false, { for: "startup" });
    await health.startup();
    drain();
    expect(await health.startup()).toEqual({ status: "draining", ok: false, checks: [] });
    expect((await health.liveness()).ok).toBe(true);
  });

  test("that is over stays over while draining", async () => {
    const { health, drain } = setUp();
    health.addCheck("gate", () => true, { for: "startup" });
    await health.startup();
    drain();
    expect((await health.startup()).ok).toBe(true);
  });
});

describe("a component as a check", () => {
  test("a circuit breaker fails while it is open or isolated, and not while it is half-open", async () => {
    const { health, clock } = setUp();
    const breaker = new CircuitBreaker({ maxFailures: 1, resetTimeout: 30, clock });
    health.addCheck("database", breaker);
    const message = async (): Promise<string | undefined> => (await health.readiness()).checks[0]?.message;
    expect(await message()).toBeUndefined();
    await breaker.call(() => Promise.reject(new Error("down"))).catch(() => {});
    expect(await message()).toBe("the circuit is open");
    // Without traffic its probes would never come.
    await clock.advance(30);
    expect(breaker.state).toBe("half-open");
    expect((await health.readiness()).ok).toBe(true);
    const isolation = breaker.isolate();
    expect(await message()).toBe("the circuit is isolated");
    isolation[Symbol.dispose]();
    breaker.reset();
    expect(await message()).toBeUndefined();
  });

  test("a watchdog fails from its timeout until it is pinged", async () => {
    const { health, clock } = setUp();
    using watchdog = new Watchdog({ timeout: 10, clock, onTimeout: () => {} });
    watchdog.start();
    health.addCheck("worker", watchdog, { for: "liveness" });
    expect((await health.liveness()).ok).toBe(true);
    await clock.advance(20);
    expect((await health.liveness()).checks[0]?.message).toBe("the watchdog has timed out");
    watchdog.ping();
    expect((await health.liveness()).ok).toBe(true);
  });

  test("a heartbeat fails while it is not running and after a missed beat", async () => {
    const { health, clock } = setUp();
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
    health.addCheck("heartbeat", heartbeat, { for: "liveness" });
    const message = async (): Promise<string | undefined> => (await health.liveness()).checks[0]?.message;
    expect(await message()).toBe("the heartbeat is not running");
    heartbeat.start();
    expect(await message()).toBeUndefined();
    await clock.advance(10);
    expect(broken).toBe(true);
    expect(await message()).toMatch(/missed a beat/);
    await heartbeat.stop();
  });

  test("a heartbeat fails while its target is dead", async () => {
    const { health, clock } = setUp();
    const target = { isDead: false };
    await using heartbeat = new Heartbeat({ interval: 10, clock, target });
    heartbeat.start();
    health.addCheck("heartbeat", heartbeat);
    expect((await health.readiness()).ok).toBe(true);
    target.isDead = true;
    await clock.advance(10);
    expect((await health.readiness()).checks[0]?.message).toBe("the heartbeat's target is dead");
  });
});

describe("addCheck rejects", () => {
  const refused = (check: unknown, options?: unknown) => () => {
    const { health } = setUp();
    const addCheck: (...args: never) => unknown = health.addCheck.bind(health);
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
    const { health } = setUp();
    expect(() => health.addCheck("", () => {})).toThrow(/name must be/);
    health.addCheck("a", () => {});
    expect(() => health.addCheck("a", () => {}, { for: "liveness" })).toThrow(
      expect.objectContaining({ code: "ERR_HEALTH_DUPLICATE" }),
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
    ["and a status of a database", { ok: 0 }, { ok: false, message: "returned ok: 0" }],
    ["and an ok that is nothing", { ok: null }, { ok: false, message: "returned ok: null" }],
    ["and an ok that is left out", { ok: undefined, details }, { ok: true, details }],
    ["and an ok of 1", { ok: 1 }, { ok: true }],
    ["and has none", { ok: false, message: "full" }, { ok: false, message: "full" }],
    ["that have no JSON", { details: { n: 1n } }, { ok: false, message: expect.any(String) as string }],
    ["of another realm", runInNewContext("({ details: { n: 1 } })"), { ok: true, details: { n: 1 } }],
  ])("adds them to the report: %s", async (_, returned: unknown, expected) => {
    const { health } = setUp();
    health.addCheck("queue", async () => returned);
    const { checks } = await health.readiness();
    expect(checks).toEqual([{ name: "queue", seconds: 0, ...expected }]);
  });

  test("adds a frozen copy of them", async () => {
    const { health } = setUp();
    const shards = [{ id: 1 }];
    health.addCheck("queue", () => ({ details: { shards } }));
    const [check] = (await health.readiness()).checks;
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
    const { health } = setUp();
    health.addCheck("database", () => returned);
    expect((await health.readiness()).checks).toEqual([{ name: "database", ok: true, seconds: 0 }]);
  });

  test("shows no properties of an error", async () => {
    const { health } = setUp();
    health.addCheck("database", () => Promise.reject(Object.assign(new Error("x"), { details })));
    expect((await health.readiness()).checks).toEqual([
      { name: "database", ok: false, seconds: 0, message: "x" },
    ]);
  });
});

describe("the event change", () => {
  function changes(health: Health): readonly string[] {
    const heard: string[] = [];
    health.on("change", ({ name, ok, message }) => heard.push(`${name} ${ok ? "passes" : String(message)}`));
    return heard;
  }

  test("reports a check that fails, at first or after it passed, and one that passes again", async () => {
    const { health } = setUp();
    const heard = changes(health);
    let isDown = true;
    health.addCheck("well", () => {});
    health.addCheck("database", () => {
      if (isDown) throw new Error("down");
    });
    await health.readiness();
    await health.readiness();
    expect(heard).toEqual(["database down"]);
    isDown = false;
    await Promise.all([health.readiness(), health.readiness()]);
    isDown = true;
    await health.readiness();
    expect(heard).toEqual(["database down", "database passes", "database down"]);
  });

  test("reports the end of start-up, but not a result that the drain cuts short", async () => {
    const { health, drain, clock } = setUp();
    const heard = changes(health);
    let isWarm = false;
    health.addCheck("warm-up", () => isWarm, { for: "startup" });
    health.addCheck("slow", never);
    await health.startup();
    isWarm = true;
    const report = health.readiness();
    await clock.advance(1);
    drain();
    await report;
    expect(heard).toEqual(["warm-up returned false", "warm-up passes"]);
  });

  test("does not report a check that was removed while it ran", async () => {
    const { health } = setUp();
    const heard = changes(health);
    const check = health.addCheck("gone", () => {
      check[Symbol.dispose]();
      return false;
    });
    expect((await health.readiness()).ok).toBe(false);
    expect(heard).toEqual([]);
  });
});

describe("a snapshot", () => {
  test("shows the last result of each check without running it, frozen and as JSON", async () => {
    const { health, drain } = setUp();
    const check = vi.fn<() => boolean>(() => false);
    health.addCheck("gate", () => {}, { for: "startup" });
    health.addCheck("database", check, { for: ["liveness", "readiness"] });
    const gate = { name: "gate", for: ["startup"], last: null };
    const database = { name: "database", for: ["readiness", "liveness"], last: null };
    const before = { kind: "health", name: "health", isDraining: false, isStarted: false };
    expect(health.snapshot()).toEqual({ ...before, checks: [gate, database] });
    expect(check).not.toHaveBeenCalled();
    await health.readiness();
    drain();
    const snapshot = health.snapshot();
    expect(snapshot).toEqual({
      ...before,
      isDraining: true,
      isStarted: true,
      checks: [
        { ...gate, last: { name: "gate", ok: true, seconds: 0 } },
        { ...database, last: { name: "database", ok: false, seconds: 0, message: "returned false" } },
      ],
    });
    expect(Object.isFrozen(snapshot) && Object.isFrozen(snapshot.checks[0])).toBe(true);
    expect(JSON.parse(JSON.stringify(health))).toEqual(snapshot);
  });
});

describe("its options", () => {
  test("have defaults, and can be set in the section of the configuration", () => {
    expect(new Health()).toMatchObject({ name: "health", checkTimeout: 5, isDraining: false });
    using _ = configure({ health: { checkTimeout: 2, instances: { inner: { checkTimeout: "300ms" } } } });
    expect(new Health().checkTimeout).toBe(2);
    expect(new Health({ name: "inner" }).checkTimeout).toBe(0.3);
  });

  test.each([
    [{ drainOn: {} }, TypeError, "drainOn must be an AbortSignal; got an object."],
    [{ checkTimeout: 0 }, RangeError, "checkTimeout must be"],
    [{ timeout: 3 }, TypeError, "timeout is not an option of Health"],
  ])("are refused: %j", (options, Kind, message) => {
    const make = (): unknown => Reflect.construct(Health, [options]);
    expect(make).toThrow(Kind);
    expect(make).toThrow(message);
  });
});
