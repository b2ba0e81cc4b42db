import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nearest } from "../../src/kernel/nearest.js";

const numRuns = Number(process.env["PROPERTY_RUNS"] ?? 1000);

/** The least number of edits, tried out: insert, delete, replace, or swap two neighbours. */
function edits(from: string, to: string): number {
  if (from === "" || to === "") return from.length + to.length;
  if (from[0] === to[0]) return edits(from.slice(1), to.slice(1));
  const swap =
    from.length > 1 && from[0] === to[1] && from[1] === to[0] ? edits(from.slice(2), to.slice(2)) : Infinity;
  return (
    1 + Math.min(edits(from.slice(1), to), edits(from, to.slice(1)), edits(from.slice(1), to.slice(1)), swap)
  );
}

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

  test("to a very long text is none", () => {
    expect(nearest("a".repeat(10_000), options)).toBeUndefined();
  });

  test("shares at least a letter with what was written", () => {
    expect(nearest("x", ["ab"])).toBeUndefined();
    expect(nearest("id", ["on"])).toBeUndefined();
  });

  test("is the first of two that are as near", () => {
    expect(nearest("rote", ["rate", "note"])).toBe("rate");
  });

  test("counts a swap of two neighbours as one edit, two changed letters as two", () => {
    expect(nearest("ab12", ["ab34", "ba12"])).toBe("ba12");
  });

  test("is the one with the fewest edits, up to two for a short name", () => {
    const word = fc.string({ unit: fc.constantFrom("a", "b", "C"), minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(word, fc.array(word, { maxLength: 4 }), (written, known) => {
        const costs = known.map((name) => edits(written.toLowerCase(), name.toLowerCase()));
        const least = Math.min(...costs);
        const expected = least <= 2 && least < written.length ? known[costs.indexOf(least)] : undefined;
        expect(nearest(written, known)).toBe(expected);
      }),
      { numRuns },
    );
  });

  test("of no names is none", () => {
    expect(nearest("name", [])).toBeUndefined();
  });

  test("is taken from any iterable", () => {
    expect(nearest("rat", new Set(["rate"]))).toBe("rate");
  });
});
