import { afterEach, describe, expect, test } from "vitest";
import { pushConfiguration } from "../../src/kernel/configured.js";
import { rateLimiter } from "../../src/rate-limiter/decorators.js";
import { RateLimitError, RateLimitExceededError } from "../../src/rate-limiter/errors.js";
import { KeyedRateLimiter } from "../../src/rate-limiter/keyed-rate-limiter.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { call } from "./admissions.js";

const never = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -1,
  null,
  true,
  {},
  [],
  () => 1,
];
const wrong: Record<string, readonly unknown[]> = {
  rate: [...never.filter((value) => value !== Infinity), -1, 1e300, "10"],
  per: [...never, 0, 1e300, "10", "10 s", "", -0.5],
  burst: [...never, 0, 1e300, "10"],
  maxQueue: [...never, 1.5, 2 ** 60, "10"],
  name: [1, "", null, {}],
  clock: [1, "", null, {}, { now: () => 0 }],
};
const wrongKeyed: Record<string, readonly unknown[]> = {
  ...wrong,
  maxKeys: [...never, 0, 1.5, 2 ** 25, "10"],
  onFull: ["drop", "", null, 1],
};
const wrongLimited: Record<string, readonly unknown[]> = {
  ...wrong,
  blocking: ["yes", 1, null],
  perInstance: ["yes", 0, null],
  timeout: [...never, "10", 1e6],
};
const cases = (table: Record<string, readonly unknown[]>): (readonly [string, unknown])[] =>
  Object.entries(table).flatMap(([option, values]) => values.map((value) => [option, value] as const));

describe("bad input", () => {
  test.each(cases(wrong))(
    "new RateLimiter({ %s: %o }) is an error that names the option",
    (option, value) => {
      expect(() => Reflect.construct(RateLimiter, [{ [option]: value }])).toThrow(
        new RegExp(`\\b${option}\\b`),
      );
    },
  );

  test.each(cases(wrongKeyed))(
    "new KeyedRateLimiter({ %s: %o }) is an error that names the option",
    (option, value) => {
      expect(() => Reflect.construct(KeyedRateLimiter, [{ [option]: value }])).toThrow(
        new RegExp(`\\b${option}\\b`),
      );
    },
  );

  test.each(cases(wrongLimited))(
    "rateLimiter({ %s: %o }) is an error that names the option",
    (option, value) => {
      expect(() => Reflect.apply(rateLimiter, undefined, [{ [option]: value }])).toThrow(
        new RegExp(`\\b${option}\\b`),
      );
    },
  );

  test("an unknown option is an error that suggests the right name", () => {
    expect(() => Reflect.construct(RateLimiter, [{ bursts: 1 }])).toThrow(/bursts .* did you mean burst\?/);
    expect(() => Reflect.construct(KeyedRateLimiter, [{ max_keys: 1 }])).toThrow(/did you mean maxKeys\?/);
    expect(() => Reflect.apply(rateLimiter, undefined, [{ per_instance: true }])).toThrow(
      /did you mean perInstance\?/,
    );
    expect(() => Reflect.construct(RateLimiter, [10])).toThrow(TypeError);
  });

  test("a timeout next to blocking: false is an error", () => {
    expect(() => rateLimiter({ blocking: false, timeout: 1 })).toThrow(/timeout .* blocking/);
  });

  const badCosts = [Number.NaN, Number.POSITIVE_INFINITY, 0, -1, "1", null, {}, true, 1n];

  test.each(badCosts)("a cost of %o is an error everywhere and takes nothing", async (cost) => {
    const clock = new ManualClock();
    const limiter = new RateLimiter({ clock });
    const keyed = new KeyedRateLimiter({ clock });
    const calls: (readonly [object, string, unknown[]])[] = [
      [limiter, "tryAcquire", [cost]],
      [limiter, "acquireSync", [{ cost }]],
      [limiter, "reserve", [cost]],
      [limiter, "timeUntilToken", [cost]],
      [keyed, "tryAcquire", ["key", cost]],
      [keyed, "timeUntilToken", ["key", cost]],
    ];
    for (const [object, method, args] of calls) {
      expect(() => Reflect.apply(Reflect.get(object, method), object, args)).toThrow(
        /^cost must be a number above 0/,
      );
    }
    await expect(call(limiter, "acquire", { cost })).rejects.toThrow(/^cost must be/);
    await expect(call(limiter, "execute", () => 1, { cost })).rejects.toThrow(/^cost must be/);
    await expect(call(keyed, "acquire", "key", { cost })).rejects.toThrow(/^cost must be/);
    expect([limiter.tokens, keyed.size, clock.pendingTimers]).toEqual([10, 0, 0]);
  });

  test.each([
    [{ timeout: -1 }, /timeout/],
    [{ timeout: Number.NaN }, /timeout/],
    [{ timeout: "5" }, /timeout/],
    [{ timeout: null }, /timeout/],
    [{ timeout: 30_000 }, /30000 is 8 h 20 min/],
    [{ signal: {} }, /signal/],
    [{ signal: null }, /signal/],
    [{ timout: 1 }, /did you mean timeout/],
    [null, /options of acquire/],
    [5, /options of acquire/],
  ])("acquire(%o) rejects and takes nothing", async (options, message) => {
    const limiter = new RateLimiter({ clock: new ManualClock() });
    await expect(call(limiter, "acquire", options)).rejects.toThrow(message);
    expect(limiter.tokens).toBe(10);
  });

  test("acquireSync has no signal", () => {
    const limiter = new RateLimiter({ clock: new ManualClock() });
    expect(() => call(limiter, "acquireSync", { signal: AbortSignal.abort() })).toThrow(/signal is not/);
  });

  test.each(["5", "", "-1s", "Tue, 01 Sep 2026 12:00:00 GMT", {}, true, []])(
    "pauseFor(%o) is an error and pauses nothing",
    (duration) => {
      const limiter = new RateLimiter({ clock: new ManualClock() });
      expect(() => call(limiter, "pauseFor", duration)).toThrow(
        /^duration must be .* retryAfterSeconds\(response\)\.$/,
      );
      expect(limiter.tryAcquire()).toBe(true);
    },
  );

  test.each([1, null, undefined, {}, ["a"], Symbol("key")])("%o is not a key", async (key) => {
    const keyed = new KeyedRateLimiter({ clock: new ManualClock() });
    for (const method of ["tryAcquire", "tokens", "timeUntilToken"]) {
      expect(() => call(keyed, method, key)).toThrow(/^key must be a string/);
    }
    await expect(call(keyed, "acquire", key)).rejects.toThrow(/^key must be a string/);
  });

  test("a listener of an unknown event, or that is not a function, is an error", () => {
    const limiter = new RateLimiter();
    expect(() => call(limiter, "on", "aquired", () => {})).toThrow(/did you mean acquired\?/);
    expect(() => call(limiter, "on", "acquired", 1)).toThrow(TypeError);
  });
});

