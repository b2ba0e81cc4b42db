import { describe, expect, test } from "vitest";
import { pushConfiguration } from "../../src/kernel/configured.js";
import { GracefulShutdown } from "../../src/shutdown/graceful-shutdown.js";

const odd: readonly (readonly [shown: string, value: unknown])[] = [
  ["NaN", Number.NaN],
  ["Infinity", Infinity],
  ["-1", -1],
  ["0", 0],
  ["1e12", 1e12],
  ["a numeric string", "5"],
  ["an empty string", ""],
  ["null", null],
  ["true", true],
  ["an array of an array", [[]]],
  ["an object", {}],
  ["a function", () => {}],
  ["a symbol", Symbol("s")],
  ["a bigint", 5n],
];

const optionNames = [
  "name",
  "timeout",
  "signals",
  "forceExitCode",
  "exitOnSignal",
  "handleUncaught",
  "preStopDelay",
  "repeatGrace",
  "onSecondSignal",
  "clock",
  "exit",
];

/** The odd values that an option accepts. */
const welcome = new Set([
  "name: a numeric string",
  "exitOnSignal: true",
  "handleUncaught: true",
  "preStopDelay: 0",
  "repeatGrace: 0",
  "onSecondSignal: a function",
  "exit: a function",
]);

const cases = optionNames.flatMap((option) =>
  odd.map(([shown, value]) => ({ title: `${option}: ${shown}`, option, value })),
);

describe("the options of GracefulShutdown", () => {
  test.each(cases.filter(({ title }) => !welcome.has(title)))(
    "refuse and name $title",
    ({ option, value }) => {
      const before = process.listenerCount("SIGTERM");
      expect(() => new GracefulShutdown({ [option]: value })).toThrow(new RegExp(`\\b${option}\\b`));
      expect(process.listenerCount("SIGTERM")).toBe(before);
    },
  );

  test.each(cases.filter(({ title }) => welcome.has(title)))("accept $title", ({ option, value }) => {
    expect(() => new GracefulShutdown({ [option]: value })).not.toThrow();
  });

  test.each(["default", "exit", "ignore"] as const)("accept onSecondSignal: %s", (onSecondSignal) => {
    expect(new GracefulShutdown({ onSecondSignal }).onSecondSignal).toBe(onSecondSignal);
  });

  test("allow no signals at all", () => {
    expect(() => new GracefulShutdown({ signals: [] })).not.toThrow();
  });

  test.each([["SIGKILL"], ["SIGTERM", "SIGTERM"], ["TERM"], [15], [null]])(
    "refuse the signals %s",
    (...signals) => {
      // @ts-expect-error: what JavaScript callers do
      expect(() => new GracefulShutdown({ signals })).toThrow(/^signals must be a list/);
    },
  );

  test("refuse an unknown option with the nearest known one", () => {
    // @ts-expect-error: what JavaScript callers do
    expect(() => new GracefulShutdown({ timeOut: 5 })).toThrow(/timeOut .*did you mean timeout/);
    // @ts-expect-error: what JavaScript callers do
    expect(() => new GracefulShutdown(null)).toThrow(TypeError);
  });

  test("refuse a delay that leaves no time for the callbacks", () => {
    expect(() => new GracefulShutdown({ timeout: 5, preStopDelay: 5 })).toThrow(
      new RangeError("preStopDelay must be shorter than timeout (5s), which includes it; got 5s."),
    );
  });

  test("suggest the intended value if a timeout looks like milliseconds", () => {
    expect(() => new GracefulShutdown({ timeout: 30_000 })).toThrow(/Did you mean 30 or "30000ms"/);
  });
});

describe("the options of register", () => {
  const shutdown = new GracefulShutdown();
  const callback = (): void => {};

  test.each([
    [{ priority: Number.NaN }, "priority"],
    [{ priority: Infinity }, "priority"],
    [{ priority: "1" }, "priority"],
    [{ priority: null }, "priority"],
    [{ timeout: 0 }, "timeout"],
    [{ timeout: -1 }, "timeout"],
    [{ timeout: "5" }, "timeout"],
    [{ timeout: 30_000 }, "timeout"],
    [{ prioritty: 1 }, "priority"],
    [null, "options"],
    [5, "options"],
  ])("are refused and named: %o", (options, named) => {
    // @ts-expect-error: what JavaScript callers do
    expect(() => shutdown.register("one", callback, options)).toThrow(named);
    // @ts-expect-error: what JavaScript callers do
    expect(() => shutdown.registerServer("one", { close() {} }, options)).toThrow(named);
    expect(shutdown.snapshot().callbacks).toEqual([]);
  });

  test.each(["", 5, null, undefined, {}])("refuse the name %o", (name) => {
    // @ts-expect-error: what JavaScript callers do
    expect(() => shutdown.register(name, callback)).toThrow(/^name must be a non-empty string/);
  });

  test("refuse a value that cannot be called or closed", () => {
    // @ts-expect-error: what JavaScript callers do
    expect(() => shutdown.register("one", "close")).toThrow(/register needs a function; got "close"/);
    // @ts-expect-error: what JavaScript callers do
    expect(() => shutdown.registerServer("one", {})).toThrow(
      /server must have a close method; got an object/,
    );
    // @ts-expect-error: what JavaScript callers do
    expect(() => shutdown.registerServer("one", null)).toThrow(/server must have a close method; got null/);
  });
});

describe("the configuration", () => {
  test("gives the options that the constructor was not given", async () => {
    const pushed = pushConfiguration({ shutdown: { timeout: "5s", preStopDelay: 1 } });
    try {
      expect(() => new GracefulShutdown({ preStopDelay: 6 })).toThrow(/timeout \(5s\)/);
      expect(() => new GracefulShutdown({ timeout: 1 })).toThrow(/got 1s/);
    } finally {
      pushed[Symbol.dispose]();
    }
    expect(() => new GracefulShutdown({ timeout: 1 })).not.toThrow();
  });
});
