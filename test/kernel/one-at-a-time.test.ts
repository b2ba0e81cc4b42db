import { expect, test } from "vitest";
import { oneAtATime } from "../../src/kernel/one-at-a-time.js";

interface Run {
  readonly end: () => void;
  readonly fail: (error: Error) => void;
}

function jobs(): { readonly runs: Run[]; readonly run: () => Promise<void>; readonly most: () => number } {
  const runs: Run[] = [];
  let now = 0;
  let most = 0;
  const run = oneAtATime(() => {
    now++;
    most = Math.max(most, now);
    return new Promise<void>((resolve, reject) => {
      runs.push({
        end: () => {
          now--;
          resolve();
        },
        fail: (error) => {
          now--;
          reject(error);
        },
      });
    });
  });
  return { runs, run, most: () => most };
}

test("all calls during a run share one more run", async () => {
  const { runs, run, most } = jobs();
  const first = run();
  const waiting = [run(), run(), run()];
  expect(runs).toHaveLength(1);
  runs[0]?.end();
  // The first run is over and the second has not begun: the place is not free in between.
  waiting.push(run());
  await first;
  expect(runs).toHaveLength(2);
  runs[1]?.end();
  await Promise.all(waiting);
  expect(runs).toHaveLength(2);
  expect(most()).toBe(1);
  // Nothing is left of them: the next begins at once.
  void run();
  expect(runs).toHaveLength(3);
});

test("a call between two runs does not start a third", async () => {
  const { runs, run, most } = jobs();
  const waiting = [run(), run()];
  runs[0]?.end();
  while (runs.length === 1) {
    waiting.push(run());
    await Promise.resolve();
  }
  expect(waiting.length).toBeGreaterThan(3);
  expect(runs).toHaveLength(2);
  runs[1]?.end();
  await Promise.all(waiting);
  expect(runs).toHaveLength(2);
  expect(most()).toBe(1);
});

test("a failed run rejects the calls that asked for it and not the next one", async () => {
  const { runs, run } = jobs();
  const first = run();
  const second = run();
  runs[0]?.fail(new Error("disk full"));
  await expect(first).rejects.toThrow("disk full");
  runs[1]?.end();
  await expect(second).resolves.toBeUndefined();
});

test("a call from the beginning of a run gets that run, a later one the next run", async () => {
  const asked: Promise<void>[] = [];
  let runs = 0;
  const run = oneAtATime(async () => {
    runs++;
    asked.push(run());
    await Promise.resolve();
    if (runs === 1) asked.push(run());
  });
  const first = run();
  expect(runs).toBe(1);
  await first;
  await Promise.all(asked);
  expect(runs).toBe(2);
  expect(asked).toHaveLength(3);
});

test("a run that fails at once rejects the calls made in it", async () => {
  let inside: Promise<void> | undefined;
  const run = oneAtATime(() => {
    inside = run();
    return Promise.reject(new Error("disk full"));
  });
  await expect(run()).rejects.toThrow("disk full");
  await expect(inside).rejects.toThrow("disk full");
});
