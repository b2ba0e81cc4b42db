import { describe, expect, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import {
  circuitBreaker,
  circuitBreakerSync,
  type GuardedOptions,
} from "../../src/circuit-breaker/decorators.js";
import type { CircuitBreakerOptions } from "../../src/circuit-breaker/options.js";
import { failureRate, slowCallRate } from "../../src/circuit-breaker/rates.js";

const numbers = [Number.NaN, Infinity, -1, 0, 1e21];
const strangers = [null, true, "5", [], {}, () => 5, Symbol("x"), 5n];

const wrong: readonly (readonly [keyof CircuitBreakerOptions, readonly unknown[]])[] = [
  ["name", ["", 5, null, {}]],
  ["maxFailures", [...numbers, 2.5, ...strangers]],
  ["resetTimeout", [...numbers, 30_000, "30", "soon", "", null, true, [], {}]],
  ["jitter", [Number.NaN, Infinity, -1, 1.5, ...strangers]],
  ["random", [null, 5, "random", {}]],
  ["mode", [null, 5, "on", {}, true]],
  [
    "halfOpen",
    [
      null,
      5,
      "2",
      {},
      { calls: 0, failureRate: 1 },
      { calls: 2, failureRate: 0 },
      { calls: 2, failureRate: 1.5 },
    ],
  ],
  ["halfOpen", [{ calls: 2 }, { failureRate: 0.5 }, { calls: 2, failureRate: 0.5, rate: 1 }]],
  ["resetTimeout", [{ initial: 1 }, { initial: 1, factor: 2 }, { initial: 1, factor: 2, max: 3, jitter: 1 }]],
  [
    "resetTimeout",
    [
      { initial: 0, factor: 2, max: 3 },
      { initial: 5, factor: 2, max: 3 },
    ],
  ],
  ["resetTimeout", [0.5, Number.NaN, Infinity, "2", null].map((factor) => ({ initial: 1, factor, max: 3 }))],
  ["halfOpenMaxCalls", [...numbers, 1.5, ...strangers]],
  ["excludedErrors", [TypeError, null, "TypeError", {}, ["TypeError"], [undefined], [TypeError, null]]],
  ["isFailure", [null, true, "x", {}, 5]],
  ["trip", [null, true, 5, "rate", {}, () => true, { threshold: 0.5, newWindow: () => ({}) }]],
  ["probeTimeout", [...numbers, 30_000, "30", null, true, [], {}]],
  ["clock", [null, 5, "now", {}, { now: 5 }, Date]],
];

const cases = wrong.flatMap(([key, values]) => values.map((value) => [key, value] as const));

test.each(cases)("%s: %o is refused by an error that names the option", (key, value) => {
  for (const make of [
    (options: CircuitBreakerOptions) => new CircuitBreaker(options),
    (options: CircuitBreakerOptions) => circuitBreaker(options),
    (options: CircuitBreakerOptions) => circuitBreakerSync(options),
  ]) {
    let error: unknown;
    try {
      make({ [key]: value });
    } catch (caught) {
      error = caught;
    }
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
    expect((error as Error).message).toContain(key);
  }
});

test("an unknown option is refused with the one that was meant", () => {
  const options = { maxFailure: 3 } as CircuitBreakerOptions;
  expect(() => new CircuitBreaker(options)).toThrow(
    /maxFailure is not an option.*did you mean maxFailures\?/,
  );
});

test.each([null, "yes", 1])("perInstance: %o is refused by the decorators", (perInstance) => {
  const options = { perInstance } as unknown as GuardedOptions;
  expect(() => circuitBreaker(options)).toThrow(/^perInstance must be true or false/);
  expect(() => circuitBreakerSync(options)).toThrow(/^perInstance must be true or false/);
  expect(() => circuitBreaker({ perInstanc: true } as GuardedOptions)).toThrow(/did you mean perInstance\?/);
  expect(() => new CircuitBreaker({ perInstance: true } as CircuitBreakerOptions)).toThrow(TypeError);
});

test("a breaker has its settings as properties, in seconds", () => {
  expect(new CircuitBreaker()).toMatchObject({
    maxFailures: 5,
    resetTimeout: 60,
    halfOpenMaxCalls: 1,
    probeTimeout: 60,
  });
  const resetTimeout = { initial: "250ms", factor: 2, max: "1m" } as const;
  const given = { maxFailures: 3, resetTimeout, halfOpenMaxCalls: 2 };
  expect(new CircuitBreaker(given)).toMatchObject({
    maxFailures: 3,
    resetTimeout: 0.25,
    halfOpenMaxCalls: 2,
    probeTimeout: 0.25,
  });
  expect(new CircuitBreaker({ ...given, probeTimeout: "2s" }).probeTimeout).toBe(2);
});

test.each([null, 5, "x", []])("%o is not a set of options", (options) => {
  expect(() => new CircuitBreaker(options as CircuitBreakerOptions)).toThrow(TypeError);
  expect(() => circuitBreaker(options as CircuitBreakerOptions)).toThrow(TypeError);
});

test("undefined means the default for every option", () => {
  const breaker = new CircuitBreaker({
    name: undefined,
    maxFailures: undefined,
    resetTimeout: undefined,
    halfOpenMaxCalls: undefined,
    excludedErrors: undefined,
    isFailure: undefined,
    trip: undefined,
    probeTimeout: undefined,
    clock: undefined,
  });
  expect(breaker.state).toBe("closed");
});

test("options are read once", () => {
  const excludedErrors = [TypeError];
  const options = { maxFailures: 1, excludedErrors };
  const breaker = new CircuitBreaker(options);
  options.maxFailures = 9;
  excludedErrors.pop();
  breaker.tryPermit()?.failure(new TypeError("excluded"));
  expect(breaker.state).toBe("closed");
  breaker.tryPermit()?.failure(new Error("down"));
  expect(breaker.state).toBe("open");
  expect(options).toEqual({ maxFailures: 9, excludedErrors: [] });
});

describe("trip rules", () => {
  const good = { threshold: 0.5, window: { calls: 10 }, minCalls: 5, slowerThan: 1 };

  const bad: readonly (readonly [string, unknown])[] = [
    ...[undefined, ...numbers, -0.1, 1.01, ...strangers].map((value) => ["threshold", value] as const),
    ...[undefined, null, 5, "10", [], {}, { calls: 1, duration: 1 }, { seconds: 5 }].map(
      (value) => ["window", value] as const,
    ),
    ...[...numbers, 1.5, null, "5", 1_000_001].map((calls) => ["window", { calls }] as const),
    ...[...numbers, 30_000, null, "5"].map((duration) => ["window", { duration }] as const),
    ...[...numbers, 1.5, null, "5", 11].map((value) => ["minCalls", value] as const),
  ].filter(([key, value]) => !(key === "threshold" && value === 1));

  test.each(bad)("%s: %o is refused by an error that names the option", (key, value) => {
    const { slowerThan, ...rest } = { ...good, [key]: value };
    const refusal = expect.objectContaining({ message: expect.stringContaining(key) as string }) as Error;
    expect(() => failureRate(rest)).toThrow(refusal);
    expect(() => slowCallRate({ ...rest, slowerThan })).toThrow(refusal);
  });

  test.each([undefined, ...numbers, 30_000, null, "5"])("slowerThan: %o is refused", (slowerThan) => {
    expect(() => slowCallRate({ ...good, slowerThan: slowerThan as number })).toThrow(/slowerThan/);
  });

  test("unknown options and missing sets of options are refused", () => {
    expect(() => failureRate(good)).toThrow(/slowerThan is not an option of failureRate/);
    expect(() => failureRate(undefined as never)).toThrow(/threshold is required/);
    expect(() => failureRate(null as never)).toThrow(TypeError);
  });
});
