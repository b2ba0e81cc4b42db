import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { simulate } from "../../bench/simulations/overload.mjs";
import { type AlgorithmName, algorithms } from "../../src/policies/adaptive-limiter/algorithms.js";
import { Estimate } from "../../src/policies/adaptive-limiter/estimate.js";
import { Freezes } from "../../src/policies/adaptive-limiter/freezes.js";
import {
  boundedState,
  firstState,
  type LimitState,
  nextState,
} from "../../src/policies/adaptive-limiter/limit.js";
import { SampleWindow } from "../../src/policies/adaptive-limiter/window.js";
import { ManualClock } from "../../src/testing/index.js";

const NAMES: readonly AlgorithmName[] = ["gradient", "vegas", "aimd"];
const learnt = (limit: number): LimitState => ({
  limit,
  minRtt: 100,
  untilMeasured: 60,
  measuring: undefined,
});

describe("the algorithms, by hand", () => {
  test.each([
    // L, rtt, dropped, minRtt, L'
    ["gradient", 100, 100, false, 100, 100 + 0.5 * (5 + 5)],
    ["gradient", 100, 210, false, 100, 100 + 0.5 * (50 + 5 - 100)],
    ["gradient", 100, 900, false, 100, 100 + 0.5 * (50 + 5 - 100)],
    ["gradient", 100, 105, false, 100, 102.5],
    ["gradient", 100, 100, true, 100, 90],
    ["gradient", 100, 900, true, 100, 77.5],
    ["vegas", 20, 100, false, 100, 26],
    ["vegas", 20, 100 / 0.95, false, 100, 26],
    ["vegas", 20, 100 / 0.9, false, 100, 21],
    ["vegas", 20, 100 / 0.85, false, 100, 20],
    ["vegas", 20, 100 / 0.7, false, 100, 20],
    ["vegas", 100, 100 / 0.96, false, 100, 102],
    ["vegas", 100, 100 / 0.9, false, 100, 100],
    ["vegas", 20, 125, false, 100, 20],
    ["vegas", 20, 200, false, 100, 19],
    ["vegas", 20, 100, true, 100, 19],
    ["vegas", 1000, 100, false, 100, 1018],
    ["vegas", 1000, 200, false, 100, 997],
    ["aimd", 20, 100, false, 100, 21],
    ["aimd", 20, 5000, false, 100, 21],
    ["aimd", 20, 5001, false, 100, 18],
    ["aimd", 20, 100, true, 100, 18],
  ] as const)(
    "%s of %d at %d ms (dropped: %s; %d ms without a queue)",
    (name, limit, rtt, dropped, minRtt, next) => {
      expect(algorithms[name](limit, { rtt, inFlight: limit, dropped }, minRtt)).toBeCloseTo(next, 9);
    },
  );
});

