import { describe, expect, test } from "vitest";
import { Health } from "../../src/health/health.js";
import { Bulkhead } from "../../src/policies/bulkhead/bulkhead.js";
import { Hedge } from "../../src/policies/hedge/hedge.js";
import { Timeout } from "../../src/policies/timeout/timeout.js";
import { Script } from "../../src/redis/store/script.js";
import { Store } from "../../src/redis/store/store.js";
import type { StoreClient } from "../../src/redis/store/store-client.js";
import { ManualClock } from "../../src/testing/manual-clock.js";

/** Starts what waits a second for `answer`; resolves to whether it came in time. */
type Waiting = (clock: ManualClock, answer: Promise<string>) => Promise<boolean>;

const SECOND = 1000;

const came = (result: Promise<unknown>): Promise<boolean> =>
  result.then(
    () => true,
    () => false,
  );

const all: readonly (readonly [string, Waiting])[] = [
  ["Timeout", (clock, answer) => came(new Timeout({ timeout: 1, clock }).execute(() => answer))],
  [
    "the queue of a Bulkhead",
    (clock, answer) => {
      const bulkhead = new Bulkhead({ maxConcurrent: 1, maxQueue: 1, queueTimeout: 1, clock });
      void bulkhead.execute(() => answer);
      return came(bulkhead.execute(() => "next"));
    },
  ],
  [
    "a Hedge",
    async (clock, answer) => {
      const hedge = new Hedge({ delay: 1, clock });
      await hedge.execute(() => answer);
      return hedge.stats.hedges === 0;
    },
  ],
  [
    "a health check",
    async (clock, answer) => {
      const health = new Health({ clock, checkTimeout: 1 });
      health.addCheck("database", () => answer.then(() => true));
      return (await health.readiness()).ok;
    },
  ],
  [
    "a call of Redis",
    (clock, answer) => {
      const client: StoreClient = {
        isCluster: false,
        isReady: true,
        run: () => answer,
        subscribe: () => Promise.reject(new Error("not here")),
      };
      return came(new Store(client, { storeTimeout: SECOND, clock }).run(new Script("return 1"), ["a"], []));
    },
  ],
];

describe.each(all)("%s, while the thread is frozen", (_name, wait) => {
  /** What the event loop comes to between the late timer and the next one. */
  function loop(clock: ManualClock, between: () => void): void {
    const setTimer = clock.setTimer.bind(clock);
    clock.setTimer = (callback, delay) => {
      if (delay === 0) between();
      return setTimer(callback, delay);
    };
  }

  test("takes an answer that has come meanwhile", async () => {
    const clock = new ManualClock();
    let answer: (text: string) => void = () => {};
    const waiting = wait(clock, new Promise((resolve) => (answer = resolve)));
    await clock.advance(0);
    loop(clock, () => answer("come"));
    clock.sleepSync(5 * SECOND);
    await clock.advance(0);
    answer("too late");
    expect(await waiting).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  test("waits no longer for one that has not", async () => {
    const clock = new ManualClock();
    let answer: (text: string) => void = () => {};
    const waiting = wait(clock, new Promise((resolve) => (answer = resolve)));
    await clock.advance(0);
    clock.sleepSync(5 * SECOND);
    await clock.advance(0);
    answer("too late");
    expect(await waiting).toBe(false);
  });
});
