import { describe, expect, test } from "vitest";
import { nearest } from "../../src/kernel/nearest.js";

const options = ["maxFailures", "resetTimeout", "halfOpenMaxCalls", "name", "clock", "trip"];

describe("the nearest known name", () => {
  test.each([
    ["maxFailure", "maxFailures"],
    ["max_failures", "maxFailures"],
    ["max-failures", "maxFailures"],
    ["MAXFAILURES", "maxFailures"],
    ["maxFialures", "maxFailures"],
    ["resetTimout", "resetTimeout"],
    ["resettimeoutt", "resetTimeout"],
    ["halfOpenCalls", "halfOpenMaxCalls"],
    ["nmae", "name"],
    ["nam", "name"],
    ["clok", "clock"],
    ["tirp", "trip"],
  ])("to %s is %s", (slip, meant) => {
    expect(nearest(slip, options)).toBe(meant);
  });

  test.each(["", "x", "burst", "retries", "timeUnit", "colour"])("to %s is none", (stranger) => {
    expect(nearest(stranger, options)).toBeUndefined();
  });

  test("to a text as long as a page is none", () => {
    expect(nearest("a".repeat(10_000), options)).toBeUndefined();
  });

  test("shares at least a letter with what was written", () => {
    expect(nearest("x", ["ab"])).toBeUndefined();
    expect(nearest("id", ["on"])).toBeUndefined();
  });

  test("is the first of two that are as near", () => {
    expect(nearest("rote", ["rate", "note"])).toBe("rate");
  });

  test("counts the swap of two neighbours as one slip, two changed letters as two", () => {
    expect(nearest("ab12", ["ab34", "ba12"])).toBe("ba12");
  });

  test("of no names is none", () => {
    expect(nearest("name", [])).toBeUndefined();
  });

  test("is taken from any iterable", () => {
    expect(nearest("rat", new Set(["rate"]))).toBe("rate");
  });
});
