import { describe, expect, test } from "vitest";
import { nextDue } from "../../src/heartbeat/schedule.js";
import type { HeartbeatState } from "../../src/heartbeat-file/state.js";
import { formatTimestamp } from "../../src/heartbeat-file/timestamp.js";
import type { HeartbeatVerdict, ProcessFate } from "../../src/heartbeat-file/verdict.js";
import { judge } from "../../src/heartbeat-file/verdict.js";
import fc from "fast-check";

const WRITTEN = Date.UTC(2026, 0, 2);
const state: HeartbeatState = {
  timestamp: formatTimestamp(WRITTEN),
  pid: 1,
  hostname: "h",
  metadata: {},
  status: "running",
  interval: 10,
};
const { interval: _interval, status: _status, ...original } = state;

describe("the verdict on a heartbeat", () => {
  test.each<[string, HeartbeatState, ProcessFate, number, number | undefined, HeartbeatVerdict]>([
    ["just written", state, "running", 0, 30, "alive"],
    ["exactly as old as allowed", state, "running", 30, 30, "alive"],
    ["a millisecond older than allowed", state, "running", 30.001, 30, "stale"],
    ["three of its own intervals old", state, "running", 30, undefined, "alive"],
    [
      "more than three of its own intervals old",
      { ...state, interval: 1 },
      "running",
      3.001,
      undefined,
      "stale",
    ],
    ["without an interval, 30 s old", original, "running", 30, undefined, "alive"],
    ["without an interval, older than 30 s", original, "running", 30.001, undefined, "stale"],
    ["of another host, young", state, "unknown", 5, 30, "alive"],
    ["of another host, old", state, "unknown", 31, 30, "stale"],
    ["young, its process gone", state, "gone", 0, 30, "dead"],
    ["old, its process gone", state, "gone", 99, 30, "dead"],
    ["starting", { ...state, status: "starting" }, "running", 1, 30, "alive"],
    ["draining", { ...state, status: "draining" }, "running", 1, 30, "alive"],
    ["draining for too long", { ...state, status: "draining" }, "running", 31, 30, "stale"],
    ["stopped, the process still there", { ...state, status: "stopped" }, "running", 0, 30, "stopped"],
    ["stopped, the process gone", { ...state, status: "stopped" }, "gone", 99, 30, "stopped"],
    ["frozen, young", { ...state, status: "frozen" }, "running", 0, 30, "frozen"],
    ["frozen, old", { ...state, status: "frozen" }, "running", 99, 30, "frozen"],
    ["frozen, then killed", { ...state, status: "frozen" }, "gone", 99, 30, "dead"],
    ["as far in the future as clocks may differ", state, "unknown", -5, 30, "alive"],
    ["further in the future", state, "unknown", -5.001, 30, "unknown"],
    ["of next year", state, "running", -31_536_000, 30, "unknown"],
  ])("%s", (_what, found, fate, age, maxAge, verdict) => {
    const limit = maxAge === undefined ? undefined : maxAge * 1000;
    const result = judge(found, fate, WRITTEN + age * 1000, limit);
    expect(result).toEqual({ status: verdict, age: expect.closeTo(age, 6), state: found });
    expect(Object.isFrozen(result)).toBe(true);
  });

  test("is unknown without a state", () => {
    expect(judge(null, "unknown", WRITTEN, 30_000)).toEqual({ status: "unknown", age: null, state: null });
  });
});

describe("the next beat", () => {
  test.each<[string, number, number, number]>([
    ["one interval later when on time", 1000, 1000, 1010],
    ["where it would have been when a little late", 1000, 1003, 1010],
    ["the next of the row after a pause of many intervals", 1000, 1057, 1060],
    ["one interval later when the pause ended on a beat", 1000, 1050, 1060],
    ["one interval later when early", 1000, 999, 1010],
  ])("is %s", (_what, due, now, next) => {
    expect(nextDue(due, 10, now)).toBe(next);
  });

  test("is at most one interval ahead and on the schedule of the first one", () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.integer({ min: 1, max: 1e5 }), fc.nat(1e7), (due, interval, late) => {
        const now = due + late;
        const next = nextDue(due, interval, now);
        expect(next).toBeGreaterThan(now);
        expect(next - now).toBeLessThanOrEqual(interval);
        expect((next - due) % interval).toBe(0);
      }),
      { numRuns: Number(process.env["PROPERTY_RUNS"] ?? 1000) },
    );
  });
});
