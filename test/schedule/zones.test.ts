import { describe, expect, test } from "vitest";
import { Boundaries } from "../../src/schedule/boundaries.js";
import { changesOf, naiveBoundaries, shownTimes } from "./naive-boundaries.js";

// `SCHEDULE_ZONES=all`, or a list of zones, checks every hour of eleven years; without it, some zones and one year.
const asked = process.env["SCHEDULE_ZONES"];
const isWhole = asked !== undefined;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const ODD = [
  "Africa/Cairo",
  "America/Havana",
  "America/Santiago",
  "Australia/Lord_Howe",
  "Europe/Paris",
  "Africa/Casablanca",
  "America/Nuuk",
  "America/St_Johns",
  "Antarctica/Casey",
  "Antarctica/Troll",
  "Asia/Beirut",
  "Asia/Gaza",
  "Asia/Kathmandu",
  "Asia/Tehran",
  "Atlantic/Azores",
  "Europe/London",
  "Pacific/Apia",
  "Pacific/Chatham",
  "UTC",
];
const all = [...new Set(["UTC", ...Intl.supportedValuesOf("timeZone")])];
const zones = asked === "all" ? all : (asked?.split(",") ?? ODD);
/** The zones whose every hour is checked, and in which years. */
const [hourly, first, end] = isWhole
  ? ([zones, 2020, 2031] as const)
  : ([ODD.slice(0, 5), 2022, 2023] as const);

/** Minutes of a step, and of its offset. */
const STEPS = [
  [15, 0],
  [30, 15],
  [45, 0],
  [60, 0],
  [60, 30],
  [75, 0],
  [120, 0],
  [420, 60],
  [720, 0],
  [1440, 150],
  [2160, 0],
] as const;

/** The boundaries after an instant, up to another. */
function walk(boundaries: Boundaries, from: number, to: number): number[] {
  const found: number[] = [];
  for (let at = boundaries.after(from); at <= to; at = boundaries.after(at)) found.push(at);
  return found;
}

/** The hours for which the next and the previous boundary are not those of the list. */
function wrongHours(boundaries: Boundaries, expected: readonly number[], from: number, to: number): number[] {
  const wrong: number[] = [];
  let index = 0;
  for (let hour = from; hour < to; hour += HOUR) {
    while ((expected[index] ?? Infinity) <= hour) index += 1;
    const [previous, next] = [expected[index - 1], expected[index]];
    const isRight =
      (next === undefined || boundaries.after(hour) === next) &&
      (previous === undefined || boundaries.upTo(hour) === previous);
    if (!isRight) wrong.push(hour);
  }
  return wrong;
}

describe("boundaries", () => {
  test.each(hourly)(
    "of every hour in %s are those that a wall clock shows",
    { timeout: 600_000 },
    (timezone) => {
      const [from, to] = [Date.UTC(first, 0, 1), Date.UTC(end, 0, 1)];
      const shown = shownTimes(timezone, from, to, HOUR);
      for (const every of [1, 4, 24, 7 * 24]) {
        const boundaries = new Boundaries(every * HOUR, 0, timezone);
        const expected = naiveBoundaries(shown, every * HOUR, from, to);
        expect(walk(boundaries, from, to)).toEqual(expected);
        expect(wrongHours(boundaries, expected, from, to)).toEqual([]);
        expect(boundaries.count(from, to)).toBe(expected.length);
      }
    },
  );

  test.each(zones)("around each change of the offset in %s are right", { timeout: 600_000 }, (timezone) => {
    for (const change of changesOf(timezone, Date.UTC(first, 0, 1), Date.UTC(end, 0, 1))) {
      const [from, to] = [change - 2 * DAY, change + 2 * DAY];
      const shown = shownTimes(timezone, from, to, 15 * MINUTE);
      for (const [every, offset] of STEPS) {
        const boundaries = new Boundaries(every * MINUTE, offset * MINUTE, timezone);
        const expected = naiveBoundaries(shown, every * MINUTE, from, to, offset * MINUTE);
        expect(walk(boundaries, from, to)).toEqual(expected);
        for (const [index, at] of expected.entries()) {
          expect(boundaries.upTo(at)).toBe(at);
          expect(boundaries.count(from, at)).toBe(index + 1);
          expect(index === 0 ? undefined : boundaries.upTo(at - 1)).toBe(expected[index - 1]);
        }
      }
    }
  });
});
