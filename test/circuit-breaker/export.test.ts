import { describe, expect, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import type { CircuitBreakerOptions } from "../../src/circuit-breaker/options.js";
import { failureRate } from "../../src/circuit-breaker/rates.js";
import { ManualClock } from "../../src/testing/index.js";

const down = new Error("down");
const make = (clock: ManualClock, options: CircuitBreakerOptions = {}): CircuitBreaker =>
  new CircuitBreaker({
    clock,
    maxFailures: 2,
    resetTimeout: { initial: 10, factor: 2, max: 60 },
    ...options,
  });
const fail = (breaker: CircuitBreaker): void => breaker.tryPermit()?.failure(down);
const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe("the exported state of a circuit", () => {
  test("brings failures so far to another process", () => {
    const before = make(new ManualClock());
    fail(before);
    const after = make(new ManualClock());
    after.restore(throughJson(before.export()));
    expect(after).toMatchObject({ state: "closed", failureCount: 1 });
    fail(after);
    expect(after.state).toBe("open");
  });

  test("keeps an open circuit open for the rest of its time, by the wall clock in between", async () => {
    const clock = new ManualClock();
    const before = make(clock);
    fail(before);
    fail(before);
    await clock.advance(3);
    const state = throughJson(before.export());
    expect(state).toMatchObject({ state: "open", failureCount: 2, remainingSeconds: 7 });
    const other = new ManualClock();
    other.jumpWall((clock.wallNow() - other.wallNow()) / 1000 + 5);
    const after = make(other);
    after.restore(state);
    expect(after.snapshot()).toMatchObject({ state: "open", remainingSeconds: 2, failureCount: 2 });
    await other.advance(2);
    expect(after.state).toBe("half-open");
  });

  test("is no longer than it was when the wall clock was set back", () => {
    const clock = new ManualClock();
    const before = make(clock);
    fail(before);
    fail(before);
    const state = before.export();
    const other = new ManualClock();
    other.jumpWall(-86_400);
    const after = make(other);
    after.restore(state);
    expect(after.snapshot().remainingSeconds).toBe(10);
  });

  test("goes on growing where it was, and has half-open circuits probe again", async () => {
    const clock = new ManualClock();
    const before = make(clock);
    fail(before);
    fail(before);
    await clock.advance(10);
    fail(before);
    await clock.advance(20);
    expect(before.state).toBe("half-open");
    const after = make(clock);
    after.restore(before.export());
    expect(after.state).toBe("half-open");
    fail(after);
    expect(after.snapshot().remainingSeconds).toBe(40);
  });

  test("is that under an isolation, and is put under one", () => {
    const clock = new ManualClock();
    const before = make(clock);
    fail(before);
    fail(before);
    using _before = before.isolate();
    expect(before.export().state).toBe("open");
    const after = make(clock);
    const isolated = after.isolate();
    after.restore(before.export());
    expect(after.state).toBe("isolated");
    isolated[Symbol.dispose]();
    expect(after.state).toBe("open");
  });

  test("stops counting calls under way, and emits an event", () => {
    const breaker = make(new ManualClock(), { maxFailures: 1 });
    const changes: unknown[] = [];
    breaker.on("stateChange", (change) => changes.push(change));
    const under = breaker.tryPermit();
    const other = make(new ManualClock(), { maxFailures: 1 });
    fail(other);
    breaker.restore(other.export());
    under?.success();
    expect(breaker.state).toBe("open");
    expect(changes).toEqual([{ from: "closed", to: "open", reason: "restored" }]);
  });

  test("leaves the window of a trip rule out", () => {
    const trip = failureRate({ threshold: 0.5, window: { calls: 4 }, minCalls: 2 });
    const before = make(new ManualClock(), { trip });
    fail(before);
    const after = make(new ManualClock(), { trip });
    after.restore(before.export());
    expect(after).toMatchObject({ state: "closed", failureCount: 0 });
  });
});

const good = make(new ManualClock()).export();

test.each([
  [null],
  [undefined],
  ["open"],
  [[]],
  [{}],
  [{ ...good, version: 2 }],
  [{ ...good, state: "half-open" }],
  [{ ...good, failureCount: -1 }],
  [{ ...good, failureCount: "1" }],
  [{ ...good, reopenings: Number.NaN }],
  [{ ...good, remainingSeconds: Infinity }],
  [{ ...good, exportedAt: null }],
])("restore refuses %o, and nothing changes", (state) => {
  const breaker = make(new ManualClock());
  fail(breaker);
  expect(() => breaker.restore(state)).toThrow(TypeError);
  expect(breaker.failureCount).toBe(1);
});

test("a circuit of any age can be restored: more failures than open it leave it closed, one before opening", () => {
  const breaker = make(new ManualClock());
  breaker.restore({ ...good, failureCount: 1000 });
  expect(breaker).toMatchObject({ state: "closed", failureCount: 1 });
});
