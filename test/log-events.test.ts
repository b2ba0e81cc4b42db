import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pino from "pino";
import { describe, expect, test, vi } from "vitest";
import { CircuitBreaker } from "../src/circuit-breaker/circuit-breaker.js";
import { components } from "../src/descriptors.js";
import { Heartbeat } from "../src/heartbeat/heartbeat.js";
import { logEvents, type Logger } from "../src/log-events.js";
import { KeyedRateLimiter } from "../src/rate-limiter/keyed-rate-limiter.js";
import { pipeline } from "../src/policies/pipeline/pipeline.js";
import { Registry } from "../src/registry.js";
import { resilient } from "../src/resilient.js";
import { ManualClock } from "../src/testing/index.js";
import { Watchdog } from "../src/watchdog/watchdog.js";
import { memoryLogger } from "./memory-logger.js";

const down = new Error("password=secret");

const fail = async (breaker: CircuitBreaker): Promise<void> => {
  await breaker.call(() => Promise.reject(down)).catch(() => {});
};

describe("the log of events", () => {
  test("has a line for each event that matters, with its level", async () => {
    const clock = new ManualClock();
    const breaker = new CircuitBreaker({ clock, name: "payments", maxFailures: 1, resetTimeout: 10 });
    const logger = memoryLogger();
    using _log = logEvents(logger, breaker);
    await fail(breaker);
    await clock.advance(10);
    await breaker.call(() => "well");
    expect(logger.lines).toEqual([
      "warn [resilience] circuit-breaker payments: closed -> open (tripped)",
      "info [resilience] circuit-breaker payments: open -> half-open (reset-timeout)",
      "info [resilience] circuit-breaker payments: half-open -> closed (recovered)",
    ]);
  });

  test.each([
    ["info", ["closed -> open (tripped)", "open -> closed (reset)"]],
    ["warn", ["closed -> open (tripped)"]],
    ["error", []],
  ] as const)(
    "has the lines of level %s and above, also of an event whose lines differ",
    async (level, has) => {
      const logger = memoryLogger();
      await using registry = new Registry({ circuitBreaker: { maxFailures: 1 } });
      const breaker = registry.circuitBreaker("payments");
      using _one = logEvents(logger, breaker, { level });
      using _all = logEvents(logger, registry, { level });
      await fail(breaker);
      breaker.reset();
      const told = logger.lines.map((line) => line.replace(/^.*payments: /, ""));
      expect(told).toEqual(has.flatMap((line) => [line, line]));
    },
  );

  test("logs single calls only at level debug, and only the class of an error", async () => {
    const logger = memoryLogger();
    const breaker = new CircuitBreaker({ name: "payments", maxFailures: 5 });
    using _log = logEvents(logger, [breaker], { level: "debug" });
    await fail(breaker);
    await breaker.call(() => "well");
    expect(logger.lines).toEqual(["debug [resilience] circuit-breaker payments: a call failed (Error)"]);
  });

  test("has the message of an error by this package, so that a missed beat keeps its cause", async () => {
    const logger = memoryLogger();
    const clock = new ManualClock();
    const stateFile = mkdtempSync(path.join(tmpdir(), "kstlib-log-"));
    // A folder stands where the file should.
    const heartbeat = new Heartbeat({ name: "app", clock, stateFile });
    using _log = logEvents(logger, heartbeat);
    heartbeat.start();
    await clock.advance(0);
    await heartbeat.stop().catch(() => {});
    rmSync(stateFile, { recursive: true });
    expect(logger.lines[0]).toMatch(/^warn \[resilience\] heartbeat app: missed a beat: .*kstlib-log-/);
  });

  test("has lines of its own for a watchdog of a file", async () => {
    const logger = memoryLogger();
    const clock = new ManualClock();
    const folder = mkdtempSync(path.join(tmpdir(), "kstlib-log-"));
    const file = path.join(folder, "bot.heartbeat");
    const watchdog = Watchdog.fromStateFile(file, { clock, maxAge: 5, checkInterval: 1 });
    using _log = logEvents(logger, watchdog, { level: "debug" });
    watchdog.start();
    await clock.advance(10);
    watchdog.stop();
    rmSync(folder, { recursive: true });
    expect(logger.lines[0]).toBe(`error [resilience] watchdog ${file}: found unknown`);
  });

  test("leaves nothing behind when a list has something that is not a component", () => {
    const breaker = new CircuitBreaker({ maxFailures: 1 });
    const logger = memoryLogger();
    const strange = { name: "x", snapshot: () => ({ kind: "lamp", name: "x" }), on: () => breaker.isolate() };
    expect(() => logEvents(logger, [breaker, strange])).toThrow(/^the kind of a component to log must be/);
    breaker.isolate();
    expect(logger.lines).toEqual([]);
  });

  test("ends when it is disposed of, and leaves no listener", async () => {
    const logger = memoryLogger();
    const breaker = new CircuitBreaker({ maxFailures: 1 });
    const log = logEvents(logger, breaker);
    log[Symbol.dispose]();
    log[Symbol.dispose]();
    await fail(breaker);
    expect(logger.lines).toEqual([]);
  });

  test("follows a registry: existing and later components, until they are released", async () => {
    const logger = memoryLogger();
    await using registry = new Registry({ circuitBreaker: { maxFailures: 1 } });
    const first = registry.circuitBreaker("first");
    const log = logEvents(logger, registry);
    const second = registry.circuitBreaker("second");
    await fail(first);
    await fail(second);
    await registry.release("circuit-breaker", "first");
    first.reset();
    expect(logger.lines).toEqual([
      "warn [resilience] circuit-breaker first: closed -> open (tripped)",
      "warn [resilience] circuit-breaker second: closed -> open (tripped)",
    ]);
    log[Symbol.dispose]();
    second.reset();
    registry.circuitBreaker("third").isolate();
    expect(logger.lines).toHaveLength(2);
  });

  test("gives pino an object and a message", async () => {
    const written: unknown[] = [];
    const logger = pino(
      { base: null, timestamp: false },
      { write: (line: string) => written.push(JSON.parse(line)) },
    );
    const breaker = new CircuitBreaker({ name: "payments", maxFailures: 1 });
    using _log = logEvents(logger, breaker);
    await fail(breaker);
    expect(written).toEqual([
      {
        level: 40,
        component: "circuit-breaker",
        name: "payments",
        event: "stateChange",
        from: "closed",
        to: "open",
        reason: "tripped",
        msg: "circuit-breaker payments: closed -> open (tripped)",
      },
    ]);
  });

  test("never has the key of a limiter, and no message of an application", () => {
    const logger = memoryLogger();
    const limiter = new KeyedRateLimiter({ name: "clients", rate: 1, burst: 1, maxKeys: 1 });
    using _log = logEvents(logger, limiter, { level: "debug", style: "fields" });
    for (const key of ["token-a", "token-a", "token-b"]) limiter.tryAcquire(key);
    expect(logger.lines.length).toBeGreaterThan(0);
    expect(logger.lines.join("\n")).not.toContain("token");
  });

  test("writes a name that holds a line break on one line", async () => {
    const logger = memoryLogger();
    const breaker = new CircuitBreaker({ name: "a\n[resilience] forged\u2028\u001B[2J", maxFailures: 1 });
    using _log = logEvents(logger, breaker);
    await fail(breaker);
    expect(logger.lines[0]).toBe(
      String.raw`warn [resilience] circuit-breaker a\u{a}[resilience] forged\u{2028}\u{1b}[2J: closed -> open (tripped)`,
    );
  });

  test("is not affected by what a logger throws", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const broken = (): never => {
      throw new Error("disk full");
    };
    const breaker = new CircuitBreaker({ maxFailures: 1 });
    using _log = logEvents({ debug: broken, info: broken, warn: broken, error: broken }, breaker);
    await expect(breaker.call(() => Promise.reject(down))).rejects.toBe(down);
    expect(breaker.state).toBe("open");
    expect(warn).toHaveBeenCalledOnce();
    warn.mockRestore();
  });

  test("goes to console", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const breaker = new CircuitBreaker({ name: "payments", maxFailures: 1 });
    using _log = logEvents(console, breaker);
    await fail(breaker);
    expect(warn).toHaveBeenCalledWith("[resilience] circuit-breaker payments: closed -> open (tripped)");
    warn.mockRestore();
  });
});

