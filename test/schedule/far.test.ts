import { expect, test } from "vitest";
import { Boundaries } from "../../src/schedule/boundaries.js";
import { offsetsOf } from "../../src/schedule/time-zone.js";

// A machine whose clock has no battery begins in 1970, and is set to today once it has found a server of the time.
const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const TODAY = Date.UTC(2026, 10, 29, 20, 0, 30);

const asked = process.env["SCHEDULE_ZONES"];
const all = [...new Set(["UTC", ...Intl.supportedValuesOf("timeZone")])];
const SOME = ["UTC", "Europe/Paris", "Africa/Casablanca", "Asia/Gaza", "Australia/Lord_Howe", "Pacific/Apia"];
const zones = asked === "all" ? all : (asked?.split(",") ?? SOME);

test("to count those of 56 years takes fewer looks at the zone than there are days in them", () => {
  let looks = 0;
  const offsetAt = offsetsOf("Europe/Paris");
  const boundaries = new Boundaries(MINUTE, 0, (instant) => {
    looks += 1;
    return offsetAt(instant);
  });
  expect(boundaries.count(0, TODAY)).toBe(29_933_040);
  expect(looks).toBeLessThan(10_000);
});

test.each(zones)("in %s they are counted as year by year", { timeout: 600_000 }, (zone) => {
  for (const [every, offset] of [
    [1, 0],
    [420, 60],
    [1440, 150],
    [10_080, 0],
  ] as const) {
    const boundaries = new Boundaries(every * MINUTE, offset * MINUTE, zone);
    let years = 0;
    for (let from = 0; from < TODAY; from += 365 * DAY)
      years += boundaries.count(from, Math.min(TODAY, from + 365 * DAY));
    expect([every, boundaries.count(0, TODAY)]).toEqual([every, years]);
  }
});
