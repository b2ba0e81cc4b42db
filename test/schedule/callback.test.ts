import { describe, expect, test } from "vitest";
import { Boundaries } from "../../src/schedule/boundaries.js";
import { everyBoundary, Reached } from "../../src/schedule/boundary-timer.js";
import { Callback } from "../../src/schedule/callback.js";
import { ManualClock } from "../../src/testing/manual-clock.js";

const DAY = 86_400_000;

/** A callback that runs until it is told to go on, and what it was told. */
function running(queues: boolean) {
  const told: [at: number, missed: number][] = [];
  const overruns: number[] = [];
  let end = (): void => {};
  const callback = new Callback(
    ({ boundary, missed }) => {
      told.push([Number(boundary), missed]);
      return new Promise<void>((resolve) => (end = resolve));
    },
    queues,
    { called: () => {}, overrun: (boundary) => overruns.push(Number(boundary)), failed: () => {} },
  );
  const goOn = async (): Promise<void> => {
    end();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { callback, told, overruns, goOn };
}

describe("a boundary during a call", () => {
  test("that is queued is no missed one; of several all but the last are", async () => {
    const { callback, told, overruns, goOn } = running(true);
    for (const at of [1, 2]) callback.due(new Date(at), 0);
    await goOn();
    for (const at of [3, 4, 5]) callback.due(new Date(at), 0);
    await goOn();
    expect(told).toEqual([
      [1, 0],
      [2, 0],
      [5, 2],
    ]);
    expect(overruns).toEqual([2, 3, 4, 5]);
  });

  test("is a missed one, where none is queued", async () => {
    const { callback, told, goOn } = running(false);
    for (const at of [1, 2, 3]) callback.due(new Date(at), 0);
    await goOn();
    callback.due(new Date(4), 3);
    expect(told).toEqual([
      [1, 0],
      [4, 5],
    ]);
  });
});

test("boundaries are told the margin before each", async () => {
  const clock = new ManualClock();
  const start = clock.wallNow();
  const found: unknown[] = [];
  const options = { every: 10_000, margin: 2000, ref: true };
  const boundaries = new Boundaries(options.every, 0, "UTC");
  const timer = everyBoundary(clock, boundaries, options, (boundary, missed) =>
    found.push([(clock.wallNow() - start) / 1000, (boundary - start) / 1000, missed]),
  );
  for (let second = 0; second < 25; second++) await clock.advance(1);
  timer.cancel();
  expect(found).toEqual([
    [8, 10, 0],
    [18, 20, 0],
  ]);
  expect(clock.pendingTimers).toBe(0);
});

test("a clock that is set back by more than a day begins anew, and by no more waits for the next boundary", () => {
  const boundaries = new Boundaries(3_600_000, 0, "UTC");
  const reached = (back: number): number => {
    const known = new Reached(boundaries, 3_600_000, 10 * DAY);
    expect(known.look(10 * DAY - back)).toBeUndefined();
    return known.next;
  };
  expect(reached(DAY)).toBe(10 * DAY + 3_600_000);
  expect(reached(DAY + 1)).toBe(9 * DAY);
});
