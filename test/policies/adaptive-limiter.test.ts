import { describe, expect, test } from "vitest";
import {
  AdaptiveLimiter,
  adaptiveLimiter,
  type AdaptiveLimiterOptions,
  BulkheadFullError,
  TimeoutExceededError,
} from "../../src/index.js";
import { delay } from "../../src/kernel/delay.js";
import { ManualClock } from "../../src/testing/index.js";

const failed = (reason: unknown): unknown => reason;

/** Keeps `atOnce` calls of 200 ms under way for some seconds. */
async function run(
  limiter: AdaptiveLimiter,
  clock: ManualClock,
  seconds: number,
  atOnce: number,
  fails?: () => unknown,
): Promise<void> {
  for (let round = 0; round < seconds * 5; round++) {
    const work = async (): Promise<void> => {
      await delay(clock, 200, undefined);
      if (fails !== undefined) throw fails();
    };
    const calls = Array.from({ length: atOnce }, () => limiter.execute(work).catch(failed));
    await clock.advance("200ms");
    await Promise.all(calls);
  }
}

const AIMD: AdaptiveLimiterOptions = { algorithm: "aimd", initial: 10, max: 100 };

describe("AdaptiveLimiter", () => {
  test("its limit rises while calls succeed, and falls when they time out", async () => {
    const clock = new ManualClock();
    const limiter = new AdaptiveLimiter({ ...AIMD, clock });
    const limits: number[] = [];
    limiter.on("limit", ({ limit }) => limits.push(limit));
    await run(limiter, clock, 4, 10);
    expect(limiter.limit).toBeGreaterThan(10);
    const before = limiter.limit;
    await run(limiter, clock, 4, 10, () => new TimeoutExceededError("test", 0.2, 0));
    expect(limiter.limit).toBeLessThan(before);
    expect(limits.at(-1)).toBe(limiter.limit);
    expect(limiter.stats.droppedCalls).toBeGreaterThan(0);
    expect(limiter.running).toBe(0);
  });

  test.each([
    ["other failures", () => new Error("not found")],
    ["refusals", () => new BulkheadFullError("another", "no place")],
    ["timeouts of a blocked thread", () => new TimeoutExceededError("test", 0.2, 0.15)],
  ])("%s say nothing", async (_, fails) => {
    const clock = new ManualClock();
    const limiter = new AdaptiveLimiter({ ...AIMD, clock });
    await run(limiter, clock, 4, 10, fails);
    expect(limiter.limit).toBe(10);
    expect(limiter.stats.droppedCalls).toBe(0);
  });

  test("calls during which this thread was blocked do not change the limit", async () => {
    const clock = new ManualClock();
    const limiter = new AdaptiveLimiter({ ...AIMD, clock });
    for (let round = 0; round < 20; round++) {
      const calls = Array.from({ length: 10 }, () => limiter.execute(() => delay(clock, 200, undefined)));
      await clock.advance("100ms");
      clock.sleepSync(6000);
      await clock.advance("200ms");
      await Promise.all(calls);
    }
    expect(limiter.limit).toBe(10);
  });

  test("dropIf decides; one that throws drops nothing and is reported", async () => {
    const clock = new ManualClock();
    const dropping = new AdaptiveLimiter({ ...AIMD, clock, dropIf: () => true });
    await run(dropping, clock, 4, 10);
    expect(dropping.limit).toBeLessThan(10);
    const warned = new Promise<Error & { code?: string }>((resolve) => process.once("warning", resolve));
    const throwing = new AdaptiveLimiter({
      ...AIMD,
      clock,
      dropIf() {
        throw new Error("mistake");
      },
    });
    await run(throwing, clock, 1, 1);
    expect((await warned).code).toBe("KSTLIB_PREDICATE_FAILED");
    expect(throwing).toMatchObject({ running: 0, limit: 10 });
  });

  test("refuses beyond the limit and serves its queue; a given-up call keeps its permit", async () => {
    const clock = new ManualClock();
    const limiter = new AdaptiveLimiter({ initial: 1, maxQueue: 1, clock });
    const controller = new AbortController();
    const first = limiter
      .execute(() => delay(clock, 100, undefined), { signal: controller.signal })
      .catch(failed);
    const second = limiter.execute(() => "second");
    expect(await limiter.execute(() => "third").catch(failed)).toBeInstanceOf(BulkheadFullError);
    controller.abort("enough");
    expect(await first).toBe("enough");
    expect(limiter.snapshot()).toMatchObject({ running: 1, queued: 1, limit: 1, minRtt: undefined });
    await clock.advance("100ms");
    expect(await second).toBe("second");
    await clock.advance("50ms");
    expect(limiter).toMatchObject({ running: 0, queued: 0 });
    expect(clock.pendingTimers).toBe(0);
  });

  test("measures the latency without a queue, in seconds", async () => {
    const clock = new ManualClock();
    const limiter = new AdaptiveLimiter({ initial: 10, clock });
    await run(limiter, clock, 5, 10);
    expect(limiter.snapshot().minRtt).toBeCloseTo(0.2, 3);
  });

  test("update brings the limit within new bounds at once, keeps what was learnt, and serves those who wait", async () => {
    const clock = new ManualClock();
    const limiter = new AdaptiveLimiter({ initial: 10, clock });
    await run(limiter, clock, 5, 10);
    const { limit, minRtt } = limiter.snapshot();
    expect(minRtt).toBeDefined();
    const changes: unknown[] = [];
    limiter.on("limit", (change) => changes.push(change));
    limiter.update({ max: 2, maxQueue: 5 });
    expect(limiter.snapshot()).toMatchObject({ limit: 2, minRtt });
    const calls = Array.from({ length: 5 }, () => limiter.execute(() => delay(clock, 100, undefined)));
    expect(limiter).toMatchObject({ running: 2, queued: 3 });
    limiter.update({ min: 4, max: 8, maxQueue: 0 });
    expect(limiter).toMatchObject({ limit: 4, running: 4, queued: 1 });
    expect(changes).toEqual([
      { limit: 2, previous: limit },
      { limit: 4, previous: 2 },
    ]);
    expect(await limiter.execute(() => "full").catch(failed)).toBeInstanceOf(BulkheadFullError);
    await clock.advance("1s");
    await Promise.all(calls);
    expect(limiter).toMatchObject({ running: 0, queued: 0 });
  });

  test("update refuses bounds that do not go together, and changes nothing then", () => {
    const limiter = new AdaptiveLimiter({ initial: 10, min: 5, max: 20 });
    expect(() => limiter.update({ max: 4 })).toThrow("max must be at least min, which is 5; got 4");
    expect(() => limiter.update({ min: 21 })).toThrow(RangeError);
    expect(() => limiter.update({ initial: 5 } as object)).toThrow("initial is not an option of update");
    limiter.update({ min: 30, max: 40 });
    expect(limiter.limit).toBe(30);
  });

  test("its wrapper has the policy", async () => {
    const load = adaptiveLimiter({ initial: 3 })(async (n: number) => n + 1);
    expect(load.policy.limit).toBe(3);
    expect(await load(1)).toBe(2);
  });

  const WRONG = [NaN, Infinity, -1, 0, 1.5, "3", null];
  test.each([
    ...WRONG.flatMap((value) => [{ initial: value }, { min: value }, { max: value }]),
    { maxQueue: -1 },
    { algorithm: "bbr" },
    { dropIf: true },
    { clock: {} },
    { max: 5, min: 6 },
    { queueTimeout: 1 },
  ])("refuses %j", (options) => {
    expect(() => new AdaptiveLimiter(options as object)).toThrow(new RegExp(Object.keys(options)[0] ?? ""));
  });
});
