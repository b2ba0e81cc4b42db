import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backoff, type BackoffSettings, type Jitter } from "../../../src/policies/retry/backoff.js";

const base: BackoffSettings = { initial: 100, factor: 2, max: 1000, jitter: "none" };

/** The next fraction that is drawn, by jitter: the lowest delay, the one in the middle, the highest. */
describe("the delay before another attempt", () => {
  test.each([
    // attempt, jitter, of random 0, 0.5 and (nearly) 1
    [1, "none", 100, 100, 100],
    [2, "none", 200, 200, 200],
    [4, "none", 800, 800, 800],
    [5, "none", 1000, 1000, 1000],
    [5000, "none", 1000, 1000, 1000],
    [1, "full", 0, 50, 100],
    [3, "full", 0, 200, 400],
    [9, "full", 0, 500, 1000],
    [1, "equal", 50, 75, 100],
    [3, "equal", 200, 300, 400],
    [9, "equal", 500, 750, 1000],
    [1, "decorrelated", 100, 200, 300],
  ] as const)(
    "after attempt %i with jitter %s is %i to %i to %i ms",
    (attempt, jitter, low, middle, high) => {
      const drawn = [0, 0.5, 1].map((random) => backoff({ ...base, jitter }, attempt, undefined, random));
      expect(drawn).toEqual([low, middle, high]);
    },
  );

  test.each([
    [100, 100, 200, 300],
    [200, 100, 350, 600],
    [500, 100, 550, 1000],
    // A server has asked for more than the longest delay.
    [5000, 100, 550, 1000],
    // The previous one was short.
    [0, 100, 100, 100],
  ])(
    "with decorrelated jitter after a delay of %i ms is %i to %i to %i ms",
    (previous, low, middle, high) => {
      const settings = { ...base, jitter: "decorrelated" } as const;
      expect([0, 0.5, 1].map((random) => backoff(settings, 7, previous, random))).toEqual([
        low,
        middle,
        high,
      ]);
    },
  );

  const settings = fc
    .record({
      initial: fc.double({ min: 0.001, max: 1e6, noNaN: true }),
      factor: fc.double({ min: 1, max: 1e300, noNaN: true }),
      grown: fc.double({ min: 1, max: 1e6, noNaN: true }),
      jitter: fc.constantFrom<Jitter>("full", "equal", "decorrelated", "none"),
    })
    .map(({ grown, ...rest }) => ({ ...rest, max: rest.initial * grown }));
  const fraction = fc.double({ min: 0, max: 1, noNaN: true });
  const attempt = fc.integer({ min: 1, max: 1e9 });

  test("is a number from 0 to the longest one, whatever the settings", () => {
    fc.assert(
      fc.property(settings, attempt, fraction, fc.option(fraction), (of, number, random, share) => {
        const previous = share === null ? undefined : share * of.max;
        const delay = backoff(of, number, previous, random);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(of.max * (1 + 1e-12));
      }),
    );
  });

  test("is drawn below the cap: late attempts do not coincide at the cap", () => {
    fc.assert(
      fc.property(settings, fraction, fraction, (of, one, other) => {
        fc.pre(of.jitter !== "none" && of.max > of.initial * 1.001 && Math.abs(one - other) > 1e-6);
        const late = [one, other].map((random) => backoff(of, 1000, of.max, random));
        fc.pre(of.factor > 1.001 || of.jitter === "decorrelated");
        expect(late[0]).not.toBe(late[1]);
      }),
    );
  });
});
