import { stripVTControlCharacters } from "node:util";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { schedule } from "../../examples/trading-bot/schedule.mjs";
import { Story } from "../../examples/trading-bot/story.mjs";
import { judge, table } from "../../examples/trading-bot/summary.mjs";
import { useColours } from "../../examples/trading-bot/terminal.mjs";
import { eventLines, frame, statusLines } from "../../examples/trading-bot/view.mjs";

const SIZES = [
  [62, 24],
  [80, 24],
  [100, 30],
] as const;

/** What the bot says of itself when every number is as long as it gets in a demo of some minutes. */
function status(state: string, remainingSeconds: number | null) {
  const limiter = (name: string) => ({ name, tokens: 3.5, burst: 4, rate: 8 });
  return {
    type: "status",
    circuit: { state, remainingSeconds, stats: { rejectedCalls: 1234, totalCalls: 5678 } },
    limiters: [limiter("tickers"), limiter("orders")],
    requests: { sent: 1234, notDelivered: 123, noAnswer: 123, answered: Math.random(), latencyMs: 347 },
    watchdog: { timeout: 1, secondsSincePing: 10.4, timeoutsTriggered: 12 },
    orders: { booked: 1234, refused: 123, positions: 12, repeated: 12 },
    expired: 12,
    retry: { retries: 129, suppressed: 12 },
    looks: { fresh: 1234, lastKnown: 1234, unserved: 0 },
    attempts: {
      calls: 1234,
      attempts: 1234,
      retries: 123,
      late: 0,
      overBudget: 0,
      latest: { start: 712.3, deadline: 800 },
      busiest: { retries: 12, allowed: 26.2 },
    },
    throttled: { seen: 12, longestPause: 12 },
  };
}

const exchange = {
  type: "exchange",
  seen: 1234,
  errors: 123,
  unanswered: 123,
  busiestSecond: 15,
  limit: 20,
  throttled: 12,
  duringPause: 0,
  retries: 123,
  notices: 12,
  position: 0,
};

let now: number;
let story: Story;
beforeEach(() => {
  now = 1000;
  vi.spyOn(performance, "now").mockImplementation(() => now);
  useColours(true);
  story = new Story(schedule(false), true, () => {});
  story.begin();
  story.fromExchange(exchange);
  story.fromBot(status("closed", null));
  story.fromMonitor({
    status: "alive",
    age: 10.4,
    state: { sequence: 1234, timestamp: new Date(0).toISOString() },
  });
  story.heartbeat.longestGap = 10.4;
});

const shown = (columns: number, rows: number): string[] =>
  frame(story, "Ctrl-C shuts down", columns, rows).map((line) => stripVTControlCharacters(line));

function expectWhole(lines: readonly string[], columns: number): void {
  expect(lines.filter((line) => line.length > columns)).toEqual([]);
  expect(lines.filter((line) => line.endsWith("…"))).toEqual([]);
}

describe.each(SIZES)("the screen of the demo, %i by %i", (columns, rows) => {
  test("shows every phase without cutting or breaking a line", () => {
    for (const [index] of schedule(false).entries()) {
      for (const [state, remaining] of [
        ["open", 12.3],
        ["half-open", null],
        ["closed", null],
      ] as const) {
        story.fromExchange({ type: "phase", index, cycle: 12 });
        story.fromBot(status(state, remaining));
        const lines = shown(columns, rows);
        expectWhole(lines, columns);
        expect(lines.length).toBeLessThanOrEqual(rows);
      }
    }
  });

  test("shows a freeze, a pause and the end without cutting a line", () => {
    story.fromBot({ type: "throttled", seconds: 12 });
    expect(shown(columns, rows).join("\n")).toContain("PAUSED 12.0 s");
    expectWhole(shown(columns, rows), columns);
    now += 12_300;
    expect(shown(columns, rows).join("\n")).toContain("● FROZEN");
    expectWhole(shown(columns, rows), columns);
    story.stopping = true;
    expectWhole(shown(columns, rows), columns);
    story.exit = "SIGTERM";
    expectWhole(shown(columns, rows), columns);
  });

  test("shows its own shutdown under a separate heading", () => {
    story.fromExchange({ type: "phase", index: 2, cycle: 1 });
    expect(shown(columns, rows).join("\n")).toMatch(/^ Exchange +OUTAGE: ERRORS/m);
    story.stopping = true;
    const text = shown(columns, rows).join("\n");
    expect(text).toMatch(/^ Shutdown +positions, connections, heartbeat, in this order/m);
    expect(text).not.toContain("Exchange ");
  });

  test("says how high the bars of the latency are", () => {
    expect(shown(columns, rows).join("\n")).toMatch(/^ Latency .* 347 ms +scale 0 to 350 ms$/m);
  });

  test("counts down to the next phase and never says 0", () => {
    story.fromExchange({ type: "phase", index: 2, cycle: 1 });
    now += 5400;
    expect(shown(columns, rows).join("\n")).toContain("next: well again, in 1 s");
    for (const late of [599, 601, 60_000]) {
      now = 1000 + 5400 + late;
      expect(shown(columns, rows).join("\n")).not.toMatch(/in -?0 s/);
    }
  });

  test("has a summary, events and status lines that break between words", () => {
    story.closed = ["positions", "connections", "heartbeat"].map((name) => ({
      name,
      status: "done",
      seconds: 0.3,
    }));
    story.report = { reason: "SIGTERM", ok: true, seconds: 0.33 };
    expectWhole(table(judge(story), columns).map(stripVTControlCharacters), columns);
    const text = "a text of many words ".repeat(10).trim();
    const event = { at: 0, source: "exchange", text, tone: "plain" } as const;
    for (const lines of [eventLines(event, columns), statusLines(story, columns)]) {
      expectWhole(lines.map(stripVTControlCharacters), columns);
      expect(lines.length).toBeGreaterThan(1);
    }
  });
});

test.each([
  ["No attempt begins after its deadline", "late"],
  ["Retries stay within their budget, outages included", "overBudget"],
])("the promise %j is broken by a single one", (title, count) => {
  story.fromExchange({ type: "phase", index: 2, cycle: 1 });
  const held = (): unknown => judge(story).find((promised) => promised.title === title)?.held;
  expect(held()).toBe(true);
  story.bot.attempts[count] = 1;
  expect(held()).toBe(false);
});

test("where there is no terminal each event and each status is one line", () => {
  const event = { at: 0, source: "bot", text: "word ".repeat(100), tone: "plain" } as const;
  expect(eventLines(event, Infinity)).toHaveLength(1);
  expect(statusLines(story, Infinity)).toHaveLength(1);
});