test.each([[null], [undefined], [{}], ["console"], [{ info() {}, warn() {}, error() {} }]])(
  "a logger that is none is refused: %o",
  (logger) => {
    expect(() => logEvents(logger as Logger, new CircuitBreaker())).toThrow(
      /^the logger must be an object with debug, info, warn, error/,
    );
  },
);

test.each([[null], [undefined], [{}], ["payments"], [[null]], [[new CircuitBreaker(), {}]]])(
  "what is no component is refused: %o",
  (source) => {
    expect(() => logEvents(console, source as CircuitBreaker)).toThrow(/^the source must be/);
  },
);

test("a wrong option is refused", () => {
  const breaker = new CircuitBreaker();
  expect(() => logEvents(console, breaker, { level: "trace" as "info" })).toThrow(/^level must be one of/);
  expect(() => logEvents(console, breaker, { levels: "info" } as object)).toThrow(/did you mean level\?/);
});

test("changes, final failures and abandoned calls are logged by default; single calls are not", () => {
  const byDefault = Object.values(components).flatMap(({ kind, events }) =>
    Object.entries(events).flatMap(([event, rule]: [string, true | { readonly level: string }]) =>
      rule === true || rule.level === "debug" ? [] : [`${kind} ${event}`],
    ),
  );
  expect(byDefault).toEqual(
    expect.arrayContaining([
      "circuit-breaker stateChange",
      "watchdog timeout",
      "shutdown complete",
      "health change",
      "heartbeat missedBeat",
      "retry exhausted",
      "timeout timeout",
    ]),
  );
  expect(byDefault.join()).not.toMatch(/success|acquired|beat,|settled|evicted|rejected/);
});

test("a pipeline is logged with its parts, each once", async () => {
  const logger = memoryLogger();
  const api = resilient({
    name: "shop",
    retry: { attempts: 2, delay: 0 },
    circuitBreaker: { maxFailures: 2 },
  });
  {
    using _log = logEvents(logger, [api, api.circuitBreaker, pipeline(api, api.retry)]);
    await api.execute(() => Promise.reject(down)).catch(() => {});
  }
  api.circuitBreaker.reset();
  expect(logger.lines).toEqual([
    "warn [resilience] circuit-breaker shop: closed -> open (tripped)",
    "info [resilience] retry shop: gave up after 2 attempts (Error)",
  ]);
});

test("a policy in a pipeline that is of another kind is no mistake", async () => {
  const logger = memoryLogger();
  const foreign = { execute: (fn: () => unknown) => Promise.resolve(fn()) };
  const named = {
    ...foreign,
    name: "mine",
    on: () => expect.fail("heard"),
    snapshot: () => ({ kind: "mine", name: "mine" }),
  };
  const circuit = new CircuitBreaker({ name: "shop" });
  using _log = logEvents(logger, pipeline(foreign as never, named as never, circuit));
  circuit.isolate();
  expect(logger.lines).toHaveLength(1);
});