describe("the configuration", () => {
  const configurations: Disposable[] = [];
  afterEach(() => {
    for (const configuration of configurations.splice(0)) configuration[Symbol.dispose]();
  });

  test("gives defaults, instances override them, and options override both", () => {
    configurations.push(
      pushConfiguration({
        rateLimiter: { rate: 3, per: "1m", maxKeys: 7, instances: { exchange: { rate: 1200, burst: 50 } } },
      }),
    );
    expect(new RateLimiter()).toMatchObject({ rate: 3, per: 60, burst: 3 });
    expect(new RateLimiter({ name: "exchange" })).toMatchObject({ rate: 1200, per: 60, burst: 50 });
    expect(new RateLimiter({ name: "exchange", burst: 9 })).toMatchObject({ rate: 1200, per: 60, burst: 9 });
    expect(new KeyedRateLimiter()).toMatchObject({ rate: 3, per: 60, maxKeys: 7 });
    expect(rateLimiter(() => 1).limiter).toMatchObject({ rate: 3, per: 60 });
    expect(rateLimiter({ name: "exchange" })(() => 1).limiter).toMatchObject({
      rate: 1200,
      name: "exchange",
    });
  });
});

describe("the errors", () => {
  test("have stable names and codes, and say what to do", () => {
    const error = new RateLimitExceededError("exchange", 1.23456);
    expect(error).toMatchObject({
      name: "RateLimitExceededError",
      code: "ERR_RATE_LIMIT_EXCEEDED",
      retryAfter: 1.23456,
    });
    expect(error.message).toBe("exchange: not enough tokens for this request; retry after 1.235 s.");
    expect(error).toBeInstanceOf(RateLimitError);
    expect(new RateLimitError("ERR_RATE_LIMIT_COST", "")).not.toBeInstanceOf(RateLimitExceededError);
  });
});
