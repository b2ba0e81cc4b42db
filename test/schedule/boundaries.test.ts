import { describe, expect, test } from "vitest";
import { TimeTrigger } from "../../src/schedule/index.js";

/** The boundaries after an instant, up to and including another, as ISO strings to the minute. */
function between(every: string, timezone: string, from: string, to: string, offset = "0s"): string[] {
  const trigger = new TimeTrigger(every as "1h", { timezone, offset: offset as "0s" });
  const found: string[] = [];
  const end = Date.parse(to);
  for (let at = trigger.nextBoundary(Date.parse(from)); Number(at) <= end; at = trigger.nextBoundary(at)) {
    found.push(at.toISOString().slice(0, 16));
  }
  return found;
}

describe("boundaries of the local wall clock", () => {
  test.each([
    [
      "a day in Paris begins at its midnight, also with 23 hours",
      "1d",
      "Europe/Paris",
      "2026-03-28T00:00Z",
      "2026-03-30T23:00Z",
      ["2026-03-28T23:00", "2026-03-29T22:00", "2026-03-30T22:00"],
    ],
    [
      "and with 25",
      "1d",
      "Europe/Paris",
      "2026-10-24T00:00Z",
      "2026-10-26T23:00Z",
      ["2026-10-24T22:00", "2026-10-25T23:00", "2026-10-26T23:00"],
    ],
    [
      "a week begins on Monday",
      "7d",
      "UTC",
      "2026-11-23T00:00Z",
      "2026-12-14T00:00Z",
      ["2026-11-30T00:00", "2026-12-07T00:00", "2026-12-14T00:00"],
    ],
    [
      "a day whose midnight is skipped begins with its first instant",
      "1d",
      "Africa/Cairo",
      "2026-04-22T23:00Z",
      "2026-04-25T00:00Z",
      ["2026-04-23T22:00", "2026-04-24T21:00"],
    ],
    [
      "midnight that comes twice counts once",
      "1d",
      "America/Havana",
      "2026-10-31T12:00Z",
      "2026-11-02T12:00Z",
      ["2026-11-01T04:00", "2026-11-02T05:00"],
    ],
    [
      "an hour that is skipped is missing",
      "1h",
      "Europe/Paris",
      "2026-03-28T23:30Z",
      "2026-03-29T03:00Z",
      ["2026-03-29T00:00", "2026-03-29T01:00", "2026-03-29T02:00", "2026-03-29T03:00"],
    ],
    [
      "an hour that comes twice counts twice",
      "1h",
      "Europe/Paris",
      "2026-10-24T22:30Z",
      "2026-10-25T03:00Z",
      ["2026-10-24T23:00", "2026-10-25T00:00", "2026-10-25T01:00", "2026-10-25T02:00", "2026-10-25T03:00"],
    ],
    [
      "and its halves, too",
      "30m",
      "Europe/Paris",
      "2026-10-25T00:00Z",
      "2026-10-25T02:00Z",
      ["2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30", "2026-10-25T02:00"],
    ],
    [
      "but not for steps that are longer",
      "2h",
      "Europe/Paris",
      "2026-10-24T21:30Z",
      "2026-10-25T05:00Z",
      ["2026-10-24T22:00", "2026-10-25T00:00", "2026-10-25T03:00", "2026-10-25T05:00"],
    ],
    [
      "four hours are those of the clock",
      "4h",
      "Europe/Paris",
      "2026-03-28T22:30Z",
      "2026-03-29T10:00Z",
      ["2026-03-28T23:00", "2026-03-29T02:00", "2026-03-29T06:00", "2026-03-29T10:00"],
    ],
    [
      "a boundary in a skipped half hour is at its end",
      "1h",
      "Australia/Lord_Howe",
      "2026-10-03T14:30Z",
      "2026-10-03T17:00Z",
      ["2026-10-03T15:30", "2026-10-03T16:00", "2026-10-03T17:00"],
    ],
    [
      "a repeated half hour is none for whole hours",
      "1h",
      "Australia/Lord_Howe",
      "2026-04-04T13:30Z",
      "2026-04-04T16:30Z",
      ["2026-04-04T14:00", "2026-04-04T15:30", "2026-04-04T16:30"],
    ],
    [
      "a day that is skipped has no boundary of its own",
      "1d",
      "Pacific/Apia",
      "2011-12-29T00:00Z",
      "2012-01-01T00:00Z",
      ["2011-12-29T10:00", "2011-12-30T10:00", "2011-12-31T10:00"],
    ],
    [
      "steps that do not divide the day begin anew at midnight",
      "7h",
      "UTC",
      "2026-01-01T00:00Z",
      "2026-01-02T08:00Z",
      ["2026-01-01T07:00", "2026-01-01T14:00", "2026-01-01T21:00", "2026-01-02T00:00", "2026-01-02T07:00"],
    ],
  ])("%s", (_, every, timezone, from, to, expected) => {
    expect(between(every, timezone, from, to)).toEqual(expected);
  });

  test("the offset moves them", () => {
    expect(between("1d", "Europe/Paris", "2026-03-28T00:00Z", "2026-03-30T00:00Z", "9h")).toEqual([
      "2026-03-28T08:00",
      "2026-03-29T07:00",
    ]);
    expect(between("7h", "UTC", "2026-01-01T20:00Z", "2026-01-02T09:00Z", "1h")).toEqual([
      "2026-01-01T22:00",
      "2026-01-02T01:00",
      "2026-01-02T08:00",
    ]);
  });

  test("the one before is at or before, the next one after", () => {
    const trigger = new TimeTrigger("1h");
    const at = new Date("2026-01-01T10:00:00Z");
    expect(trigger.previousBoundary(at)).toEqual(at);
    expect(trigger.previousBoundary(Number(at) - 1)).toEqual(new Date("2026-01-01T09:00:00Z"));
    expect(trigger.nextBoundary(at)).toEqual(new Date("2026-01-01T11:00:00Z"));
    expect(trigger.nextBoundary(Number(at) - 0.5)).toEqual(at);
  });
});
