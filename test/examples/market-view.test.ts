import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CandleStore, readCandles } from "../../examples/market-watch/candle-store.mjs";
import { keyOf, read } from "../../examples/market-watch/messages.mjs";
import { schedule } from "../../examples/market-watch/schedule.mjs";
import { CANDLE_MS } from "../../examples/market-watch/settings.mjs";
import { MarketStory } from "../../examples/market-watch/story.mjs";
import { judge } from "../../examples/market-watch/summary.mjs";
import { frame, statusLines } from "../../examples/market-watch/view.mjs";
import { table } from "../../examples/trading-bot/summary.mjs";
import { useColours } from "../../examples/trading-bot/terminal.mjs";

const SIZES = [
  [62, 24],
  [80, 24],
  [100, 35],
] as const;

const alerts = { due: 1234, given: 1234, sent: 1000, counted: 234, failed: 0, dropped: 0, pending: 0 };

/** What the program says of itself when every number is as long as it gets in a demo of some minutes. */
function status(state: string) {
  return {
    type: "status",
    stream: {
      state,
      uptime: state === "connected" ? 123.4 : null,
      messagesReceived: 12_345,
      doubles: 123,
      failedAttempts: 12,
      droppedReceived: 0,
    },
    limiter: { tokens: 1.5, burst: 2 },
    candles: { stored: 12_345, rest: 1234, known: 12, streamTwice: 0 },
    gaps: { gaps: 123, filled: 121, requests: 1234, open: state === "connected" ? 0 : 12 },
    prices: { BTCUSDT: 64_000 + Math.random(), ETHUSDT: 3100.25 },
    nextHandover: 59.9,
    alerts,
    trades: 2000,
    tradesTwice: 0,
    garbage: 11,
    isCurrent: state === "connected",
  };
}

const exchange = {
  type: "exchange",
  stream: {
    opened: 12,
    refused: 12,
    closedByMaintenance: 0,
    doubled: 12,
    candles: 1,
    trades: 2000,
    garbage: 11,
  },
  rest: { seen: 1234, failed: 12, throttled: 0, busiestSecond: 9, candles: 1 },
  subscribed: 1,
};

const counts = { requests: 12, throttled: 1, failed: 1, duringPause: 0 };

let now: number;
let story: MarketStory;
beforeEach(() => {
  now = 1000;
  vi.spyOn(performance, "now").mockImplementation(() => now);
  useColours(true);
  story = new MarketStory(schedule(false), true, () => {});
  story.begin();
  story.fromExchange(exchange);
  story.fromMain(status("connected"));
  story.fromService({ type: "status", status: "alive", alerts });
});

const shown = (columns: number, rows: number): string[] =>
  frame(story, "Ctrl-C shuts down", columns, rows).map((line) => stripVTControlCharacters(line));

function expectWhole(lines: readonly string[], columns: number): void {
  expect(lines.filter((line) => line.length > columns)).toEqual([]);
  expect(lines.filter((line) => line.endsWith("…"))).toEqual([]);
}

describe.each(SIZES)("the screen of the market, %i by %i", (columns, rows) => {
  test("shows every phase without cutting or breaking a line", () => {
    for (const [index] of schedule(false).entries()) {
      for (const state of ["connected", "connecting", "reconnecting"]) {
        story.enter(index, 12);
        for (let count = 0; count < 30; count++) story.fromMain(status(state));
        story.fromMain({ type: "circuit", from: "closed", to: state === "connected" ? "closed" : "open" });
        const lines = shown(columns, rows);
        expectWhole(lines, columns);
        expect(lines.length).toBeLessThanOrEqual(rows);
        expect(lines.join("\n")).toContain(`● ${state.toUpperCase()}`);
      }
    }
  });

  test("shows a program that is silent, one that is gone, and the end", () => {
    story.fromService({ type: "unwell", kind: "frozen", seconds: 1 });
    now += 12_300;
    expect(shown(columns, rows).join("\n")).toMatch(/Program +● SILENT +nothing heard for 12\.3 s/);
    expectWhole(shown(columns, rows), columns);
    story.killed();
    expectWhole(shown(columns, rows), columns);
    story.stopping = true;
    story.ended("market-watch", "SIGKILL");
    expectWhole(shown(columns, rows), columns);
    expectWhole(statusLines(story, columns).map(stripVTControlCharacters), columns);
  });

  test("has a summary that breaks between words", () => {
    story.fromMain({ type: "disconnect", reason: "ping-timeout", code: 1006, wasProactive: false });
    const lines = table(judge(story, [], counts), columns).map(stripVTControlCharacters);
    expect(lines.join("\n")).toContain("of 10 promises held");
    expectWhole(lines, columns);
  });
});

