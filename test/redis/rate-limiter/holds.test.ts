import { expect, test } from "vitest";
import { Holds } from "../../../src/redis/rate-limiter/holds.js";

const held = (holds: Holds, count: number): number => {
  let found = 0;
  for (let key = 0; key < count; key++) if (holds.until([`${key}`]) > 0) found++;
  return found;
};

test("holds that are over are forgotten as new ones come", () => {
  const holds = new Holds();
  for (let key = 0; key < 1000; key++) holds.set([`${key}`], key, key + 10, false);
  expect(held(holds, 1000)).toBeLessThan(30);
});

test("of too many holds the newest is among those that are remembered", () => {
  const holds = new Holds();
  for (let key = 0; key < 10_500; key++) holds.set([`${key}`], 0, 1000, true);
  expect(held(holds, 10_500)).toBeLessThanOrEqual(10_001);
  expect(holds.areBlocked(["10499"], 999)).toBe(true);
  expect(holds.areBlocked(["10499"], 1000)).toBe(false);
});

test("a longer pause and a shorter block of one bucket each have their end", () => {
  const holds = new Holds();
  const version = holds.set(["a"], 0, 500, true);
  holds.set(["a"], 0, 900, false);
  expect([holds.until(["a"]), holds.areBlocked(["a"], 499), holds.areBlocked(["a"], 500)]).toEqual([
    900,
    true,
    false,
  ]);
  // The answer of the first says nothing of the second.
  holds.written("a", version, 0);
  expect(holds.believed(["a"], 10_000)).toBe(900);
});