describe("the limit", () => {
  const sample = fc.record({
    rtt: fc.double({ min: 0.1, max: 60_000, noNaN: true }),
    inFlight: fc.integer({ min: 1, max: 300 }),
    dropped: fc.boolean(),
  });

  test.each(NAMES)("%s stays within min and max in any case", (algorithm) => {
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 200 }), (samples) => {
        const bounds = { algorithm, min: 3, max: 150 };
        let state = firstState(20);
        for (const one of samples) {
          state = nextState(state, one, bounds);
          expect(state.limit).toBeGreaterThanOrEqual(3);
          expect(state.limit).toBeLessThanOrEqual(150);
        }
      }),
    );
  });

  test.each(NAMES)("%s: is lowered by a window with a drop", (algorithm) => {
    fc.assert(
      fc.property(fc.double({ min: 2, max: 200, noNaN: true }), sample, (limit, one) => {
        const bounds = { algorithm, min: 1, max: 200 };
        expect(nextState(learnt(limit), { ...one, dropped: true }, bounds).limit).toBeLessThan(limit);
      }),
    );
  });

  test.each(NAMES)("%s: is not changed by a window with fewer calls than half of it", (algorithm) => {
    const bounds = { algorithm, min: 1, max: 200 };
    for (const rtt of [50, 100, 1000])
      expect(nextState(learnt(50), { rtt, inFlight: 24, dropped: false }, bounds).limit).toBe(50);
  });

  test.each(NAMES)("%s: is changed by a window with half as many calls", (algorithm) => {
    const bounds = { algorithm, min: 1, max: 200 };
    expect(nextState(learnt(50), { rtt: 100, inFlight: 25, dropped: false }, bounds).limit).toBeGreaterThan(
      50,
    );
  });

  test("aimd needs no minRtt", () => {
    const bounds = { algorithm: "aimd", min: 1, max: 200 } as const;
    const state = nextState(firstState(20), { rtt: 100, inFlight: 20, dropped: false }, bounds);
    expect(state).toEqual({ ...firstState(20), limit: 21 });
  });

  test("minRtt is the lowest latency under a light load", () => {
    const bounds = { algorithm: "gradient", min: 1, max: 200 } as const;
    const light = (state: LimitState, rtt: number): number | undefined =>
      nextState(state, { rtt, inFlight: 1, dropped: false }, bounds).minRtt;
    expect([light(firstState(50), 80), light(learnt(50), 80), light(learnt(50), 120)]).toEqual([80, 80, 100]);
  });

  test("its measurement ends at min, or when the latency falls by 15 % or less", () => {
    const bounds = { algorithm: "gradient", min: 100, max: 1000 } as const;
    const measuring = (limit: number): LimitState => ({
      ...firstState(limit),
      measuring: { limit: 2 * limit, rtt: 200 },
    });
    const measured = { untilMeasured: 60, measuring: undefined };
    const seen = (limit: number, rtt: number): LimitState =>
      nextState(measuring(limit), { rtt, inFlight: limit, dropped: false }, bounds);
    expect(seen(100, 100)).toEqual({ limit: 100, minRtt: 100, ...measured });
    expect(seen(200, 170)).toEqual({ limit: 400, minRtt: 170, ...measured });
    expect(seen(200, 169)).toMatchObject({ limit: 100, measuring: { limit: 200, rtt: 169 } });
  });

  test("minRtt is measured under half of the limit, as long as that lowers the latency", () => {
    const bounds = { algorithm: "gradient", min: 1, max: 1000 } as const;
    const seen = (state: LimitState, rtt: number): LimitState =>
      nextState(state, { rtt, inFlight: 1000, dropped: false }, bounds);
    let state = seen(firstState(400), 400);
    expect(state).toMatchObject({ limit: 200, minRtt: undefined, measuring: { limit: 400, rtt: 400 } });
    state = seen(state, 200);
    expect(state).toMatchObject({ limit: 100, measuring: { limit: 200, rtt: 200 } });
    state = seen(state, 100);
    expect(state).toMatchObject({ limit: 50, measuring: { limit: 100, rtt: 100 } });
    state = seen(state, 100);
    expect(state).toEqual({ limit: 100, minRtt: 100, untilMeasured: 60, measuring: undefined });
    for (let window = 0; window < 60; window++) {
      state = seen(state, 110);
      expect(state.measuring).toBeUndefined();
    }
    expect(seen(state, 110).measuring).toBeDefined();
  });
});

describe("other bounds", () => {
  test("hold also for the limit from which it goes on after a measurement", () => {
    const bounds = { algorithm: "gradient", min: 1, max: 1000 } as const;
    const lower = { ...bounds, max: 80 };
    const one = { rtt: 100, inFlight: 1000, dropped: false };
    const measured = boundedState(nextState(firstState(400), one, bounds), lower);
    expect(measured).toMatchObject({ limit: 80, measuring: { limit: 400, rtt: 100 } });
    expect(nextState(measured, one, lower)).toMatchObject({ limit: 80, minRtt: 100 });
  });

  test("begin a window anew when they change the limit", () => {
    const estimate = new Estimate(50, { algorithm: "aimd", min: 1, max: 100 });
    const calls = (count: number, now: number): void => {
      for (let call = 0; call < count; call++) estimate.ended(now, 2000, 50, false);
    };
    calls(9, 2000);
    estimate.bound({ algorithm: "aimd", min: 1, max: 200 }, 2000);
    calls(1, 2000);
    expect(estimate.limit).toBe(51);
    calls(9, 4000);
    estimate.bound({ algorithm: "aimd", min: 1, max: 20 }, 4000);
    calls(1, 5500);
    expect(estimate.limit).toBe(20);
    estimate.bound({ algorithm: "aimd", min: 1, max: 30 }, 5500);
    calls(9, 5500);
    expect(estimate.limit).toBe(21);
  });
});

