import { describe, expect, test } from "vitest";
import { AdaptiveLimiter } from "../../src/policies/adaptive-limiter/adaptive-limiter.js";
import { adaptiveLimiter } from "../../src/policies/adaptive-limiter/decorators.js";
import { adaptiveLimiterRules } from "../../src/policies/adaptive-limiter/options.js";
import { Bulkhead } from "../../src/policies/bulkhead/bulkhead.js";
import { bulkhead, bulkheadSync } from "../../src/policies/bulkhead/decorators.js";
import { bulkheadRules } from "../../src/policies/bulkhead/options.js";
import { chaos } from "../../src/policies/chaos/decorators.js";
import { Chaos } from "../../src/policies/chaos/chaos.js";
import { chaosRules } from "../../src/policies/chaos/options.js";
import { fallback } from "../../src/policies/fallback/decorators.js";
import { Fallback } from "../../src/policies/fallback/fallback.js";
import { fallbackRules } from "../../src/policies/fallback/options.js";
import { hedge } from "../../src/policies/hedge/decorators.js";
import { Hedge } from "../../src/policies/hedge/hedge.js";
import { hedgeRules } from "../../src/policies/hedge/options.js";
import { retry, retrySync } from "../../src/policies/retry/decorators.js";
import { retryRules } from "../../src/policies/retry/options.js";
import { RetryBudget, retryBudgetRules } from "../../src/policies/retry/retry-budget.js";
import { Retry } from "../../src/policies/retry/retry.js";
import { singleFlight } from "../../src/policies/single-flight/decorators.js";
import { singleFlightRules } from "../../src/policies/single-flight/options.js";
import { SingleFlight } from "../../src/policies/single-flight/single-flight.js";
import { timeout } from "../../src/policies/timeout/decorators.js";
import { timeoutRules } from "../../src/policies/timeout/options.js";
import { Timeout } from "../../src/policies/timeout/timeout.js";

const numbers = [Number.NaN, Infinity, -Infinity, -1, 1e308];
const strangers = [null, true, [], () => 5, Symbol("x"), 5n];
const noText = ["", 0, null, true, {}, [], () => "x"];
const noCount = [...numbers, 0, 1.5, "5", {}, ...strangers];
const noDuration = [
  ...numbers,
  30_000,
  "5",
  "soon",
  "",
  "-1s",
  ...strangers.filter((one) => typeof one !== "function"),
];
const noLongDuration = noDuration.filter((value) => value !== 30_000);
const noFunction = [null, true, 5, "x", {}, []];
const noClock = [null, 5, "now", {}, { now: 5 }, () => 5];
const noShare = [...numbers, 1.1, "0.5", {}, ...strangers];
const noBudget = [
  null,
  true,
  5,
  "",
  "no such budget",
  [],
  () => 5,
  { ratios: 1 },
  { ratio: -1 },
  { window: 0 },
  { tryExtra: 1 },
];
const half = { tryExtra: () => true };

type Values = readonly unknown[];

