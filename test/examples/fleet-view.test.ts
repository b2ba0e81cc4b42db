import { stripVTControlCharacters } from "node:util";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { fullest, mostAtOnce } from "../../examples/trading-fleet/bound.mjs";
import { schedule } from "../../examples/trading-fleet/schedule.mjs";
import { now as clock } from "../../examples/trading-fleet/settings.mjs";
import { FleetStory } from "../../examples/trading-fleet/story.mjs";
import { judge } from "../../examples/trading-fleet/summary.mjs";
import { openings, type Mark } from "../../examples/trading-fleet/timeline.mjs";
import { frame, statusLines } from "../../examples/trading-fleet/view.mjs";
import { table } from "../../examples/trading-bot/summary.mjs";
import { useColours } from "../../examples/trading-bot/terminal.mjs";

const SIZES = [
  [62, 24],
  [80, 24],
  [120, 40],
] as const;
const NAMES = ["bot-1", "bot-2", "bot-3"];

const counts = {
  asked: 1234,
  granted: 1234,
  spared: 123,
  sent: 1111,
  answered: 1000,
  failed: 100,
  noAnswer: 11,
};

let now: number;
let story: FleetStory;
beforeEach(() => {
  now = 1000;
  vi.spyOn(performance, "now").mockImplementation(() => now);
  useColours(true);
  story = new FleetStory(schedule(false), true, NAMES, () => {});
  story.begin();
  for (const name of NAMES) story.fromBot(name, { type: "status", ...counts, missedBeats: 12, heldUp: 12 });
  const alive = { status: "alive", age: 10.4, maxAge: 1, state: { status: "running" } };
  story.listed(NAMES.map((instance) => ({ ...alive, instance })) as never);
});

const shown = (columns: number, rows: number): string[] =>
  frame(story, "Ctrl-C shuts down", columns, rows).map((line) => stripVTControlCharacters(line));

function expectWhole(lines: readonly string[], columns: number): void {
  expect(lines.filter((line) => line.length > columns)).toEqual([]);
  expect(lines.filter((line) => line.endsWith("…"))).toEqual([]);
}

describe.each(SIZES)("the screen of the fleet, %i by %i", (columns, rows) => {
  test("shows every phase and all bots without cutting or breaking a line", () => {
    for (const [index] of schedule(false).entries()) {
      for (const to of ["open", "half-open", "closed"]) {
        story.fromExchange({ type: "phase", index, cycle: 12, at: clock() });
        for (const name of NAMES) {
          story.fromBot(name, { type: "circuit", from: "closed", to, failure: "status 500", at: clock() });
          story.fromBot(name, { type: "store", isUp: to === "closed", at: clock() });
        }
        const lines = shown(columns, rows);
        expectWhole(lines, columns);
        expect(lines.length).toBeLessThanOrEqual(rows);
        for (const name of NAMES) expect(lines.join("\n")).toMatch(new RegExp(`^ ${name} +● alive`, "m"));
      }
    }
  });

  test("does not say that a bot is alive when Redis does not tell", () => {
    story.listed(undefined);
    expect(shown(columns, rows).join("\n")).toMatch(/^ bot-2 +● unknown/m);
  });

  test("shows a bot that was killed, and the end", () => {
    story.ended("bot-2", "SIGKILL");
    expect(shown(columns, rows).join("\n")).toMatch(/^ bot-2 .*ended: SIGKILL/m);
    expectWhole(shown(columns, rows), columns);
    story.finish();
    expectWhole(shown(columns, rows), columns);
    expectWhole(statusLines(story, columns).map(stripVTControlCharacters), columns);
  });

  test("has a summary that breaks between words", () => {
    const at = clock();
    story.fromExchange({ type: "phase", index: 0, cycle: 1, at });
    const request = {
      bot: "bot-1",
      asked: at,
      granted: at,
      sent: at,
      arrived: at + 1,
      ended: at + 2,
      status: 200,
    };
    story.fromExchange({ type: "requests", requests: [request] });
    story.finish();
    const lines = table(judge(story), columns).map(stripVTControlCharacters);
    expect(lines.join("\n")).toContain("of 9 promises held");
    expectWhole(lines, columns);
  });
});

describe("what the exchange saw", () => {
  const request = (asked: number, arrived: number, ended = arrived + 5) => {
    return { bot: "bot-1", asked, granted: asked, sent: asked, arrived, ended, status: 200 };
  };
  const limit = { rate: 10, burst: 2 };

  test("is over the limit with one request too many in any window", () => {
    const kept = [request(0, 0), request(0, 0), request(50, 100), request(150, 200)];
    expect(fullest(kept, limit)).toMatchObject({ count: 2, allowed: 2, over: 0 });
    const broken = [...kept, request(150, 200)];
    expect(fullest(broken, limit)).toMatchObject({ count: 5, allowed: 4, over: 2 });
  });

  test("does not blame the limit for requests that were held up on their way", () => {
    const late = [request(0, 190), request(0, 195), request(100, 200), request(200, 201)];
    expect(fullest(late, limit)?.over).toBe(0);
  });

  test("counts what is under way at once", () => {
    expect(mostAtOnce([])).toBe(0);
    expect(mostAtOnce([request(0, 0, 10), request(10, 10, 20)])).toBe(1);
    expect(mostAtOnce([request(0, 0, 10), request(9, 9, 20)])).toBe(2);
  });

  test("tells an outage from a probe that failed, and who knew when", () => {
    const mark = (at: number, bot: string, to: string): Mark => ({ at, kind: "circuit", bot, to });
    const marks = [
      mark(100, "bot-2", "open"),
      mark(103, "bot-1", "open"),
      mark(700, "bot-1", "half-open"),
      mark(701, "bot-2", "half-open"),
      mark(800, "bot-1", "open"),
      mark(801, "bot-2", "open"),
      mark(1400, "bot-2", "half-open"),
      mark(1500, "bot-2", "closed"),
    ];
    expect(openings(marks, 2000)).toEqual([
      {
        at: 100,
        isFirst: true,
        known: new Map([
          ["bot-2", 0],
          ["bot-1", 3],
        ]),
        until: 700,
      },
      {
        at: 800,
        isFirst: false,
        known: new Map([
          ["bot-1", 0],
          ["bot-2", 1],
        ]),
        until: 1400,
      },
    ]);
  });
});