describe("a window", () => {
  test("has at least 10 calls and 1 s, their average and the most in flight", () => {
    const window = new SampleWindow();
    for (let call = 1; call < 10; call++)
      expect(window.add(call * 500, 100 + call, call, false)).toBeUndefined();
    expect(window.add(5000, 110, 4, true)).toEqual({ rtt: 105.5, inFlight: 9, dropped: true });
    for (let call = 0; call < 20; call++) expect(window.add(5100, 100, 1, false)).toBeUndefined();
    expect(window.add(6000, 100, 1, false)).toEqual({ rtt: 100, inFlight: 1, dropped: false });
  });

  test("begins when its first call began, and has no drop unless a call was dropped", () => {
    const window = new SampleWindow();
    for (let call = 1; call < 10; call++) expect(window.add(600, 500, 1, false)).toBeUndefined();
    expect(window.add(1100, 500, 1, false)).toEqual({ rtt: 500, inFlight: 1, dropped: false });
  });

  test("counts calls from 0.1 ms", () => {
    const window = new SampleWindow();
    for (let call = 1; call < 10; call++) expect(window.add(call, 0.1, 1, false)).toBeUndefined();
    expect(window.add(2000, 0.1, 1, false)?.inFlight).toBe(1);
  });

  test("leaves out calls that cannot have reached a service", () => {
    const window = new SampleWindow();
    for (let call = 0; call < 100; call++) expect(window.add(call * 100, 0.05, 1, false)).toBeUndefined();
  });
});

describe("Freezes", () => {
  test("knows a block before and after its late timer has fired, for every call that spans it", async () => {
    const clock = new ManualClock();
    let isNeeded = true;
    const freezes = new Freezes(clock, () => isNeeded);
    freezes.watch(0);
    await clock.advance("100ms");
    expect(freezes.between(0, 100)).toBe(false);
    clock.sleepSync(50);
    expect(freezes.between(90, 150)).toBe(true);
    await clock.advance("40ms");
    expect(freezes.between(90, 190)).toBe(true);
    expect(freezes.between(151, 190)).toBe(false);
    clock.sleepSync(50);
    await clock.advance(0);
    expect(freezes.between(180, 240)).toBe(true);
    isNeeded = false;
    await clock.advance("100ms");
    expect(clock.pendingTimers).toBe(0);
    expect(freezes.between(300, 340)).toBe(false);
  });
});

interface Simulated {
  readonly trace: readonly number[];
  readonly good: number;
}

describe("a simulated service under three times its load", () => {
  const CAPACITY = 20;
  const HALVED = 60;
  const run = (limit: object): Simulated =>
    (simulate as (options: object) => Simulated)({
      limit,
      seconds: 100,
      capacity: (now: number) => (now < HALVED * 1000 ? CAPACITY : CAPACITY / 2),
    });
  const within = (limit: number, capacity: number): boolean => Math.abs(limit / capacity - 1) <= 0.25;

  test.each([CAPACITY / 10, CAPACITY * 10])("its capacity is found from %d, and followed", (initial) => {
    const { trace, good } = run(new Estimate(initial, { algorithm: "gradient", min: 1, max: 1000 }));
    expect(within(trace[55] ?? 0, CAPACITY)).toBe(true);
    expect(trace.slice(HALVED, HALVED + 30).some((limit) => within(limit, CAPACITY / 2))).toBe(true);
    expect(Math.min(...trace)).toBeGreaterThanOrEqual(1);
    const fixed = run({ limit: CAPACITY * 10, ended() {} });
    expect(good / fixed.good).toBeGreaterThan(1.5);
  });
});
