import { describe, expect, test } from "vitest";
import { type Known, merge } from "../../../src/redis/circuit-breaker/merge.js";
import { messageOf, replyOf, type Told } from "../../../src/redis/circuit-breaker/told.js";

const told = (state: Told["state"], era: number, change: number): Told => ({
  state,
  era,
  change,
  wait: 0,
  failures: 0,
  reopenings: 0,
  reason: "tripped",
});
const known = (state: Told["state"], era: number, change: number): Known => ({ state, era, change });

describe("what is known and what the store tells", () => {
  test.each([
    ["a later era wins", known("open", 5, 50), told("closed", 6, 60), undefined, "adopt"],
    [
      "a later change of the same era is news",
      known("closed", 5, 50),
      told("closed", 5, 51),
      undefined,
      "adopt",
    ],
    [
      "an earlier change in a message is old",
      known("closed", 5, 50),
      told("closed", 5, 49),
      undefined,
      "leave",
    ],
    [
      "a reply that a message has overtaken is old",
      known("open", 5, 50),
      told("closed", 4, 49),
      known("closed", 4, 48),
      "leave",
    ],
    [
      "a store that has lost counts is believed",
      known("closed", 5, 50),
      told("closed", 5, 10),
      known("closed", 5, 50),
      "adopt",
    ],
    [
      "an empty store is told of an open circuit",
      known("open", 5, 50),
      told("closed", 0, 0),
      known("open", 5, 50),
      "tell",
    ],
    [
      "a failure counted in an emptied store does not hide an open circuit",
      known("open", 5, 50),
      told("closed", 0, 70),
      undefined,
      "tell",
    ],
    [
      "an empty store need not hear of a closed circuit",
      known("closed", 5, 50),
      told("closed", 0, 0),
      known("closed", 5, 50),
      "adopt",
    ],
    [
      "an opening while the store was away is told",
      known("open", 9, 50),
      told("closed", 5, 50),
      known("open", 9, 50),
      "tell",
    ],
    [
      "a closing that a failed-over store has not seen is told",
      known("closed", 9, 90),
      told("open", 8, 80),
      known("closed", 9, 90),
      "tell",
    ],
  ] as const)("%s", (_title, mine, theirs, asked, expected) => {
    expect(merge(mine, theirs, asked)).toBe(expected);
  });
});

describe("data from outside", () => {
  test("a reply and a message are read", () => {
    const state = { state: "open", era: 7, change: 8, wait: 1.5, failures: 3, reopenings: 1 };
    expect(replyOf(["open", 7, 8, 1500, 3, 1, "tripped", 2, 1, 9, "c"])).toEqual({
      ...state,
      reason: "tripped",
      result: 2,
      hasOpened: true,
      now: 9,
      channel: "c",
    });
    expect(messageOf("1 state open 7 8 1500 3 1 tripped")).toEqual({ ...state, reason: "tripped" });
    expect(messageOf("1 failing")).toBe("failing");
  });

  test.each([
    null,
    "OK",
    [],
    ["open"],
    ["ajar", 1, 1, 1, 1, 1, "tripped", 0, 0, 9, "c"],
    Array.from({ length: 11 }, () => Object.create(null) as object),
  ])("a reply that is none does no harm: %j", (reply) => expect(replyOf(reply)).toBeUndefined());

  test.each([
    "",
    "2 state open 7 8 1500 3 1 tripped",
    "1 state open -7 8 1500 3 1 tripped",
    "1 state open x",
    "1 x",
  ])("a message that is none does no harm: %j", (text) => expect(messageOf(text)).toBeUndefined());
});
