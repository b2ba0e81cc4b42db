import { afterEach, describe, expect, test } from "vitest";
import { configure } from "../../src/index.js";
import { TimeTrigger } from "../../src/schedule/index.js";

type Every = ConstructorParameters<typeof TimeTrigger>[0];
type Options = ConstructorParameters<typeof TimeTrigger>[1];
const make = (every: unknown, options?: unknown) => (): TimeTrigger =>
  new TimeTrigger(every as Every, options as Options);

describe("every", () => {
  test.each(["1m", "60s", 60, "90s", 3600, "1h", "4h", "1d", "7d", "168h", "36h"])("can be %s", (every) => {
    expect(make(every)).not.toThrow();
  });

  test.each([
    ["59s", RangeError, 'every must be a duration from 1m to 7d; got "59s".'],
    ["8d", RangeError, 'every must be a duration from 1m to 7d; got "8d".'],
    [59.9, RangeError, "every must be a duration from 1m to 7d; got 59.9."],
    [0, RangeError, "every must be a duration above 0"],
    [-60, RangeError, "every must be a duration above 0"],
    [Number.NaN, RangeError, "every must be a duration above 0"],
    [Infinity, RangeError, "every must be a duration above 0"],
    [1e300, RangeError, "every must be a duration above 0"],
    [86_400, RangeError, "a number is seconds"],
    ["4 hours", TypeError, "every must be a duration above 0"],
    [undefined, TypeError, "every must be a duration above 0"],
    [null, TypeError, "every must be a duration above 0"],
    [{}, TypeError, "every must be a duration above 0"],
  ])("cannot be %s", (every, type, message) => {
    expect(make(every)).toThrow(type);
    expect(make(every)).toThrow(message);
  });
});

describe("the options", () => {
  test.each([
    [{ timezone: "Mars/Olympus" }, RangeError, 'timezone must be an IANA time zone such as "UTC"'],
    [{ timezone: "" }, RangeError, "timezone must be an IANA time zone"],
    [{ timezone: 3600 }, TypeError, "timezone must be an IANA time zone"],
    [{ timezone: null }, TypeError, "timezone must be an IANA time zone"],
    [{ offset: "1h" }, RangeError, "offset must be less than every (3600 s); got 3600 s."],
    [{ offset: -1 }, RangeError, "offset must be a duration of 0 or more"],
    [{ offset: Number.NaN }, RangeError, "offset must be a duration of 0 or more"],
    [{ offset: Infinity }, RangeError, "offset must be a duration of 0 or more"],
    [{ offset: null }, TypeError, "offset must be a duration of 0 or more"],
    [{ name: "" }, RangeError, "name must be a non-empty string"],
    [{ name: 1 }, TypeError, "name must be a non-empty string"],
    [{ clock: {} }, RangeError, "clock must be a clock"],
    [{ timeZone: "UTC" }, TypeError, "timeZone is not an option of TimeTrigger; did you mean timezone?"],
    [{ every: "1h" }, TypeError, "every is not an option of TimeTrigger"],
    [null, TypeError, "the options of TimeTrigger must be a plain object"],
    ["UTC", TypeError, "the options of TimeTrigger must be a plain object"],
  ])("cannot be %j", (options, type, message) => {
    expect(make("1h", options)).toThrow(type);
    expect(make("1h", options)).toThrow(message);
  });

  test.each([
    [{ margin: "1h" }, RangeError, "margin must be less than every (3600 s); got 3600 s."],
    [{ margin: -1 }, RangeError, "margin must be a duration of 0 or more"],
    [{ margin: null }, TypeError, "margin must be a duration of 0 or more"],
    [{ overrun: "drop" }, RangeError, 'overrun must be one of "skip", "queue"'],
    [{ runImmediately: 1 }, TypeError, "runImmediately must be true or false"],
    [{ run: true }, TypeError, "run is not an option of onBoundary"],
  ])("of onBoundary cannot be %j", (options, type, message) => {
    const trigger = new TimeTrigger("1h");
    const add = (): unknown => trigger.onBoundary(() => {}, options as object);
    expect(add).toThrow(type);
    expect(add).toThrow(message);
    expect(trigger.snapshot().callbacks).toBe(0);
  });

  test("of onBoundary come after a function", () => {
    expect(() => new TimeTrigger("1h").onBoundary(undefined as never)).toThrow(
      new TypeError("callback must be a function; got undefined."),
    );
  });

  test.each([
    [{ margin: "2h" }, "margin must be less than every"],
    [{ signal: {} }, "signal must be an AbortSignal"],
    [{ timeout: 1 }, "timeout is not an option of waitForBoundary"],
  ])("of waitForBoundary cannot be %j", async (options, message) => {
    await expect(new TimeTrigger("1h").waitForBoundary(options as object)).rejects.toThrow(message);
  });
});

describe("an instant", () => {
  test.each([
    [new Date(Number.NaN), RangeError],
    [Number.NaN, RangeError],
    [Infinity, RangeError],
    [8.64e15, RangeError],
    ["2026-01-01", TypeError],
    [null, TypeError],
    [{}, TypeError],
  ])("cannot be %s", (instant, type) => {
    const trigger = new TimeTrigger("1h");
    for (const method of ["nextBoundary", "previousBoundary"] as const) {
      expect(() => trigger[method](instant as Date)).toThrow(type);
      expect(() => trigger[method](instant as Date)).toThrow(
        "the instant must be a valid Date or milliseconds since 1970",
      );
    }
  });

  test.each(["1m", "1d", "7d"] as const)("can be as far away as dates go, with steps of %s", (every) => {
    for (const timezone of ["Europe/Paris", "Pacific/Kiritimati", "Pacific/Midway"]) {
      const trigger = new TimeTrigger(every, { timezone });
      for (const instant of [-8.638e15, -1e14, 0, 8.638e15]) {
        const next = Number(trigger.nextBoundary(instant));
        const previous = Number(trigger.previousBoundary(instant));
        expect(previous).toBeLessThanOrEqual(instant);
        expect(next).toBeGreaterThan(instant);
        expect(Number(trigger.previousBoundary(next))).toBe(next);
        expect(Number(trigger.nextBoundary(previous))).toBe(next);
      }
    }
  });
});

describe("the section schedule", () => {
  let configured: Disposable | undefined;
  afterEach(() => configured?.[Symbol.dispose]());

  test("gives the defaults of all triggers and of one by its name", () => {
    configured = configure({
      schedule: { timezone: "Europe/Paris", instances: { reconnect: { every: "4h", offset: "30m" } } },
    });
    const trigger = new TimeTrigger(undefined, { name: "reconnect" });
    expect(trigger.snapshot()).toMatchObject({ every: 14_400, offset: 1800, timezone: "Europe/Paris" });
    expect(new TimeTrigger("1h", { name: "reconnect", timezone: "UTC" }).snapshot()).toMatchObject({
      every: 3600,
      timezone: "UTC",
    });
    expect(make(undefined)).toThrow(TypeError);
  });

  test.each([
    [{ timezone: "Mars/Olympus" }, "schedule.timezone must be an IANA time zone"],
    [{ every: "1s" }, "schedule.every must be a duration from 1m to 7d"],
    [{ zone: "UTC" }, "zone is not an option of schedule"],
    [{ every: "1h", instances: { late: { offset: "2h" } } }, "offset must be less than every"],
  ])("cannot say %j", (schedule, message) => {
    configured = configure({ schedule: schedule as object });
    expect(make("1h")).toThrow(message);
  });
});
