import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CircuitBreaker } from "../src/circuit-breaker/circuit-breaker.js";
import { configure } from "../src/configure.js";
import { Heartbeat } from "../src/heartbeat/heartbeat.js";
import { KeyedRateLimiter } from "../src/rate-limiter/keyed-rate-limiter.js";
import { RateLimiter } from "../src/rate-limiter/rate-limiter.js";
import { Registry } from "../src/registry.js";
import { GracefulShutdown } from "../src/shutdown/graceful-shutdown.js";
import { ManualClock } from "../src/testing/manual-clock.js";
import { Watchdog } from "../src/watchdog/watchdog.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "kstlib-registry-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("a registry", () => {
  test("keeps the parts of a configured pipeline whose override is undefined", () => {
    using _ = configure({ pipelines: { prices: { retry: { attempts: 7 }, timeout: 2 } } });
    const pipeline = new Registry().pipeline("prices", { retry: undefined, timeout: 1 });
    expect([pipeline.retry?.attempts, pipeline.timeout?.timeout]).toEqual([7, 1]);
  });

  test("has one instance per name, of each kind", async () => {
    await using registry = new Registry();
    expect(registry.circuitBreaker("a")).toBe(registry.circuitBreaker("a"));
    expect(registry.circuitBreaker("a")).not.toBe(registry.circuitBreaker("b"));
    expect(registry.rateLimiter("a")).toBe(registry.rateLimiter("a"));
    expect(registry.keyedRateLimiter("a")).toBe(registry.keyedRateLimiter("a"));
    expect(registry.health("a")).toBe(registry.health("a"));
    expect(registry.heartbeat("a")).toBe(registry.heartbeat("a"));
    expect(registry.watchdog("a")).toBe(registry.watchdog("a"));
    expect(registry.shutdown()).toBe(registry.shutdown());
    expect(registry.circuitBreaker("a").name).toBe("a");
  });

  test("creates instances from its own configuration, not the process-wide one, and overrides win", async () => {
    using _ = configure({ rateLimiter: { rate: 1 } });
    await using registry = new Registry({ rateLimiter: { per: 2, instances: { a: { rate: 7 } } } });
    const limits = ({ rate, per }: { rate: number; per: number }): number[] => [rate, per];
    expect(limits(registry.rateLimiter("a"))).toEqual([7, 2]);
    expect(limits(registry.rateLimiter("b"))).toEqual([10, 2]);
    expect(limits(registry.rateLimiter("c", { rate: 3 }))).toEqual([3, 2]);
    await using plain = new Registry();
    expect(limits(plain.rateLimiter("a"))).toEqual([1, 1]);
  });

  test("refuses other overrides for an instance that exists, and takes the same ones", async () => {
    await using registry = new Registry();
    registry.circuitBreaker("a", { maxFailures: 2 });
    registry.circuitBreaker("a");
    registry.circuitBreaker("a", { maxFailures: 2, isFailure: () => false });
    expect(() => registry.circuitBreaker("a", { maxFailures: 3 })).toThrow(
      'circuit breaker "a" was created with maxFailures 2; got 3',
    );
    expect(() => registry.shutdown({ timeout: 3 }).name && registry.shutdown({ timeout: 4 })).toThrow(
      /timeout/,
    );
  });

  test("refuses an invalid name and a wrong configuration, and keeps nothing of them", async () => {
    await using registry = new Registry();
    for (const name of ["", null, 3, undefined]) {
      expect(() => registry.watchdog(name as string)).toThrow(
        /name of a watchdog must be a non-empty string/,
      );
    }
    expect(() => registry.rateLimiter("a", { rate: -1 })).toThrow(/rate/);
    expect(registry.snapshot().rateLimiters).toEqual({});
    expect(registry.rateLimiter("a", { rate: 2 }).rate).toBe(2);
    expect(() => new Registry({ rateLimitter: {} } as object)).toThrow(/rateLimiter/);
  });

  test("refuses options that contradict one another, with the path of what they are for", () => {
    for (const [config, place] of [
      [{ shutdown: { timeout: 3, preStopDelay: 5 } }, "shutdown"],
      [{ adaptiveLimiter: { max: 9, instances: { a: { min: 20 } } } }, "adaptiveLimiter.instances.a"],
    ] as const) {
      expect(() => new Registry(config)).toThrow(RangeError);
      expect(() => new Registry(config)).toThrow(`${place}: `);
    }
  });

  test("makes a pipeline with the configured part where an override is undefined", async () => {
    await using registry = new Registry({ pipelines: { api: { retry: { attempts: 7 }, timeout: "2s" } } });
    const api = registry.pipeline("api", { retry: undefined, timeout: 1 });
    expect(api.retry?.attempts).toBe(7);
    expect(api.timeout?.timeout).toBe(1);
  });

  test("has every instance in its snapshot, which is frozen and survives JSON", async () => {
    const clock = new ManualClock();
    await using registry = new Registry();
    registry.circuitBreaker("api", { clock });
    registry.rateLimiter("api", { clock });
    registry.keyedRateLimiter("clients", { clock });
    registry.health("probes", { clock });
    registry.heartbeat("app", { clock });
    registry.watchdog("loop", { clock });
    registry.retry("api", { clock });
    registry.retryBudget("api", { clock });
    registry.timeout("api", { clock });
    registry.bulkhead("api", { clock });
    registry.adaptiveLimiter("api", { clock });
    registry.fallback("api", { clock, to: null });
    registry.hedge("api", { clock });
    registry.pipeline("all", { retry: "api" });
    registry.singleFlight("api");
    registry.chaos("api", { clock });
    expect(registry.snapshot().shutdown).toBeNull();
    registry.shutdown({ clock });
    const snapshot = registry.snapshot();
    expect(Object.isFrozen(snapshot)).toBe(true);
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
    expect(Object.values(snapshot).map((part) => part?.kind ?? Object.values(part ?? {})[0])).toMatchObject([
      { kind: "circuit-breaker", name: "api" },
      { kind: "rate-limiter", name: "api" },
      { kind: "keyed-rate-limiter", name: "clients" },
      { kind: "health", name: "probes" },
      { kind: "heartbeat", name: "app" },
      { kind: "watchdog", name: "loop" },
      { kind: "retry", name: "api" },
      { kind: "retry-budget", name: "api" },
      { kind: "timeout", name: "api" },
      { kind: "bulkhead", name: "api" },
      { kind: "adaptive-limiter", name: "api" },
      { kind: "fallback", name: "api" },
      { kind: "hedge", name: "api" },
      { kind: "pipeline", name: "all" },
      { kind: "single-flight", name: "api" },
      { kind: "chaos", name: "api" },
      "shutdown",
    ]);
  });

  test("ends everything when it is disposed of: the shutdown first, each component even when another fails", async () => {
    const clock = new ManualClock();
    const stateFile = path.join(folder, "app.heartbeat");
    const order: string[] = [];
    const registry = new Registry();
    registry.heartbeat("app", { clock, stateFile }).start();
    registry.watchdog("loop", { clock }).start();
    const limiter = registry.rateLimiter("api", { clock, rate: 1, burst: 1 });
    limiter.tryAcquire();
    const waiting = limiter.acquire().then(
      () => "admitted",
      (error: Error) => error.name,
    );
    registry.shutdown({ clock }).register("first", () => {
      order.push(Heartbeat.checkSync(stateFile, { clock }).status);
    });
    await clock.advance(0);
    await registry[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    expect(order).toEqual(["alive"]);
    expect(await waiting).toBe("RateLimitError");
    expect(Heartbeat.checkSync(stateFile, { clock }).status).toBe("stopped");
    expect(clock.pendingTimers).toBe(0);
    expect(() => registry.circuitBreaker("late")).toThrow(/disposed/);
    expect(() => registry.shutdown()).toThrow(/disposed/);
  });

  test("iterates over its components in the order of creation, without released ones", async () => {
    await using registry = new Registry();
    expect([...registry]).toEqual([]);
    const shutdown = registry.shutdown();
    const made = [
      registry.watchdog("a"),
      shutdown,
      registry.circuitBreaker("b"),
      registry.circuitBreaker("a"),
    ];
    expect([...registry]).toEqual([shutdown, made[0], made[2], made[3]]);
    await registry.release("watchdog", "a");
    await registry.release("shutdown");
    expect([...registry].map(({ name }) => name)).toEqual(["b", "a"]);
  });

  test("lets one listener get every event of every kind, of existing and later components", async () => {
    const clock = new ManualClock();
    await using registry = new Registry();
    const heard: string[] = [];
    registry.circuitBreaker("before", { clock });
    registry.heartbeat("app", { clock, interval: 1 }).start();
    const listener = registry.on(({ kind, name, event }) => heard.push(`${kind} ${name} ${event}`));
    registry.circuitBreaker("before").callSync(() => 1);
    expect(heard).toEqual(["circuit-breaker before success", "circuit-breaker before settled"]);
    registry.rateLimiter("after", { clock }).tryAcquire();
    registry.keyedRateLimiter("after", { clock, rate: 1 }).tryAcquire("k");
    registry.keyedRateLimiter("after").tryAcquire("k");
    await clock.advance(1);
    const watchdog = registry.watchdog("loop", { clock, timeout: 1 });
    watchdog.start();
    await clock.advance(2);
    watchdog.ping();
    await clock.advance(1);
    await registry.shutdown({ name: "end", clock }).trigger();
    expect(new Set(heard)).toEqual(
      new Set([
        "circuit-breaker before success",
        "circuit-breaker before settled",
        "rate-limiter after acquired",
        "keyed-rate-limiter after acquired",
        "keyed-rate-limiter after rejected",
        "heartbeat app beat",
        "watchdog loop timeout",
        "watchdog loop recover",
        "shutdown end begin",
        "shutdown end complete",
      ]),
    );
    listener[Symbol.dispose]();
    heard.length = 0;
    registry.circuitBreaker("before").callSync(() => 2);
    expect(heard).toEqual([]);
  });

  test("calls each listener once, with the payload, until it is removed or the component released", async () => {
    await using registry = new Registry();
    const heard: unknown[] = [];
    const successes = (_kind: string, event: string): boolean => event === "success";
    const first = registry.on((event) => heard.push(event), successes);
    const second = registry.on(({ name }) => heard.push(name), successes);
    const breaker = registry.circuitBreaker("api");
    const value = {};
    breaker.callSync(() => value);
    const told = { kind: "circuit-breaker", name: "api", event: "success", payload: { value, late: false } };
    expect(heard.splice(0)).toEqual([told, "api"]);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    breaker.callSync(() => value);
    expect(heard.splice(0)).toEqual(["api"]);
    await registry.release("circuit-breaker", "api");
    breaker.callSync(() => value);
    expect(heard).toEqual([]);
    second[Symbol.dispose]();
    registry.on((event) => heard.push(event), successes);
    registry.circuitBreaker("api").callSync(() => value);
    expect(heard).toEqual([told]);
    expect(() => registry.on(undefined as never)).toThrow("must be a function; got undefined.");
  });

  test("calls every listener, even when another one throws", async () => {
    const warnings: string[] = [];
    const emit = vi
      .spyOn(process, "emitWarning")
      .mockImplementation((message) => void warnings.push(String(message)));
    await using registry = new Registry();
    const heard: string[] = [];
    registry.on(() => {
      throw new Error("deaf");
    });
    registry.on(({ event }) => heard.push(event));
    expect(registry.circuitBreaker("api").callSync(() => 1)).toBe(1);
    expect(heard).toEqual(["success", "settled"]);
    expect(warnings).toEqual(heard.map(() => "a listener of the registry failed"));
    emit.mockRestore();
  });

  test("reports the events of a component while it is released", async () => {
    const clock = new ManualClock();
    await using registry = new Registry();
    const stateFile = path.join(folder, "app.heartbeat");
    registry.heartbeat("app", { clock, stateFile }).start();
    await clock.advance(0);
    const heard: string[] = [];
    registry.on(({ event }) => heard.push(event));
    rmSync(stateFile);
    mkdirSync(stateFile);
    await registry.release("heartbeat", "app").catch(() => {});
    expect(heard).toEqual(["missedBeat"]);
  });

  test("forgets and ends a released component of each kind, and creates a new one for its name", async () => {
    const clock = new ManualClock();
    await using registry = new Registry();
    const stateFile = path.join(folder, "app.heartbeat");
    const heartbeat = registry.heartbeat("a", { clock, stateFile });
    const watchdog = registry.watchdog("a", { clock });
    const limiter = registry.rateLimiter("a", { clock, rate: 1 });
    const keyed = registry.keyedRateLimiter("a", { clock, rate: 1 });
    const breaker = registry.circuitBreaker("a", { clock, maxFailures: 2 });
    heartbeat.start();
    watchdog.start();
    limiter.tryAcquire();
    keyed.tryAcquire("k");
    const refused = (error: Error): string => error.message;
    const waiting = [limiter.acquire().catch(refused), keyed.acquire("k").catch(refused)];
    await clock.advance(0);

    const KINDS = [
      "circuit-breaker",
      "rate-limiter",
      "keyed-rate-limiter",
      "health",
      "heartbeat",
      "watchdog",
    ] as const;
    const health = registry.health("a", { clock });
    for (const kind of KINDS) {
      expect(await registry.release(kind, "b")).toBe(false);
      expect(await registry.release(kind, "a")).toBe(true);
      expect(await registry.release(kind, "a")).toBe(false);
    }
    const { shutdown, ...others } = registry.snapshot();
    expect(shutdown).toBeNull();
    expect(Object.values(others).filter((byName) => Object.keys(byName).length > 0)).toEqual([]);
    expect([heartbeat.isRunning, watchdog.isRunning]).toEqual([false, false]);
    expect(Heartbeat.checkSync(stateFile, { clock }).status).toBe("stopped");
    expect(await Promise.all(waiting)).toEqual([
      expect.stringMatching("disposed"),
      expect.stringMatching("disposed"),
    ]);
    expect(clock.pendingTimers).toBe(0);

    expect(registry.circuitBreaker("a", { clock, maxFailures: 3 })).not.toBe(breaker);
    expect(registry.health("a")).not.toBe(health);
    expect(registry.heartbeat("a")).not.toBe(heartbeat);
    expect(registry.watchdog("a")).not.toBe(watchdog);
    expect(registry.rateLimiter("a")).not.toBe(limiter);
    expect(registry.keyedRateLimiter("a")).not.toBe(keyed);
  });

  test("frees a name at once, while its component is still ending", async () => {
    const clock = new ManualClock();
    await using registry = new Registry();
    const first = registry.heartbeat("a", { clock, stateFile: path.join(folder, "app.heartbeat") });
    first.start();
    const released = registry.release("heartbeat", "a");
    expect(registry.heartbeat("a")).not.toBe(first);
    expect(await released).toBe(true);
  });

  test("uninstalls its shutdown when that is released, without running it", async () => {
    await using registry = new Registry();
    const ran: string[] = [];
    const shutdown = registry.shutdown({ name: "first" });
    shutdown.register("callback", () => ran.push("callback"));
    shutdown.install();
    expect(await registry.release("shutdown")).toBe(true);
    expect(await registry.release("shutdown")).toBe(false);
    expect([shutdown.isInstalled, shutdown.isShuttingDown, ran]).toEqual([false, false, []]);
    expect(registry.snapshot().shutdown).toBeNull();
    expect(registry.shutdown({ name: "second" })).not.toBe(shutdown);
  });

  test("rejects for an unknown kind, and with the error of ending a component, which is forgotten nevertheless", async () => {
    const registry = new Registry();
    const release = (kind: string | undefined, name: string): Promise<boolean> =>
      registry.release(kind as "watchdog", name);
    await expect(release("circuitBreaker", "a")).rejects.toThrow(
      "circuitBreaker is not a kind of component; did you mean circuit-breaker?",
    );
    await expect(release(undefined, "a")).rejects.toThrow(TypeError);
    await expect(release("heartbeat", "")).rejects.toThrow(
      "the name of a heartbeat must be a non-empty string",
    );
    const watchdog = registry.watchdog("a");
    Object.defineProperty(watchdog, Symbol.dispose, {
      value() {
        throw new Error("cannot end");
      },
    });
    await expect(registry.release("watchdog", "a")).rejects.toThrow("cannot end");
    expect(registry.snapshot().watchdogs).toEqual({});
    await registry[Symbol.asyncDispose]();
    expect(await registry.release("watchdog", "a")).toBe(false);
  });

  test("keeps nothing of released names", async () => {
    await using registry = new Registry();
    for (let index = 0; index < 1000; index++) {
      registry.circuitBreaker(`tenant-${index}`);
      await registry.release("circuit-breaker", `tenant-${index}`);
    }
    expect(registry.snapshot().circuitBreakers).toEqual({});
  });

  test("can be used by the callbacks of its shutdown while it is disposed of, and ends what they created", async () => {
    const clock = new ManualClock();
    const registry = new Registry();
    const seen: unknown[] = [];
    registry.shutdown({ clock }).on("complete", ({ report }) => seen.push(report.ok));
    registry.shutdown().register("database", async () => {
      seen.push(await registry.circuitBreaker("database").call(() => "closed"));
      registry.heartbeat("late", { clock, interval: 1 }).start();
    });
    await registry[Symbol.asyncDispose]();
    expect(seen).toEqual(["closed", true]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("may be disposed of by a callback of its shutdown", async () => {
    const clock = new ManualClock();
    const registry = new Registry();
    registry.heartbeat("app", { clock }).start();
    registry.shutdown({ clock }).register("registry", () => registry[Symbol.asyncDispose]());
    const report = await registry.shutdown().trigger();
    expect(report.ok).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("configure", () => {
  test("restores the previous configuration, in whatever order its results are disposed of", async () => {
    await using registry = new Registry();
    const rate = (name: string): number => registry.rateLimiter(name).rate;
    const outer = configure({ rateLimiter: { rate: 2 } });
    const inner = configure({ rateLimiter: { rate: 3 } });
    expect(rate("a")).toBe(3);
    outer[Symbol.dispose]();
    expect(rate("b")).toBe(3);
    inner[Symbol.dispose]();
    inner[Symbol.dispose]();
    expect(rate("c")).toBe(10);
  });

  test("ignores later changes to the object", async () => {
    const rateLimiter = { rate: 2 };
    using _ = configure({ rateLimiter });
    rateLimiter.rate = 50;
    await using registry = new Registry();
    expect(registry.rateLimiter("a").rate).toBe(2);
  });

  test("warns of a clamped timeout once per watchdog, not when it is checked", async () => {
    const warnings: string[] = [];
    const emit = vi
      .spyOn(process, "emitWarning")
      .mockImplementation((message) => void warnings.push(String(message)));
    using _ = configure({ watchdog: { timeout: 30_000 } });
    expect(warnings).toEqual([]);
    await using registry = new Registry();
    registry.watchdog("loop");
    expect(warnings).toEqual([
      'timeout of a watchdog is from 1 s to 1 h; 30000 s became 3600 s. A number is seconds: did you mean "30000ms"?',
    ]);
    emit.mockRestore();
  });

  test.each([
    ["CircuitBreaker", (options: object) => new CircuitBreaker(options)],
    ["RateLimiter", (options: object) => new RateLimiter(options)],
    ["KeyedRateLimiter", (options: object) => new KeyedRateLimiter(options)],
    ["GracefulShutdown", (options: object) => new GracefulShutdown(options)],
    ["Heartbeat", (options: object) => new Heartbeat(options)],
    ["Watchdog", (options: object) => new Watchdog(options)],
  ])("leaves %s reading each of its options once", (_component, make) => {
    using _ = configure({ circuitBreaker: {}, rateLimiter: {}, shutdown: {}, heartbeat: {}, watchdog: {} });
    let reads = 0;
    make({
      get name() {
        reads += 1;
        return "once";
      },
    });
    expect(reads).toBe(1);
  });
});
