import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HeartbeatState, HeartbeatStatus } from "../../src/heartbeat-file/state.js";
import { decodeState as decode, encodeState } from "../../src/heartbeat-file/state.js";
import { processFate } from "../../src/heartbeat-file/process-identity.js";
import { formatTimestamp, parseTimestamp } from "../../src/heartbeat-file/timestamp.js";

const decodeState = (text: string): HeartbeatState | null => decode(text).state;
const numRuns = Number(process.env["PROPERTY_RUNS"] ?? 1000);

const ours = {
  timestamp: "2026-01-02T03:04:05.678000+00:00",
  pid: 4711,
  hostname: "web-1",
  metadata: { version: "1.0.0", symbols: ["BTC", "ETH"] },
  status: "running",
  interval: 10,
  started_at: "2026-01-02T03:00:00.000000+00:00",
  sequence: 24,
  process_start: "b/1/100",
};

const states: fc.Arbitrary<HeartbeatState> = fc.record(
  {
    timestamp: fc.integer({ min: 0, max: 4e12 }).map(formatTimestamp),
    pid: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    hostname: fc.string(),
    metadata: fc
      .dictionary(fc.string(), fc.jsonValue())
      .map((value): HeartbeatState["metadata"] => JSON.parse(JSON.stringify(value))),
    status: fc.constantFrom<HeartbeatStatus>("starting", "running", "draining", "frozen", "stopped"),
    interval: fc.double({ min: 0, minExcluded: true, max: 365 * 86_400, noNaN: true }),
    startedAt: fc.integer({ min: 0, max: 4e12 }).map(formatTimestamp),
    sequence: fc.nat(),
    processStart: fc.string(),
  },
  { requiredKeys: ["timestamp", "pid", "hostname", "metadata"], noNullPrototype: true },
);

describe("the text of a state", () => {
  test("is one line of JSON with snake_case keys", () => {
    const state = decodeState(JSON.stringify(ours));
    expect(state).toEqual({
      timestamp: ours.timestamp,
      pid: 4711,
      hostname: "web-1",
      metadata: ours.metadata,
      status: "running",
      interval: 10,
      startedAt: ours.started_at,
      sequence: 24,
      processStart: "b/1/100",
    });
    const text = state === null ? "" : encodeState(state);
    expect(JSON.parse(text)).toEqual(ours);
    expect(text.indexOf("\n")).toBe(text.length - 1);
  });

  test("is read back as it was", () => {
    fc.assert(
      fc.property(states, (state) => {
        expect(decodeState(encodeState(state))).toStrictEqual(state);
      }),
      { numRuns },
    );
  });

  test("is read from the original's four fields", () => {
    const { timestamp, pid, hostname, metadata } = ours;
    expect(decodeState(JSON.stringify({ timestamp, pid, hostname, metadata }))).toEqual({
      timestamp,
      pid,
      hostname,
      metadata,
    });
    expect(decodeState(JSON.stringify({ timestamp, pid, hostname }))?.metadata).toEqual({});
  });

  test("may hold the numbers that Python writes and JSON lacks", () => {
    const text =
      '{"timestamp": "2026-01-02T03:04:05+00:00", "pid": 1, "hostname": "NaN \\" -Infinity", "metadata": {"a": NaN, "b": -Infinity, "c": [Infinity]}}';
    expect(decodeState(text)).toMatchObject({
      hostname: 'NaN " -Infinity',
      metadata: { a: null, b: null, c: [null] },
    });
  });

  test("gives a frozen state", () => {
    const state = decodeState(JSON.stringify(ours));
    expect(Object.isFrozen(state)).toBe(true);
    expect(Object.isFrozen(state?.metadata)).toBe(true);
    expect(Object.isFrozen(state?.metadata["symbols"])).toBe(true);
  });

  test.each<[string, object]>([
    ["no timestamp", { timestamp: undefined }],
    ["a timestamp without an offset", { timestamp: "2026-01-02T03:04:05.678000" }],
    ["a date alone", { timestamp: "2026-01-02" }],
    ["a timestamp that is no date", { timestamp: "2026-13-02T03:04:05+00:00" }],
    ["a timestamp as a number", { timestamp: 1_767_323_045 }],
    ["no pid", { pid: undefined }],
    ["a pid of 0, which would be a process group", { pid: 0 }],
    ["a negative pid", { pid: -4711 }],
    ["a fractional pid", { pid: 1.5 }],
    ["a pid beyond 31 bits", { pid: 2 ** 31 }],
    ["a pid as a string", { pid: "4711" }],
    ["a hostname of the wrong type", { hostname: 1 }],
    ["metadata as an array", { metadata: [] }],
    ["metadata as a string", { metadata: "x" }],
    ["an unknown status", { status: "crashed" }],
    ["a status of the wrong type", { status: 1 }],
    ["an interval of 0", { interval: 0 }],
    ["a negative interval", { interval: -10 }],
    ["an interval above a year", { interval: 366 * 86_400 }],
    ["an interval as a string", { interval: "10" }],
    ["a timestamp of a day that its month has not", { timestamp: "2025-02-31T03:04:05+00:00" }],
    ["started_at of a day that its month has not", { started_at: "2025-04-31T03:04:05+00:00" }],
    ["started_at that is no time", { started_at: "yesterday" }],
    ["a negative sequence", { sequence: -1 }],
    ["a fractional sequence", { sequence: 0.5 }],
    ["process_start of the wrong type", { process_start: 5 }],
  ])("is no state with %s", (_what, change) => {
    expect(decodeState(JSON.stringify({ ...ours, ...change }))).toBeNull();
  });

  test.each(["timestamp", "pid", "started_at", "sequence", "interval"])(
    "is not a state when its %s is too large for a number",
    (key) => {
      for (const number of ["1e309", "-1e309"]) {
        const text = JSON.stringify({ ...ours, [key]: 0 }).replace(`"${key}":0`, `"${key}":${number}`);
        expect(text).toContain(number);
        expect(decodeState(text)).toBeNull();
      }
    },
  );

  test.each(["", " ", "null", "[]", "5", '"x"', "{", "{}", "\0\0\0\0", '{"timestamp":', "NaN", '{"a":"\\'])(
    "is not a state when it is %j",
    (text) => {
      expect(decodeState(text)).toBeNull();
    },
  );

  test("may have null for an optional field, which then counts as missing", () => {
    const state = decodeState(JSON.stringify({ ...ours, status: null, interval: null, metadata: null }));
    expect(state).not.toHaveProperty("status");
    expect(state).not.toHaveProperty("interval");
    expect(state?.metadata).toEqual({});
  });

  test("never makes decoding throw, for any bytes", () => {
    const bytes = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array).toString("utf8"));
    const cut = fc.tuple(states, fc.nat(), fc.string({ maxLength: 3 })).map(([state, at, noise]) => {
      const text = encodeState(state);
      const place = at % text.length;
      return text.slice(0, place) + noise;
    });
    fc.assert(
      fc.property(fc.oneof(bytes, cut, fc.json(), fc.string()), (text) => {
        expect(() => decodeState(text)).not.toThrow();
      }),
      { numRuns },
    );
  });

  test("is not a state when it is cut off anywhere", () => {
    const text = JSON.stringify(ours);
    for (let end = 0; end < text.length; end++) expect(decodeState(text.slice(0, end))).toBeNull();
  });

  test("of a hostile size or depth is decoded in linear time and without recursion", () => {
    expect(decodeState(`{"metadata":NaN,"x":"${'\\"'.repeat(500_000)}`)).toBeNull();
    expect(decodeState("[".repeat(1_000_000))).toBeNull();
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const text = JSON.stringify({ ...ours, metadata: { deep: 0 } }).replace('"deep":0', `"deep":${deep}`);
    expect(decode(text)).toEqual({ state: null, reason: "nested deeper than 100 levels" });
  });

  test("is pure ASCII, and the same data for every reader", () => {
    const hostname = "Zürich-\u{1F600}-\u2028-\uD800-\u007F";
    const state: HeartbeatState = {
      timestamp: ours.timestamp,
      pid: 1,
      hostname,
      metadata: { ключ: [hostname] },
    };
    const text = encodeState(state);
    expect(text).toMatch(/^[\0-\x7F]+$/);
    expect(text).toContain(String.raw`Z\u00fcrich-\ud83d\ude00-\u2028`);
    expect(decodeState(text)).toEqual(state);
  });

  test.each([
    [
      "the example bot's own",
      { status: "running", heartbeat_sessions: 1, error: null, last_candle_time: null },
      "running",
    ],
    ["that bot's in trouble", { status: "error", error: "no candles", candles_received: 12 }, undefined],
    ["that bot's at its end", { status: "stopped" }, "stopped"],
    ["without metadata", { metadata: undefined }, undefined],
  ])("is read from a file of the original's examples, which names no host: %s", (_what, more, status) => {
    const { timestamp, pid } = ours;
    const state = decodeState(JSON.stringify({ timestamp, pid, metadata: {}, ...more }));
    expect(state).toEqual({
      timestamp,
      pid,
      hostname: "",
      metadata: {},
      ...(status === undefined ? {} : { status }),
    });
    for (const fate of [state === null ? undefined : processFate(state, Date.now())])
      expect(fate).toBe("unknown");
  });
});

