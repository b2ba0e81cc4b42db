import { expect, it } from "vitest";
import { OneAtATime } from "../../src/heartbeat/one-at-a-time.js";

interface Run {
  readonly end: () => void;
  readonly fail: (error: Error) => void;
}

function jobs(): { readonly runs: Run[]; readonly queue: OneAtATime; readonly most: () => number } {
  const runs: Run[] = [];
  let now = 0;
  let most = 0;
  const queue = new OneAtATime(() => {
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
  return { runs, queue, most: () => most };
}

it("all who ask during a run share one more run", async () => {
  const { runs, queue, most } = jobs();
  const first = queue.run();
  const waiting = [queue.run(), queue.run(), queue.run()];
  expect(runs).toHaveLength(1);
  runs[0]?.end();
  // The first run is over and the second has not begun: the place is not free in between.
  waiting.push(queue.run());
  await first;
  expect(queue.busy).toBe(true);
  expect(runs).toHaveLength(2);
  runs[1]?.end();
  await Promise.all(waiting);
  expect(runs).toHaveLength(2);
  expect(queue.busy).toBe(false);
  expect(most()).toBe(1);
});

it("a failed run fails those who asked for it and not the next", async () => {
  const { runs, queue } = jobs();
  const first = queue.run();
  const second = queue.run();
  runs[0]?.fail(new Error("disk full"));
  await expect(first).rejects.toThrow("disk full");
  runs[1]?.end();
  await expect(second).resolves.toBeUndefined();
  expect(queue.busy).toBe(false);
});
