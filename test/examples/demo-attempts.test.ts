import { beforeEach, describe, expect, test, vi } from "vitest";
import { Attempts } from "../../examples/trading-bot/attempts.mjs";

const DEADLINE = 800;

let now: number;
let attempts: Attempts;
beforeEach(() => {
  now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => now);
  attempts = new Attempts({ ratio: 0.1, minPerSecond: 0.2 });
});

/** A call whose attempts begin at these times after it. */
function call(...starts: readonly number[]): void {
  const called = attempts.called();
  for (const [index, start] of starts.entries()) {
    now = called + start;
    attempts.begins(called, index + 1, DEADLINE);
  }
}

describe("what the bot of the demo measures by itself", () => {
  test("an attempt is late that begins after the deadline of its call", () => {
    call(0, 400, DEADLINE);
    expect(attempts.counts).toMatchObject({ attempts: 3, late: 0 });
    call(0, 400, DEADLINE + 6);
    expect(attempts.counts).toMatchObject({ calls: 2, attempts: 6, retries: 4, late: 1 });
    expect(attempts.latest).toEqual({ start: DEADLINE + 6, deadline: DEADLINE });
  });

  test("retries above the share of the calls and the floor are over the budget", () => {
    for (let calls = 0; calls < 20; calls++) call(0);
    for (let calls = 0; calls < 4; calls++) call(0, 10);
    expect(attempts.counts).toMatchObject({ retries: 4, overBudget: 0 });
    call(0, 10);
    expect(attempts.counts).toMatchObject({ retries: 5, overBudget: 1 });
    expect(attempts.busiest).toEqual({ retries: 5, allowed: 4.5 });
  });

  test("retries and calls are forgotten with their window", () => {
    call(0, 10, 20);
    now = 20_000;
    call(0, 10, 20);
    expect(attempts.counts).toMatchObject({ retries: 4, overBudget: 0 });
    expect(attempts.busiest).toEqual({ retries: 2, allowed: 2.1 });
  });
});
