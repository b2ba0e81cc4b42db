import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { standstill } from "../../src/process/standstill.js";
import {
  beginWatch,
  judge,
  leftOut,
  look,
  untilNextLook,
  type Verdict,
  type Watch,
} from "../../src/watchdog/deadline.js";

const numRuns = Number(process.env["PROPERTY_RUNS"] ?? 1000);
const TIMEOUT = 1000;

describe("the verdict on a watchdog", () => {
  const table: readonly [age: number, silent: number, reported: Watch["reported"], verdict: Verdict][] = [
    [0, 0, "nothing", "fine"],
    [249, 0, "nothing", "fine"],
    [250, 0, "nothing", "suspect"],
    [999, 0, "nothing", "suspect"],
    [999, 999, "nothing", "suspect"],
    [1000, 0, "nothing", "not-pinged"],
    [1000, 499, "nothing", "not-pinged"],
    [1000, 500, "nothing", "blocked"],
    [1000, Infinity, "nothing", "blocked"],
    [9000, 0, "not-pinged", "suspect"],
    [9000, 999, "not-pinged", "suspect"],
    [9000, 1000, "not-pinged", "blocked"],
    [9000, 9000, "blocked", "suspect"],
  ];

  test.each(table)(
    "is, %i ms after a ping, silent for %d ms, reported %s: %s",
    (age, silent, reported, verdict) => {
      const watch: Watch = { ...beginWatch(0, 5000), reported };
      expect(judge(watch, TIMEOUT, silent, 5000 + age)).toBe(verdict);
    },
  );

  test("is fine again after a ping and after a new period, which moves the count as well", () => {
    const watch: Watch = { ...beginWatch(7, 0), reported: "blocked" };
    for (const pings of [8, 0]) {
      const next = look(watch, pings, false, 4000);
      expect(next).toEqual({ pings, since: 4000, reported: "nothing" });
      expect(judge(next, TIMEOUT, 0, 4000)).toBe("fine");
    }
  });

  test("counts a second freeze as a separate timeout if the loop ran in between", () => {
    const watch: Watch = { ...beginWatch(0, 0), reported: "blocked" };
    expect(look(watch, 0, false, 2000)).toBe(watch);
    const between = look(watch, 0, true, 2000);
    expect(judge(between, TIMEOUT, 999, 4000)).toBe("suspect");
    expect(judge(between, TIMEOUT, 1000, 4000)).toBe("blocked");
  });
});

describe("the next look", () => {
  test("comes after a poll, or sooner when the question or the timeout is due", () => {
    const watch = beginWatch(0, 0);
    expect(untilNextLook(watch, TIMEOUT, 100, 0)).toBe(100);
    expect(untilNextLook(watch, TIMEOUT, 300, 0)).toBe(250);
    expect(untilNextLook(watch, TIMEOUT, 300, 249)).toBe(1);
    expect(untilNextLook(watch, TIMEOUT, 300, 250)).toBe(300);
    expect(untilNextLook(watch, TIMEOUT, 300, 900)).toBe(100);
    expect(untilNextLook(watch, TIMEOUT, 300, 1000)).toBe(300);
    expect(untilNextLook({ ...watch, reported: "not-pinged" }, TIMEOUT, 300, 0)).toBe(300);
    expect(untilNextLook({ ...watch, reported: "not-pinged" }, TIMEOUT, 300, 900)).toBe(300);
  });

  test("comes in time to tell a blocked loop from work that hangs, however long the poll is", () => {
    const poll = TIMEOUT / 2;
    let watch = beginWatch(0, 0);
    let asked: number | undefined;
    let verdict: Verdict = "fine";
    // Each look is late by a little, the last one by less than the others.
    for (let now = 0, late = 3; watch.reported === "nothing" && now < 2 * TIMEOUT; late *= 0.5) {
      now += untilNextLook(watch, TIMEOUT, poll, now) + late;
      verdict = judge(watch, TIMEOUT, asked === undefined ? 0 : now - asked, now);
      if (verdict === "suspect") asked ??= now;
      else if (verdict !== "fine") watch = { ...watch, reported: verdict };
    }
    expect(verdict).toBe("blocked");
  });
});

describe("the time that is left out", () => {
  test.each([
    // elapsed, asked, queued, the monitor queued, starved, suspended
    [100, 100, 0, 0, 0, 0],
    [140, 100, 0, 0, 0, 0],
    [199, 100, 0, 0, 0, 0],
    [201, 100, 0, 0, 0, 101],
    [2100, 100, 0, 0, 0, 2000],
    [2100, 100, 0, 999, 0, 2000],
    [2100, 100, 0, 1000, 2000, 0],
    [40, 5, 0, 0, 0, 0],
    [60, 5, 0, 0, 0, 55],
    [100, 100, 60, 0, 60, 0],
    [100, 100, 160, 0, 160, 0],
    [2100, 100, 300, 0, 300, 2000],
    [2100, 100, 2050, 1900, 2050, 0],
    [50, Infinity, 0, 0, 0, 0],
    [50, 100, 0, 0, 0, 0],
  ])(
    "of %d ms, %d asked for, %d in the run queue, the monitor %d, is %d starved and %d suspended",
    (elapsed, asked, queued, ownQueued, starved, suspended) => {
      const still = standstill(elapsed, asked);
      expect(leftOut({ still, queued, ownQueued }, 0)).toEqual({ starved, suspended });
    },
  );

  test("is not left out again when the kernel reports it later", () => {
    const passed = { still: 0, queued: 450, ownQueued: 0 };
    expect(leftOut(passed, 400)).toEqual({ starved: 50, suspended: 0 });
    expect(leftOut(passed, 500)).toEqual({ starved: 0, suspended: 0 });
  });
});

/** A naive world that goes by in milliseconds: pings at given times, looks when they are due. */
function live(pingsAt: ReadonlySet<number>, poll: number, end: number) {
  let watch = beginWatch(0, 0);
  let pings = 0;
  let lastPing = 0;
  let due = 0;
  let found = false;
  const result = { shortest: Infinity, missed: 0 };
  for (let now = 0; now <= end; now++) {
    if (pingsAt.has(now)) {
      pings++;
      lastPing = now;
      found = false;
    }
    if (now >= due) {
      watch = look(watch, pings, true, now);
      if (judge(watch, TIMEOUT, 0, now) === "not-pinged") {
        result.shortest = Math.min(result.shortest, now - lastPing);
        watch = { ...watch, reported: "not-pinged" };
        found = true;
      }
      due = now + untilNextLook(watch, TIMEOUT, poll, now);
    }
    if (now - lastPing > TIMEOUT + poll && !found) result.missed++;
  }
  return result;
}

describe("a watchdog looked at from time to time", () => {
  test("never times out early, and at most one look late", () => {
    const pingTimes = fc.uniqueArray(fc.integer({ min: 1, max: 6000 }), { maxLength: 12 });
    fc.assert(
      fc.property(pingTimes, fc.integer({ min: 20, max: 500 }), (times, poll) => {
        const { shortest, missed } = live(new Set(times), poll, 8000);
        expect(shortest).toBeGreaterThanOrEqual(TIMEOUT);
        expect(missed).toBe(0);
      }),
      { numRuns },
    );
  });
});