describe("a timestamp", () => {
  test.each<[number, string]>([
    [Date.UTC(2026, 0, 2, 3, 4, 5, 678), "2026-01-02T03:04:05.678000+00:00"],
    [Date.UTC(2026, 0, 2, 3, 4, 5), "2026-01-02T03:04:05.000000+00:00"],
    [Date.UTC(2026, 0, 2, 3, 4, 5, 1) + 0.25, "2026-01-02T03:04:05.001250+00:00"],
    [-1, "1969-12-31T23:59:59.999000+00:00"],
  ])("of %d is %s", (wall, text) => {
    expect(formatTimestamp(wall)).toBe(text);
    expect(parseTimestamp(text)).toBe(Math.floor(wall));
  });

  test.each<[string, number]>([
    ["2026-01-02T03:04:05+00:00", Date.UTC(2026, 0, 2, 3, 4, 5)],
    ["2026-01-02T03:04:05Z", Date.UTC(2026, 0, 2, 3, 4, 5)],
    ["2026-01-02 03:04:05.5+00:00", Date.UTC(2026, 0, 2, 3, 4, 5, 500)],
    ["2026-01-02T03:04:05.123456-05:30", Date.UTC(2026, 0, 2, 8, 34, 5, 123)],
    ["2026-01-02T03:04:05", Number.NaN],
    ["Fri Jan 02 2026", Number.NaN],
    ["2026-01-02T25:04:05Z", Number.NaN],
    ["2025-02-31T00:00:00+00:00", Number.NaN],
    ["2025-02-29T00:00:00+00:00", Number.NaN],
    ["2024-02-29T23:00:00-05:00", Date.UTC(2024, 2, 1, 4)],
    ["2025-04-31T00:00:00+00:00", Number.NaN],
    ["2025-00-10T00:00:00Z", Number.NaN],
    ["2025-01-01T00:00:00+24:00", Number.NaN],
    ["", Number.NaN],
  ])("%j is read as %d", (text, wall) => {
    expect(parseTimestamp(text)).toBe(wall);
  });
});