test("a program that is connected, and has had no candle since, is not well yet", () => {
  expect(story.isCalm).toBe(true);
  story.fromMain({ ...status("connected"), isCurrent: false });
  expect(story.isCalm).toBe(false);
});

describe("the verdict on the candles", () => {
  const candle = (time: number, close = 1) => ({ symbol: "BTCUSDT", time, close, via: "stream" }) as const;
  const held = (...stored: ReturnType<typeof candle>[]): unknown => judge(story, stored, counts)[0]?.held;

  beforeEach(() => {
    story.closedCandles = [
      ["BTCUSDT", 0, 1],
      ["BTCUSDT", CANDLE_MS, 1],
    ];
  });

  test("is good when both sides have the same", () => {
    expect(held(candle(CANDLE_MS), candle(0))).toBe(true);
  });

  test.each([
    ["lost", [candle(0)]],
    ["twice", [candle(0), candle(CANDLE_MS), candle(0)]],
    ["with another price", [candle(0), candle(CANDLE_MS, 2)]],
    ["of no exchange", [candle(0), candle(CANDLE_MS), candle(2 * CANDLE_MS)]],
  ])("is bad when one is %s", (_, stored) => {
    expect(held(...stored)).toBe(false);
  });
});

describe("the program's candles", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "candle-store-"));
  const file = path.join(folder, "candles.jsonl");
  const candle = (count: number) => ({ symbol: "BTCUSDT", time: count * CANDLE_MS, close: 1 });
  afterEach(() => fs.rmSync(file, { force: true }));

  test("survive a process that is killed while it writes one", () => {
    const store = new CandleStore(file);
    for (const count of [0, 1]) expect(store.fromStream(candle(count))).toBeUndefined();
    store.close();
    fs.appendFileSync(file, '{"symbol":"BTCU');
    const next = new CandleStore(file);
    expect(next.fromStream(candle(4))).toEqual({
      symbol: "BTCUSDT",
      from: 2 * CANDLE_MS,
      to: 3 * CANDLE_MS,
    });
    next.fromRest([candle(3), candle(2), candle(1)]);
    next.close();
    expect(readCandles(file).map(({ time, via }) => [time / CANDLE_MS, via])).toEqual([
      [0, "stream"],
      [1, "stream"],
      [4, "stream"],
      [3, "rest"],
      [2, "rest"],
    ]);
    expect(next.counts).toEqual({ stream: 1, rest: 2, known: 1, streamTwice: 0 });
  });

  test("tell which gaps an earlier process has left", () => {
    const store = new CandleStore(file);
    for (const count of [0, 3, 4, 6]) store.fromStream(candle(count));
    expect(store.gaps()).toEqual([{ symbol: "BTCUSDT", from: CANDLE_MS, to: 5 * CANDLE_MS }]);
    store.close();
  });
});

describe("a message of the stream", () => {
  test.each([
    "",
    "null",
    "[[]]",
    '{"e":"kline"}',
    '{"e":"kline","s":"__proto__","k":{"t":0,"c":"1"}}',
    '{"e":"kline","s":"BTCUSDT","k":{"t":1e300,"c":"1"}}',
    '{"e":"trade","t":"1"}',
    new ArrayBuffer(4),
  ])("that is none is garbage, without a key", (data) => {
    expect(read(data)).toEqual({ kind: "garbage" });
    expect(keyOf(data)).toBeUndefined();
  });

  test("that two connections deliver has the same key", () => {
    const text = '{"e":"kline","s":"BTCUSDT","k":{"t":400,"c":"1.5","x":true}}';
    expect(read(text)).toEqual({ kind: "candle", candle: { symbol: "BTCUSDT", time: 400, close: 1.5 } });
    expect(keyOf(text)).toBe("BTCUSDT 400");
  });
});