/** What each option of each constructor may not be. */
const kinds: readonly {
  readonly kind: string;
  readonly make: (options: never) => unknown;
  readonly wrappers: readonly ((options: never) => unknown)[];
  readonly rules: object;
  /** Without which nothing can be made. */
  readonly needed: object;
  readonly wrong: Readonly<Record<string, Values>>;
}[] = [
  {
    kind: "Retry",
    make: (options) => new Retry(options),
    wrappers: [retry, retrySync],
    rules: retryRules,
    needed: {},
    wrong: {
      name: noText,
      attempts: noCount,
      delay: [
        ...noDuration.filter((value) => !Array.isArray(value)),
        [],
        ...[...noDuration, 0].map((initial) => ({ initial })).filter(({ initial }) => initial !== 1e308),
        ...[...numbers.slice(0, 4), 0.5, "2", null].map((factor) => ({ factor })),
        ...noDuration.map((max) => ({ max })),
        { initial: 2, max: 1 },
        { jitter: "some" },
        { jitter: null },
        { initialDelay: 1 },
      ],
      maxDuration: [...noLongDuration, 0],
      retryIf: noFunction,
      onOpen: ["", "go", null, true, 5],
      budget: [...noBudget, half],
      clock: [...noClock, { now: () => 0, setTimer: () => {} }],
      random: noFunction,
    },
  },
  {
    kind: "Timeout",
    make: (options) => new Timeout(options),
    wrappers: [timeout],
    rules: timeoutRules,
    needed: {},
    wrong: {
      name: noText,
      timeout: [...noDuration, 0, () => 5, {}],
      cooperative: [null, 0, "true", {}],
      clock: noClock,
    },
  },
  {
    kind: "Bulkhead",
    make: (options) => new Bulkhead(options),
    wrappers: [bulkhead, bulkheadSync],
    rules: bulkheadRules,
    needed: {},
    wrong: {
      name: noText,
      maxConcurrent: noCount,
      maxQueue: noCount.filter((value) => value !== 0),
      queueTimeout: [...noDuration, 0, {}, () => 5],
      clock: noClock,
    },
  },
  {
    kind: "AdaptiveLimiter",
    make: (options) => new AdaptiveLimiter(options),
    wrappers: [adaptiveLimiter],
    rules: adaptiveLimiterRules,
    needed: {},
    wrong: {
      name: noText,
      algorithm: ["", "vega", null, true, 5, [], {}, () => "aimd"],
      initial: noCount,
      // The highest limit is 200 unless it is given.
      min: [...noCount, 201],
      max: noCount,
      maxQueue: noCount.filter((value) => value !== 0),
      dropIf: noFunction,
      clock: noClock,
    },
  },
  {
    kind: "Fallback",
    make: (options) => new Fallback(options),
    wrappers: [fallback],
    rules: fallbackRules,
    needed: { to: 5 },
    wrong: {
      name: noText,
      to: [],
      handleIf: noFunction,
      lastGood: [
        null,
        true,
        5,
        "1m",
        [],
        {},
        { maxAge: undefined },
        ...[...noLongDuration, 0].map((maxAge) => ({ maxAge })),
        ...noCount.map((maxKeys) => ({ maxAge: 1, maxKeys })),
        ...noFunction.map((key) => ({ maxAge: 1, key })),
        { maxAge: 1, age: 5 },
      ],
      clock: noClock,
    },
  },
  {
    kind: "Hedge",
    make: (options) => new Hedge(options),
    wrappers: [hedge],
    rules: hedgeRules,
    needed: {},
    wrong: {
      name: noText,
      delay: [
        ...noDuration,
        () => 5,
        ...[...numbers, 0, 1, "0.5", null].map((percentile) => ({ percentile })),
        ...noDuration.map((min) => ({ min })),
        ...noDuration.map((max) => ({ max })),
        { min: 2, max: 1 },
        { min: 5 },
        { p: 0.5 },
      ],
      maxHedges: [...noCount, 101],
      budget: [...noBudget, half],
      hedgeIf: noFunction,
      clock: noClock,
    },
  },
  {
    kind: "SingleFlight",
    make: (options) => new SingleFlight(options),
    wrappers: [singleFlight],
    rules: singleFlightRules,
    needed: {},
    wrong: { name: noText, key: noFunction },
  },
  {
    kind: "Chaos",
    make: (options) => new Chaos(options),
    wrappers: [chaos],
    rules: chaosRules,
    needed: {},
    wrong: {
      name: noText,
      rate: noShare,
      latency: [...noDuration, 0, {}],
      error: [],
      value: [],
      enabled: [null, 0, 1, "true", {}],
      random: noFunction,
      clock: noClock,
    },
  },
  {
    kind: "RetryBudget",
    make: (options) => new RetryBudget(options),
    wrappers: [],
    rules: retryBudgetRules,
    needed: {},
    wrong: {
      name: noText,
      ratio: [...numbers, 10.1, "0.5", {}, ...strangers],
      minPerSecond: [...numbers.slice(0, 4), "10", {}, ...strangers],
      window: [...noDuration, 0, {}],
      maxInFlightRatio: noShare,
      clock: noClock,
    },
  },
];

function errorOf(make: (options: never) => unknown, options: unknown): unknown {
  try {
    make(options as never);
    return undefined;
  } catch (error) {
    return error;
  }
}

describe.each(kinds)("$kind", ({ make, wrappers, rules, needed, wrong }) => {
  test("has every option in this table", () => {
    expect(Object.keys(wrong).toSorted()).toEqual(Object.keys(rules).toSorted());
  });

  const cases = Object.entries(wrong).flatMap(([key, values]) =>
    values.map((value) => [key, value] as const),
  );

  test.each(cases)("refuses %s: %o with an error that names the option", (key, value) => {
    for (const each of [make, ...wrappers]) {
      const error = errorOf(each, { ...needed, [key]: value });
      expect(error).toBeInstanceOf(Error);
      expect(["TypeError", "RangeError"]).toContain((error as Error).name);
      expect((error as Error).message).toContain(key);
    }
  });

  test.each(Object.keys(wrong))("refuses %s with an extra letter, and suggests the right name", (key) => {
    const error = errorOf(make, { ...needed, [`${key}x`]: 1 });
    expect((error as Error | undefined)?.message).toMatch(
      new RegExp(`${key}x is not an option.*did you mean`),
    );
  });

  test("takes undefined for every option as the default", () => {
    const options = Object.fromEntries(Object.keys(wrong).map((key) => [key, undefined]));
    expect(errorOf(make, { ...options, ...needed })).toBeUndefined();
  });

  test.each([[null], [5], ["x"], [[]], [new Date(0)]])("does not take %o for options", (options) => {
    expect(errorOf(make, options)).toBeInstanceOf(TypeError);
  });
});

test("a fallback needs to or lastGood", () => {
  expect(errorOf((options) => new Fallback(options), {})).toBeInstanceOf(TypeError);
});
