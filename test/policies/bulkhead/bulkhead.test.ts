import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isRefusal } from "../../../src/kernel/refusal.js";
import { Bulkhead } from "../../../src/policies/bulkhead/bulkhead.js";
import { bulkhead, bulkheadSync } from "../../../src/policies/bulkhead/decorators.js";
import { BulkheadFullError } from "../../../src/policies/bulkhead/errors.js";
import type { BulkheadChanges, BulkheadOptions } from "../../../src/policies/bulkhead/options.js";
import { pipeline } from "../../../src/policies/pipeline/pipeline.js";
import { Timeout } from "../../../src/policies/timeout/timeout.js";
import { ManualClock } from "../../../src/testing/index.js";

const caught = (error: unknown): unknown => error;

/** Work that ends when it is told to. */
function task<Value>(value: Value): { run: () => Promise<Value>; end: () => void; isRunning: boolean } {
  const made = {
    isRunning: false,
    end: (): void => {},
    run: (): Promise<Value> => {
      made.isRunning = true;
      return new Promise((resolve) => {
        made.end = () => {
          made.isRunning = false;
          resolve(value);
        };
      });
    },
  };
  return made;
}

describe("a bulkhead", () => {
  test("lets so many in, and refuses the next at once", async () => {
    const limited = new Bulkhead({ name: "api", maxConcurrent: 2 });
    const tasks = [task(1), task(2), task(3)];
    const calls = tasks.map(({ run }) => limited.call(run).catch(caught));
    expect(limited).toMatchObject({ running: 2, queued: 0 });
    const error = await calls[2];
    expect(error).toBeInstanceOf(BulkheadFullError);
    expect(isRefusal(error) && error.retryAfter).toBeUndefined();
    expect(error).toMatchObject({
      code: "ERR_BULKHEAD_FULL",
      message:
        'bulkhead "api" is full, 2 under way and 0 waiting; the call was not made. Use a fallback, or try again later.',
    });
    for (const { end } of tasks) end();
    expect(await Promise.all(calls.slice(0, 2))).toEqual([1, 2]);
    expect(limited.running).toBe(0);
    expect(limited.stats).toEqual({ totalCalls: 3, rejectedCalls: 1, queuedCalls: 0 });
  });

  test("serves those who wait in the order they came", async () => {
    const limited = new Bulkhead({ maxConcurrent: 1, maxQueue: 3 });
    const order: number[] = [];
    const tasks = [1, 2, 3, 4].map((number) => task(number));
    const calls = tasks.map(({ run }, index) =>
      limited.call(() => {
        order.push(index);
        return run();
      }),
    );
    for (const one of tasks) {
      await Promise.resolve();
      await new Promise(setImmediate);
      one.end();
    }
    expect(await Promise.all(calls)).toEqual([1, 2, 3, 4]);
    expect(order).toEqual([0, 1, 2, 3]);
    expect(limited).toMatchObject({ running: 0, queued: 0 });
  });

  test("lets nobody overtake who waits", async () => {
    const limited = new Bulkhead({ maxConcurrent: 1, maxQueue: 1 });
    const first = task(1);
    const call = limited.call(first.run);
    const waiting = limited.call(() => 2);
    expect(limited.tryPermit()).toBeUndefined();
    first.end();
    expect(await Promise.all([call, waiting])).toEqual([1, 2]);
  });

  test("lets a call wait no longer than queueTimeout, or the deadline outside", async () => {
    const clock = new ManualClock();
    const limited = new Bulkhead({ maxConcurrent: 1, maxQueue: 5, queueTimeout: 10, clock });
    const permit = limited.tryPermit();
    const slow = limited.call(() => 1).catch(caught);
    const byDeadline = limited.execute(() => 2, { remaining: 3 }).catch(caught);
    const byTimeout = pipeline(new Timeout({ timeout: 5, clock }), limited)
      .execute(() => 3)
      .catch(caught);
    await clock.advance(3);
    expect(limited.queued).toBe(2);
    await clock.advance(2);
    expect(limited.queued).toBe(1);
    await clock.advance(5);
    expect(limited.queued).toBe(0);
    expect(await slow).toBeInstanceOf(BulkheadFullError);
    expect(await byDeadline).toBeInstanceOf(BulkheadFullError);
    expect(await byTimeout).toMatchObject({ code: "ERR_TIMEOUT_EXCEEDED" });
    permit?.[Symbol.dispose]();
    expect(limited.running).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test("takes who gives up out of the queue at once", async () => {
    const limited = new Bulkhead({ maxConcurrent: 1, maxQueue: 2 });
    const permit = limited.tryPermit();
    const controller = new AbortController();
    let ran = false;
    const given = limited
      .execute(
        () => {
          ran = true;
        },
        { signal: controller.signal },
      )
      .catch(caught);
    controller.abort("enough");
    expect(limited.queued).toBe(0);
    expect(await given).toBe("enough");
    permit?.[Symbol.dispose]();
    expect(ran).toBe(false);
    expect(limited.running).toBe(0);
  });

  test("keeps the place of a call that is given up until its work has settled", async () => {
    const limited = new Bulkhead({ maxConcurrent: 1 });
    const controller = new AbortController();
    const work = task(1);
    const call = limited.execute(work.run, { signal: controller.signal }).catch(caught);
    controller.abort("enough");
    expect(await call).toBe("enough");
    expect(limited.running).toBe(1);
    work.end();
    await new Promise(setImmediate);
    expect(limited.running).toBe(0);
  });

  test.each([
    [
      "throws",
      (): never => {
        throw new Error("mine");
      },
    ],
    ["rejects", () => Promise.reject(new Error("mine"))],
  ])("gets the place back from work that %s", async (_, work: () => unknown) => {
    const limited = new Bulkhead({ maxConcurrent: 1 });
    await expect(limited.call(work)).rejects.toThrow("mine");
    expect(limited.running).toBe(0);
  });

  test("gives a permit, which is counted until it is disposed of, once", () => {
    const limited = new Bulkhead({ maxConcurrent: 1 });
    const permit = limited.tryPermit();
    expect(limited.running).toBe(1);
    expect(limited.tryPermit()).toBeUndefined();
    permit?.[Symbol.dispose]();
    permit?.[Symbol.dispose]();
    expect(limited.running).toBe(0);
  });

  test("never waits with a synchronous function", () => {
    const limited = new Bulkhead({ maxConcurrent: 1, maxQueue: 9 });
    expect(limited.callSync(() => limited.running)).toBe(1);
    expect(() => limited.callSync(() => limited.callSync(() => 1))).toThrow(BulkheadFullError);
    expect(() =>
      limited.callSync(() => {
        throw new Error("mine");
      }),
    ).toThrow("mine");
    expect(limited).toMatchObject({ running: 0, queued: 0 });
  });

  test("takes new limits while calls run and wait", async () => {
    const limited = new Bulkhead({ maxConcurrent: 1, maxQueue: 3 });
    const tasks = [1, 2, 3, 4].map((number) => task(number));
    const calls = tasks.map(({ run }) => limited.call(run));
    limited.update({ maxConcurrent: 3 });
    expect(limited).toMatchObject({ running: 3, queued: 1, maxConcurrent: 3, maxQueue: 3 });
    limited.update({ maxConcurrent: 1, maxQueue: 0 });
    expect(limited).toMatchObject({ running: 3, queued: 1 });
    await expect(limited.call(() => 5)).rejects.toBeInstanceOf(BulkheadFullError);
    await new Promise(setImmediate);
    for (const { end } of tasks.slice(0, 2)) end();
    await new Promise(setImmediate);
    expect(limited).toMatchObject({ running: 1, queued: 1 });
    tasks[2]?.end();
    await new Promise(setImmediate);
    tasks[3]?.end();
    expect(await Promise.all(calls)).toEqual([1, 2, 3, 4]);
  });

  test("tells who listens of each refusal", async () => {
    const limited = new Bulkhead({ maxConcurrent: 1 });
    const told: unknown[] = [];
    limited.on("rejected", ({ error }) => told.push(error));
    using _permit = limited.tryPermit();
    const error = await limited.call(() => 1).catch(caught);
    expect(told).toEqual([error]);
  });

  test("wraps and decorates", async () => {
    const double = bulkhead({ maxConcurrent: 1 })(async (value: number) => value * 2);
    expect(await double(4)).toBe(8);
    expect(double.policy.stats.totalCalls).toBe(1);
    const half = bulkheadSync({ maxConcurrent: 1 })((value: number) => value / 2);
    expect(half(4)).toBe(2);
  });
});

test("never lets in more than it may, and loses no place, whatever comes", async () => {
  const action = fc.oneof(
    fc.constant({ do: "call" as const }),
    fc.constant({ do: "give up" as const }),
    fc.constant({ do: "end" as const }),
    fc.record({ do: fc.constant("limit" as const), max: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ do: fc.constant("wait" as const), seconds: fc.integer({ min: 1, max: 6 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
      const clock = new ManualClock();
      const limited = new Bulkhead({ maxConcurrent: 2, maxQueue: 3, queueTimeout: 5, clock });
      let inside = 0;
      const running: (() => void)[] = [];
      const callers: AbortController[] = [];
      const calls: Promise<unknown>[] = [];
      for (const step of actions) {
        if (step.do === "call") {
          const caller = new AbortController();
          callers.push(caller);
          const work = (): Promise<void> => {
            inside++;
            return new Promise((resolve) => {
              running.push(() => {
                inside--;
                resolve();
              });
            });
          };
          calls.push(limited.execute(work, { signal: caller.signal }).catch(caught));
        } else if (step.do === "give up") callers.shift()?.abort("given up");
        else if (step.do === "end") running.shift()?.();
        else if (step.do === "limit") {
          limited.update({ maxConcurrent: step.max });
        } else await clock.advance(step.seconds);
        await clock.advance(0);
        expect(limited.running).toBe(inside);
        expect(limited.queued).toBeLessThanOrEqual(3);
        expect(limited.queued === 0 || limited.running >= limited.maxConcurrent).toBe(true);
      }
      for (let left = calls.length; left > 0; left--) {
        while (running.length > 0) running.shift()?.();
        await clock.advance(6);
      }
      await Promise.all(calls);
      expect(limited).toMatchObject({ running: 0, queued: 0 });
      expect(clock.pendingTimers).toBe(0);
    }),
    { numRuns: Number(process.env["PROPERTY_RUNS"] ?? 300) },
  );
});

const numbers = [Number.NaN, Infinity, -1, 1.5, "2", null, true, {}, []];

test.each([
  ...[...numbers, 0].map((value) => ["maxConcurrent", value] as const),
  ...numbers.map((value) => ["maxQueue", value] as const),
  ...[Number.NaN, Infinity, -1, 0, "2", null, true, {}].map((value) => ["queueTimeout", value] as const),
  ["name", ""] as const,
  ["name", 5] as const,
  ["clock", {}] as const,
])("%s: %o is refused by name", (option, value) => {
  const options = { [option]: value } as BulkheadOptions;
  expect(() => new Bulkhead(options)).toThrow(new RegExp(`^${option} must be`));
});

test("an update that is wrong changes nothing", () => {
  const limited = new Bulkhead({ maxConcurrent: 3 });
  expect(() => limited.update({ maxConcurrent: 0 })).toThrow(/^maxConcurrent must be/);
  expect(() => limited.update({ maxConcurent: 4 } as BulkheadChanges)).toThrow(/did you mean maxConcurrent/);
  expect(limited.maxConcurrent).toBe(3);
});
