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
  type Ticket,
} from "../../src/circuit-breaker/machine.js";

const limits: Limits = {
  maxFailures: 2,
  halfOpenMaxCalls: 2,
  halfOpenFailures: 1,
  openFor: (reopenings) => Math.min(30, 10 * 2 ** reopenings),
  probeTimeout: 5,
  trip: undefined,
};

/** Admits a call; fails the test when it is refused. */
function admitted(state: State, now: number): Ticket {
  const ticket = admit(state, limits, now);
  if (ticket === undefined) throw new Error("refused");
  return ticket;
}

const fail = (state: State, now: number, ticket: Ticket = admitted(state, now)): State =>
  settle(state, limits, ticket, "failure", now, 0);
const succeed = (state: State, now: number, ticket: Ticket = admitted(state, now)): State =>
  settle(state, limits, ticket, "success", now, 0);

const opened = (): State => fail(fail(closed(0, limits), 0), 0);
const halfOpen = (): State => elapse(opened(), limits, 10);

describe("a half-open circuit for two", () => {
  test("counts a success and the probe that is still under way against its two", () => {
    const state = halfOpen();
    const first = admitted(state, 10);
    const second = admitted(state, 11);
    expect(admit(state, limits, 11)).toBeUndefined();
    const one = succeed(state, 12, first);
    expect(admit(one, limits, 12)).toBeUndefined();
    expect(one).toMatchObject({
      kind: "half-open",
      successes: 1,
      probes: { size: 1, first: { deadline: 16 } },
    });
    expect(succeed(one, 13, second).kind).toBe("closed");
  });

  test("takes one permit back and keeps the other", () => {
    const state = halfOpen();
    admitted(state, 10);
    const back = settle(state, limits, admitted(state, 11), "ignored", 12, 0);
    expect(back).toMatchObject({ probes: { size: 1, first: { deadline: 15 } }, successes: 0 });
    expect(admitted(back, 12)).toMatchObject({ deadline: 17 });
    expect(back).toMatchObject({ probes: { size: 2, first: { deadline: 15 } } });
  });

  test("opens at the deadline of a probe, not when somebody looks", () => {
    const state = halfOpen();
    admitted(state, 10);
    expect(elapse(state, limits, 1000)).toMatchObject({ kind: "open", until: 15 + 20 });
  });

  test("counts each failed or late probe to the failures", () => {
    const failed = fail(halfOpen(), 11);
    expect(failureCount(failed, 11)).toBe(3);
    const again = elapse(failed, limits, 31);
    admitted(again, 31);
    expect(failureCount(elapse(again, limits, 36), 36)).toBe(4);
  });

  test("keeps no probe twice, in whatever order they go", () => {
    const wide = { ...limits, halfOpenMaxCalls: 4 };
    const state = halfOpen();
    const probes = [10, 11, 12, 13].map((now) => admit(state, wide, now));
    for (const [index, deadline] of [
      [1, 15],
      [0, 17],
      [0, 17],
      [3, 17],
      [2, undefined],
    ] as const) {
      const ticket = probes[index];
      if (ticket !== undefined) settle(state, wide, ticket, "ignored", 14, 0);
      expect(state).toMatchObject({ probes: { first: deadline === undefined ? undefined : { deadline } } });
    }
    expect(state).toMatchObject({ probes: { size: 0 } });
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
      state = fail(elapse(state, limits, now), now);
    }
    expect([...lengths, remaining(state, now)]).toEqual([10, 20, 30, 30]);
    now += 30;
    const well = succeed(succeed(elapse(state, limits, now), now), now);
    expect(remaining(fail(fail(well, now), now), now)).toBe(10);
  });
});

describe("every transition", () => {
  const probed = halfOpen();
  admitted(probed, 10);
  const transitions: readonly (readonly [string, State, State])[] = [
    ["a trip", fail(closed(7, limits), 0), opened()],
    ["half-opening", opened(), halfOpen()],
    ["reopening", halfOpen(), fail(halfOpen(), 11)],
    ["a late probe", probed, elapse(probed, limits, 15)],
    ["closing", halfOpen(), succeed(succeed(halfOpen(), 11), 11)],
    ["isolation", closed(7, limits), isolate(closed(7, limits), 0)],
    ["a reset", opened(), reset(opened(), limits)],
    ["a reset of an isolated circuit", isolate(opened(), 0), reset(isolate(opened(), 0), limits)],
  ];
  test.each(transitions.slice(1))("begins an era that never was: %s", (_what, before, after) => {
    expect(after.era).toBe(before.era + 1);
  });

  test("leaves a closed, healthy circuit as it is, without a copy", () => {
    const state = closed(0, limits);
    expect(succeed(state, 0)).toBe(state);
    expect(settle(state, limits, admitted(state, 0), "ignored", 0, 0)).toBe(state);
    expect(elapse(state, limits, 1e9)).toBe(state);
    expect(admit(state, limits, 0)).toBe(state);
  });

  test("is caused only by results of its own era", () => {
    const old = closed(0, limits);
    for (const state of [opened(), halfOpen(), probed, closed(3, limits)]) {
      expect(fail(state, 11, old)).toBe(state);
      expect(succeed(state, 11, old)).toBe(state);
    }
  });
});
