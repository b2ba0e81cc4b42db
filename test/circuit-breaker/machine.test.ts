import { describe, expect, test } from "vitest";
import {
  admit,
  closed,
  elapse,
  failureCount,
  isolate,
  type Limits,
  remaining,
  reset,
  settle,
  type State,
} from "../../src/circuit-breaker/machine.js";

const limits: Limits = {
  maxFailures: 2,
  halfOpenMaxCalls: 2,
  resetTimeout: { initial: 10, factor: 2, max: 30 },
  probeTimeout: 5,
  trip: undefined,
};

const fail = (state: State, now: number, ticket: State = state): State =>
  settle(state, limits, ticket, "failure", now, 0);
const succeed = (state: State, now: number, ticket: State = state): State =>
  settle(state, limits, ticket, "success", now, 0);

/** A probe more; fails the test when it is refused. */
function probe(state: State, now: number): State {
  const admitted = admit(state, limits, now);
  if (admitted === undefined) throw new Error("refused");
  return admitted;
}

const opened = (): State => fail(fail(closed(0, limits), 0), 0);
const halfOpen = (): State => elapse(opened(), limits, 10);

describe("a half-open circuit for two", () => {
  test("counts a success and the probe that is still under way against its two", () => {
    const first = probe(halfOpen(), 10);
    const second = probe(first, 11);
    expect(admit(second, limits, 11)).toBeUndefined();
    const one = succeed(second, 12, first);
    expect(admit(one, limits, 12)).toBeUndefined();
    expect(one).toMatchObject({ kind: "half-open", successes: 1, probes: [16] });
    expect(succeed(one, 13, second).kind).toBe("closed");
  });

  test("takes one permit back and keeps the other", () => {
    const first = probe(halfOpen(), 10);
    const second = probe(first, 11);
    const back = settle(second, limits, second, "ignored", 12, 0);
    expect(back).toMatchObject({ probes: [15], successes: 0 });
    expect(probe(back, 12)).toMatchObject({ probes: [15, 17] });
  });

  test("opens at the deadline of a probe, not when somebody looks", () => {
    const state = elapse(probe(halfOpen(), 10), limits, 1000);
    expect(state).toMatchObject({ kind: "open", until: 15 + 20 });
  });

  test("counts each failed or late probe to the failures", () => {
    const failed = fail(probe(halfOpen(), 10), 11);
    expect(failureCount(failed, 11)).toBe(3);
    const late = elapse(probe(elapse(failed, limits, 31), 31), limits, 36);
    expect(failureCount(late, 36)).toBe(4);
  });
});

describe("the time a circuit stays open", () => {
  test("grows at each reopening up to its maximum, and starts again after a close", () => {
    let state = opened();
    const lengths: number[] = [];
    let now = 0;
    for (let round = 0; round < 3; round++) {
      lengths.push(remaining(state, now));
      now += remaining(state, now);
      state = fail(probe(elapse(state, limits, now), now), now);
    }
    expect([...lengths, remaining(state, now)]).toEqual([10, 20, 30, 30]);
    now += 30;
    const half = elapse(state, limits, now);
    const first = probe(half, now);
    const second = probe(first, now);
    const well = succeed(succeed(second, now, first), now, second);
    expect(remaining(fail(fail(well, now), now), now)).toBe(10);
  });
});

describe("every transition", () => {
  const first = probe(halfOpen(), 10);
  const second = probe(first, 10);
  const transitions: readonly (readonly [string, State, State])[] = [
    ["a trip", fail(closed(7, limits), 0), opened()],
    ["half-opening", opened(), halfOpen()],
    ["reopening", first, fail(first, 11)],
    ["a late probe", first, elapse(first, limits, 15)],
    ["closing", second, succeed(succeed(second, 11, first), 11, second)],
    ["isolation", closed(7, limits), isolate(closed(7, limits), 0)],
    ["a reset", opened(), reset(opened(), limits)],
    ["a reset of an isolated circuit", isolate(opened(), 0), reset(isolate(opened(), 0), limits)],
  ];
  test.each(transitions.slice(1))("begins an era that never was: %s", (_what, before, after) => {
    expect(after.era).toBe(before.era + 1);
  });

  test("leaves what is closed and well as it is, without a copy", () => {
    const state = closed(0, limits);
    expect(succeed(state, 0)).toBe(state);
    expect(settle(state, limits, state, "ignored", 0, 0)).toBe(state);
    expect(elapse(state, limits, 1e9)).toBe(state);
    expect(admit(state, limits, 0)).toBe(state);
  });

  test("is made by results of its own era alone", () => {
    const old = closed(0, limits);
    for (const state of [opened(), halfOpen(), probe(halfOpen(), 10), closed(3, limits)]) {
      expect(fail(state, 11, old)).toBe(state);
      expect(succeed(state, 11, old)).toBe(state);
    }
  });
});
