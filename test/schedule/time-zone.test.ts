import { expect, test } from "vitest";
import { offsetsOf } from "../../src/schedule/time-zone.js";

test.each([
  ["UTC", "2026-01-01", 0, 0, 0],
  ["Europe/London", "2026-01-01", 0, 0, 0],
  ["Asia/Kathmandu", "2026-01-01", 5, 45, 0],
  ["America/St_Johns", "2026-01-31", -3, -30, 0],
  // It kept the mean time of its capital until 1972.
  ["Africa/Monrovia", "1971-12-31", 0, -44, -30],
])("%s was ahead of UTC on %s by %i h %i min %i s", (zone, day, hours, minutes, seconds) => {
  const offset = offsetsOf(zone)(Date.parse(day));
  expect(offset + 0).toBe(1000 * (3600 * hours + 60 * minutes + seconds));
});

test("a zone that there is not is an error", () => {
  expect(() => offsetsOf("Europe/Nowhere")).toThrow(RangeError);
});
