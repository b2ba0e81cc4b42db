import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { budget, type Hook, inOrder } from "../../src/shutdown/plan.js";

const numRuns = Number(process.env["PROPERTY_RUNS"] ?? 1000);
const hook = (name: string, priority: number): Hook => ({
  name,
  kind: "callback",
  priority,
  timeout: undefined,
  callback: () => undefined,
});

describe("the plan of a shutdown", () => {
  test("puts lower priorities first and keeps the order of registration among equals", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -3, max: 3 })), (priorities) => {
        const ordered = inOrder(priorities.map((priority, index) => hook(`${index}`, priority)));
        const model = priorities
          .map((priority, index) => ({ priority, index }))
          .toSorted((one, other) => one.priority - other.priority || one.index - other.index);
        expect(ordered.map(({ name }) => Number(name))).toEqual(model.map(({ index }) => index));
      }),
      { numRuns },
    );
  });

  test.each([
    { timeout: undefined, deadline: 30_000, now: 0, expected: 30_000 },
    { timeout: 5000, deadline: 30_000, now: 0, expected: 5000 },
    { timeout: 5000, deadline: 30_000, now: 27_000, expected: 3000 },
    { timeout: 5000, deadline: 30_000, now: 30_000, expected: 0 },
    { timeout: undefined, deadline: 30_000, now: 31_000, expected: 0 },
  ])(
    "gives a callback of timeout $timeout at $now of $deadline ms $expected ms",
    ({ timeout, deadline, now, expected }) => {
      expect(budget({ kind: "callback", timeout }, deadline, now, 0.5)).toBe(expected);
    },
  );

  test.each(["server", "worker", "cluster"] as const)(
    "lets a %s without a timeout leave a part to later callbacks, even if little time is left",
    (kind) => {
      expect(budget({ kind }, 30_000, 0, 0.25)).toBe(22_500);
      expect(budget({ kind }, 30_000, 29_000, 0.25)).toBe(750);
      expect(budget({ kind }, 30_000, 0, 0)).toBe(30_000);
      expect(budget({ kind, timeout: 29_000 }, 30_000, 0, 0.25)).toBe(29_000);
    },
  );
});
