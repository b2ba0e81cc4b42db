import { expect, test } from "vitest";
import { SeenKeys } from "../../src/websocket/seen-keys.js";

test("a key is a double from another connection than the first, as often as it comes", () => {
  const seen = new SeenKeys();
  expect([1, 1, 2, 2, 1].map((connection) => seen.isDouble("a", connection))).toEqual([
    false,
    false,
    true,
    true,
    false,
  ]);
  expect(seen.isDouble(7, 1)).toBe(false);
  expect(seen.isDouble("7", 2)).toBe(false);
});

test("of more than 10,000 keys the oldest are forgotten", () => {
  const seen = new SeenKeys();
  for (let key = 0; key < 10_000; key++) seen.isDouble(key, 1);
  expect(seen.isDouble(0, 2)).toBe(true);
  seen.isDouble("one more", 1);
  expect(seen.isDouble(1, 2)).toBe(true);
  expect(seen.isDouble(0, 2)).toBe(false);
});
