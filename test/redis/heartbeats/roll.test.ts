import { describe, expect, test } from "vitest";
import type { HeartbeatState, HeartbeatStatus } from "../../../src/heartbeat/index.js";
import { type Listing, readListing } from "../../../src/redis/heartbeats/instances.js";
import { Roll } from "../../../src/redis/heartbeats/roll.js";

type Beat = readonly [instance: string, at: number, status?: HeartbeatStatus];

function listing(now: number, count: number, ...beats: readonly Beat[]): Listing {
  const found = beats.map(([instance, at, status = "running"]) => {
    const timestamp = "2026-01-02T03:04:05.678000+00:00";
    const state: HeartbeatState = { timestamp, pid: 1, hostname: "a", metadata: {}, status, interval: 1 };
    return { instance, at, state };
  });
  return { now, count, channel: "c", found };
}

/** The events of a listing, as text. */
const told = (roll: Roll, list: Listing, isAfterOutage = false): readonly string[] =>
  roll.apply(list, isAfterOutage).map(({ event, instance }) => `${event} ${instance.instance}`);

describe("a roll of instances", () => {
  test("tells once who has joined, changed its status, stopped and been lost", () => {
    const roll = new Roll(undefined);
    expect(roll.from).toBe("-inf");
    expect(told(roll, listing(10_000, 2, ["a", 9_000], ["b", 1_000]))).toEqual(["joined a"]);
    expect(roll.from).toBe(9_000);
    expect(told(roll, listing(11_000, 2, ["a", 10_500, "draining"]))).toEqual(["status a"]);
    expect(told(roll, listing(11_500, 2, ["a", 10_500, "draining"]))).toEqual([]);
    // In the same millisecond.
    expect(told(roll, listing(11_500, 2, ["a", 10_500, "stopped"]))).toEqual(["stopped a"]);
    expect(told(roll, listing(12_000, 2, ["a", 11_900]))).toEqual(["joined a"]);
    expect(told(roll, listing(14_900, 2))).toEqual([]);
    expect(told(roll, listing(14_901, 2))).toEqual(["lost a"]);
    expect(told(roll, listing(20_000, 2))).toEqual([]);
    expect(told(roll, listing(20_001, 2, ["b", 20_000]))).toEqual(["joined b"]);
  });

  test("judges by its own maxAge if it has one", () => {
    const roll = new Roll(500);
    expect(told(roll, listing(1_000, 1, ["a", 1_000]))).toEqual(["joined a"]);
    expect(told(roll, listing(1_501, 1))).toEqual(["lost a"]);
    expect(roll.instances).toMatchObject([{ instance: "a", status: "stale", age: 0.501, maxAge: 0.5 }]);
  });

  test("gives everybody a whole maxAge anew after an outage, but not those who were silent before", () => {
    const roll = new Roll(undefined);
    told(roll, listing(10_000, 3, ["a", 10_000], ["b", 9_000], ["c", 1_000]));
    expect(told(roll, listing(60_000, 3), true)).toEqual([]);
    expect(told(roll, listing(62_000, 3, ["a", 61_000]))).toEqual([]);
    expect(told(roll, listing(63_001, 3, ["a", 62_000]))).toEqual(["lost b"]);
  });

  test("forgets those that the store has forgotten, once they are no longer alive", () => {
    const roll = new Roll(undefined);
    told(roll, listing(10_000, 3, ["a", 10_000], ["b", 10_000, "stopped"], ["c", 1_000]));
    // A flush.
    told(roll, listing(11_000, 0));
    expect(roll.from).toBe("-inf");
    expect(told(roll, listing(12_000, 0))).toEqual([]);
    expect(roll.instances.map(({ instance }) => instance)).toEqual(["a"]);
    expect(told(roll, listing(13_001, 0))).toEqual(["lost a"]);
    expect(told(roll, listing(13_002, 0))).toEqual([]);
    expect(roll.instances).toEqual([]);
    expect(told(roll, listing(13_003, 1, ["a", 13_003]))).toEqual(["joined a"]);
    expect(roll.from).toBe(13_003);
  });

  test("loses nobody when the server's clock is set back, and finds later who is silent", () => {
    const roll = new Roll(undefined);
    told(roll, listing(3_600_000, 2, ["a", 3_600_000], ["b", 3_600_000]));
    expect(told(roll, listing(10_000, 2))).toEqual([]);
    // The store still has the times in the future.
    expect(told(roll, listing(11_000, 2, ["a", 10_500], ["b", 3_600_000]))).toEqual([]);
    expect(told(roll, listing(13_000, 2, ["a", 12_500], ["b", 3_600_000]))).toEqual([]);
    expect(told(roll, listing(14_100, 2, ["a", 13_500], ["b", 3_600_000]))).toEqual(["lost b"]);
  });

  test("takes no harm from odd replies", () => {
    for (const reply of [
      null,
      1,
      "x",
      [],
      [1],
      [null, null, null],
      [1, 2, {}, "a"],
      [1, 1, "c", "a", "x", null],
    ])
      expect(() => new Roll(undefined).apply(readListing(reply), false)).not.toThrow();
    const [odd] = readListing([1_000, 1, "c", "a", 900, "w running not-json"]).found;
    expect(odd).toEqual({ instance: "a", at: 900, state: null });
  });
});
