import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  asDuration,
  DURATION_PATTERN,
  type DurationRange,
  durationRule,
  formatDuration,
  parseDuration,
} from "../../src/kernel/duration.js";

const numRuns = Number(process.env["PROPERTY_RUNS"] ?? 1000);

const ABOVE =
  'a duration above 0: seconds as a number, or a string with its unit such as "250ms", "30s", "5m", "1h30m"';
const FROM_ZERO = ABOVE.replace("above 0", "of 0 or more");

describe("a duration", () => {
  test.each([
    [1, 1000],
    [0.25, 250],
    [3600, 3_600_000],
    ["250ms", 250],
    ["30s", 30_000],
    ["1.5s", 1500],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["1h30m", 5_400_000],
    ["1d", 86_400_000],
    ["1d2h3m4s5ms", 93_784_005],
    ["8h20m", 30_000_000],
    ["30000ms", 30_000],
    ["90m", 5_400_000],
    ["7200s", 7_200_000],
    ["0.5h", 1_800_000],
    ["007s", 7000],
  ])("%j is %d ms", (given, milliseconds) => {
    expect(parseDuration(given, "timeout")).toBe(milliseconds);
  });

  test("from outside is checked and given back as it is", () => {
    for (const given of [0, 30, 86_400, "250ms", "1h30m"]) expect(asDuration(given)).toBe(given);
    for (const wrong of ["30", "30 sec", "minute", "", undefined, null, {}]) {
      expect(() => asDuration(wrong, "RESET_TIMEOUT")).toThrow(TypeError);
      expect(() => asDuration(wrong, "RESET_TIMEOUT")).toThrow(/^RESET_TIMEOUT must be a duration/);
    }
    expect(() => asDuration(-1)).toThrow(/^duration must be a duration/);
  });

  test("of zero is allowed where it makes sense", () => {
    for (const zero of [0, "0s", "0ms", "0h0m"])
      expect(parseDuration(zero, "delay", { zero: true })).toBeCloseTo(0, 9);
  });

  test("above an hour as a bare number is allowed where long times are usual", () => {
    expect(parseDuration(86_400, "per", { long: true })).toBe(86_400_000);
  });

  test.each<[unknown, ErrorConstructor, DurationRange, string]>([
    [Number.NaN, RangeError, {}, `timeout must be ${ABOVE}; got NaN.`],
    [Infinity, RangeError, {}, `timeout must be ${ABOVE}; got Infinity.`],
    [-Infinity, RangeError, {}, `timeout must be ${ABOVE}; got -Infinity.`],
    [-1, RangeError, {}, `timeout must be ${ABOVE}; got -1.`],
    [0, RangeError, {}, `timeout must be ${ABOVE}; got 0.`],
    [-0, RangeError, {}, `timeout must be ${ABOVE}; got 0.`],
    ["0s", RangeError, {}, `timeout must be ${ABOVE}; got "0s".`],
    [-1, RangeError, { zero: true }, `timeout must be ${FROM_ZERO}; got -1.`],
    ["30", TypeError, {}, `timeout must be ${ABOVE}; got "30".`],
    ["", TypeError, {}, `timeout must be ${ABOVE}; got "".`],
    ["5 s", TypeError, {}, `timeout must be ${ABOVE}; got "5 s".`],
    [" 5s", TypeError, {}, `timeout must be ${ABOVE}; got " 5s".`],
    ["-5s", TypeError, {}, `timeout must be ${ABOVE}; got "-5s".`],
    ["5S", TypeError, {}, `timeout must be ${ABOVE}; got "5S".`],
    ["30m1h", TypeError, {}, `timeout must be ${ABOVE}; got "30m1h".`],
    ["5s5s", TypeError, {}, `timeout must be ${ABOVE}; got "5s5s".`],
    ["5w", TypeError, {}, `timeout must be ${ABOVE}; got "5w".`],
    ["1e3s", TypeError, {}, `timeout must be ${ABOVE}; got "1e3s".`],
    [".5s", TypeError, {}, `timeout must be ${ABOVE}; got ".5s".`],
    ["five", TypeError, {}, `timeout must be ${ABOVE}; got "five".`],
    [null, TypeError, {}, `timeout must be ${ABOVE}; got null.`],
    [undefined, TypeError, {}, `timeout must be ${ABOVE}; got undefined.`],
    [true, TypeError, {}, `timeout must be ${ABOVE}; got true.`],
    [5n, TypeError, {}, `timeout must be ${ABOVE}; got 5n.`],
    [{}, TypeError, {}, `timeout must be ${ABOVE}; got an object.`],
    [[], TypeError, {}, `timeout must be ${ABOVE}; got an array.`],
    [() => 1, TypeError, {}, `timeout must be ${ABOVE}; got a function.`],
    [
      30_000,
      RangeError,
      {},
      'timeout: 30000 is 8 h 20 min; a number is seconds. Did you mean 30 or "30000ms"? Write "2h" to mean a longer time.',
    ],
    [
      7200,
      RangeError,
      {},
      'timeout: 7200 is 2 h; a number is seconds. Did you mean 7.2 or "7200ms"? Write "2h" to mean a longer time.',
    ],
    [Number.MAX_VALUE, RangeError, { long: true }, `timeout must be ${ABOVE}; got 1.7976931348623157e+308.`],
    [`${"9".repeat(400)}s`, RangeError, {}, `timeout must be ${ABOVE}; got "${"9".repeat(40)}…".`],
  ])("%o is refused and the error says why", (given, Kind, range, message) => {
    let caught: unknown;
    try {
      parseDuration(given, "timeout", range);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(Kind);
    expect(caught).toHaveProperty("message", message);
  });

  test("is described as it is checked", () => {
    expect(durationRule()).toBe(ABOVE);
    expect(durationRule({ zero: true })).toBe(FROM_ZERO);
  });

  test("a hint for forgotten milliseconds is itself a duration", () => {
    for (const given of [3600.5, 30_000, 86_400_000, 1e10]) {
      let message = "";
      try {
        parseDuration(given, "timeout");
      } catch (error) {
        message = String(error);
      }
      const [, hint = ""] = /or "([^"]+)"/.exec(message) ?? [];
      expect(parseDuration(hint, "hint")).toBe(given);
    }
  });
});

describe("the pattern for the schema", () => {
  test("matches what can be read, and nothing else", () => {
    const texts = fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.stringMatching(/^(?:\d{1,3}d)?(?:\d{1,3}h)?(?:\d(?:\.\d)?m)?(?:\ds)?(?:\dms)?$/),
    );
    fc.assert(
      fc.property(texts, (text) => {
        let readable = true;
        try {
          parseDuration(text, "text", { zero: true });
        } catch {
          readable = false;
        }
        expect(DURATION_PATTERN.test(text)).toBe(readable);
      }),
      { numRuns },
    );
  });
});

describe("a formatted duration", () => {
  test.each([
    [30_000, "8h20m"],
    [0, "0s"],
    [-1, "0s"],
    [0.25, "250ms"],
    [1.5, "1s500ms"],
    [59.9996, "1m"],
    [86_400, "1d"],
    [90_061.001, "1d1h1m1s1ms"],
  ])("%d s is %j", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  test("reads back as the same number of milliseconds", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e12 }), (milliseconds) => {
        expect(parseDuration(formatDuration(milliseconds / 1000), "text", { zero: true })).toBe(milliseconds);
      }),
      { numRuns },
    );
  });
});
