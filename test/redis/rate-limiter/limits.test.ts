import { describe, expect, test } from "vitest";
import { simplestFraction } from "../../../src/redis/rate-limiter/fraction.js";
import { exactLimits } from "../../../src/redis/rate-limiter/limits.js";

describe("a number is read as the fraction that was meant", () => {
  test.each([
    [0.1, 1n, 10n],
    [1 / 3, 1n, 3n],
    [2.5, 5n, 2n],
    [1e6, 1_000_000n, 1n],
    [3155.692_5, 1_262_277n, 400n],
  ])("%d", (value, over, under) => {
    expect(simplestFraction(value)).toEqual({ over, under });
  });

  test("and is the same double, of any size", () => {
    for (const value of [0.1 + 0.2, Math.PI, 1e-9, 1e-300, 1.797e308, 2 ** 53 - 1, Math.E * 1e15]) {
      const { over, under } = simplestFraction(value);
      expect(Number(over) / Number(under)).toBe(value);
    }
    expect(simplestFraction(5e-324)).toEqual({ over: 1n, under: 2n ** 1074n });
  });
});

describe("limits as whole numbers of a part of a microsecond", () => {
  test.each([
    [{ rate: 10, per: 1000, burst: 10 }, ["100000", "0", "1", "1000000", "0"]],
    [{ rate: 3, per: 1000, burst: 2 }, ["333333", "1", "3", "666666", "2"]],
    [{ rate: 0.1, per: 1000, burst: 1 }, ["10000000", "0", "1", "10000000", "0"]],
    [{ rate: 1e6, per: 365 * 86_400_000, burst: 1e6 }, ["31536000", "0", "1", "31536000000000", "0"]],
    [{ rate: 1000, per: 1, burst: 1.5 }, ["1", "0", "2", "1", "1"]],
  ])("%j is exact", (limits, args) => {
    expect(exactLimits(limits).cost(1).args).toEqual(args);
  });

  test("one that cannot be exact is rounded up by less than a millionth of a microsecond", () => {
    for (const burst of [1, 100]) {
      const [whole, rest, D] = exactLimits({ rate: 999_999_937, per: 1001, burst }).cost(1).args.map(Number);
      const late = (whole ?? 0) + (rest ?? 0) / (D ?? 1) - 1_001_000 / 999_999_937;
      expect([late > 0, late < 1e-6]).toEqual([true, true]);
    }
  });

  test("a whole burst can be had of any size, and costs no less than it is worth", () => {
    for (const burst of [10 * 1.1, 0.1 + 0.2, 1 / 7, Math.PI, 1e-3]) {
      for (const rate of [1, 7.7, Math.E, 999_983]) {
        const limits = exactLimits({ rate, per: 1000, burst });
        const [whole, rest, , full, fullRest] = limits.cost(burst).args;
        expect([whole, rest]).toEqual([full, fullRest]);
        expect(Number(whole) + 1).toBeGreaterThanOrEqual(Math.floor((burst * 1e6) / rate));
      }
    }
  });

  test("what requests took is rounded down to whole microseconds", () => {
    const cost = exactLimits({ rate: 3, per: 1000, burst: 3 }).cost(1);
    expect([0, 1, 2, 3].map((count) => cost.taken(count))).toEqual(["0", "333333", "666666", "1000000"]);
  });

  test.each([
    { rate: 2e9, per: 1000, burst: 1 },
    { rate: 1, per: 365 * 86_400_000 * 143, burst: 1 },
    { rate: 1e-9, per: 1000, burst: 1e3 },
  ])("%j is refused by name", (limits) => {
    expect(() => exactLimits(limits)).toThrow(RangeError);
    expect(() => exactLimits(limits)).toThrow(`got rate ${limits.rate}, per ${limits.per / 1000} s`);
  });
});
