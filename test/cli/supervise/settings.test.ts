import { describe, expect, test } from "vitest";
import { UsageError } from "../../../src/cli/command.js";
import { parseSettings } from "../../../src/cli/supervise/settings.js";

function parse(line: string): ReturnType<typeof parseSettings> {
  return parseSettings(line.split(" ").filter(Boolean), "/work");
}

describe("the command line of supervise", () => {
  test("needs the command alone", () => {
    expect(parse("-- node bot.mjs --json")).toEqual({
      command: ["node", "bot.mjs", "--json"],
      heartbeat: undefined,
      grace: 10_000,
      restart: "always",
      backoff: { first: 1000, last: 60_000, maxRestarts: 5, window: 600_000 },
      json: false,
      log: undefined,
    });
  });

  test("accepts every option", () => {
    const line =
      "--heartbeat a/b --max-age 45s --start-grace 2m --grace 0 --restart on-failure --backoff 250ms..5 --max-restarts 3/60 --json --log l -- x";
    expect(parse(line)).toEqual({
      command: ["x"],
      heartbeat: { file: "/work/a/b", maxAge: 45_000, startGrace: 120_000 },
      grace: 0,
      restart: "on-failure",
      backoff: { first: 250, last: 5000, maxRestarts: 3, window: 60_000 },
      json: true,
      log: "/work/l",
    });
  });

  test.each([
    ["10", 30_000],
    ["2m", 120_000],
  ])("gives a program the greatest age to start, %s, but 30 s at least", (age, expected) => {
    expect(parse(`--heartbeat f --max-age ${age} -- x`).heartbeat?.startGrace).toBe(expected);
  });

  test("accepts one delay for all restarts, and no limit", () => {
    expect(parse("--backoff 3 --max-restarts unlimited -- x").backoff).toEqual({
      first: 3000,
      last: 3000,
      maxRestarts: Infinity,
      window: 0,
    });
  });

  test.each([
    ["", /must follow --.*got none/],
    ["--", /must follow --/],
    ["node bot.mjs", /got "node" before --/],
    ["node -- bot.mjs", /got "node" before --/],
    ["--max-age 3 -- x", /--max-age needs --heartbeat/],
    ["--start-grace 3 -- x", /--start-grace needs --heartbeat/],
    ["--heartbeat f --max-age 0 -- x", /--max-age must be a duration above 0.*got 0/],
    ["--heartbeat f --max-age 30000 -- x", /--max-age: 30000 is 8 h 20 min/],
    ["--grace soon -- x", /--grace must be a duration of 0 or more.*got "soon"/],
    ["--restart never -- x", /--restart must be always or on-failure; got "never"/],
    ["--backoff 1s..2s..3s -- x", /--backoff must be one duration, or two.*got "1s..2s..3s"/],
    ["--backoff 0..1 -- x", /--backoff must be a duration above 0.*got 0/],
    ["--backoff 1m..1s -- x", /--backoff must go from.*got "1m..1s"/],
    ["--max-restarts 5 -- x", /--max-restarts must be a count and a duration such as 5\/10m.*got "5"/],
    ["--max-restarts -- x", /max-restarts/],
    ["--max-restarts 1.5/1m -- x", /--max-restarts must be a count/],
    ["--max-restarts 5/never -- x", /--max-restarts must be a duration above 0.*got "never"/],
    ["--heartbeet f -- x", /did you mean --heartbeat/],
    ["--json=1 -- x", /json/],
  ])("refuses %j and says why", (line, message) => {
    expect(() => parse(line)).toThrow(UsageError);
    expect(() => parse(line)).toThrow(message);
  });

  test("refuses an empty name", () => {
    expect(() => parseSettings(["--", ""], "/")).toThrow(/must follow --/);
    expect(() => parseSettings(["--log", "", "--", "x"], "/")).toThrow(/--log must be the path/);
    expect(() => parseSettings(["--heartbeat", "a\0", "--", "x"], "/")).toThrow(
      /--heartbeat must be the path/,
    );
  });
});
