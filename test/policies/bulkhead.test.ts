import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Bulkhead, bulkhead, BulkheadFullError, bulkheadSync, isRefusal } from "../../src/index.js";
import { ManualClock } from "../../src/testing/index.js";

/** Work that ends when a test says so. */
function work(): { run: () => Promise<string>; end: (value?: string) => void; fail: (error: Error) => void } {
  let settle: [end: (value: string) => void, fail: (error: Error) => void] = [() => {}, () => {}];
  const promise = new Promise<string>((resolve, reject) => {
    settle = [resolve, reject];
  });
  return { run: () => promise, end: (value = "done") => settle[0](value), fail: (error) => settle[1](error) };
}

const full = (reason: unknown): unknown => reason;
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("Bulkhead", () => {
  test("tells whom it has admitted, and how long each had waited", async () => {
    const clock = new ManualClock();
    const limited = new Bulkhead({ maxConcurrent: 1, maxQueue: 2, clock });
    const waits: number[] = [];
    limited.on("admitted", ({ waited }) => waits.push(waited));
    const first = work();
    const running = limited.execute(first.run);
    const queued = limited.execute(() => 2);
    const aborted = limited.execute(() => 3, { signal: AbortSignal.timeout(1) }).catch(full);
    await aborted;
    await clock.advance("1.5s");
    first.end();
    await Promise.all([running, queued]);
    limited.executeSync(() => 4);
    expect(waits).toEqual([0, 1.5, 0]);
  });

  test("loses no permit when somebody listens and the clock throws", async () => {
    let isBroken = false;
    const clock = new ManualClock();
    const now = (): number => {
      if (isBroken) throw new Error("no time");
      return clock.now();
    };
    const broken = { now, wallNow: () => 0, setTimer: () => ({ cancel() {} }), sleepSync() {} };
    const limited = new Bulkhead({ maxConcurrent: 1, maxQueue: 1, clock: broken });
    limited.on("admitted", () => {});
    const first = work();
    const running = limited.execute(first.run);
    const queued = limited.execute(() => 2).catch((reason: unknown) => String(reason));
    isBroken = true;
    first.end();
    await running;
    expect(await queued).toBe("Error: no time");
    isBroken = false;
    expect([limited.running, await limited.execute(() => 3)]).toEqual([0, 3]);
  });

  test("refuses at once when it is full, with a refusal that has no retryAfter", async () => {
    const limited = new Bulkhead({ name: "db", maxConcurrent: 1 });
    const refused: unknown[] = [];
    limited.on("rejected", ({ error }) => refused.push(error));
    const first = work();
    const running = limited.execute(first.run);
    const error = await limited.execute(() => "never").catch(full);
    expect(error).toBeInstanceOf(BulkheadFullError);
    expect(isRefusal(error) && error.retryAfter).toBeUndefined();
    expect(error).toMatchObject({ code: "ERR_BULKHEAD_FULL", refused: true });
    expect(refused).toEqual([error]);
    first.end();
    await running;
    expect(limited.stats).toEqual({ totalCalls: 2, queuedCalls: 0, rejectedCalls: 1 });
  });

  test("serves waiters in the order of their arrival", async () => {
    const limited = new Bulkhead({ maxConcurrent: 1, maxQueue: 3 });
    const order: number[] = [];
    const calls = [0, 1, 2, 3].map((n) => limited.execute(async () => order.push(n)));
    expect(limited).toMatchObject({ running: 1, queued: 3 });
    await Promise.all(calls);
    expect(order).toEqual([0, 1, 2, 3]);
    expect(limited).toMatchObject({ running: 0, queued: 0 });
  });

  test("an abort, the queue's timeout and a deadline end a wait and leave nothing behind", async () => {
    const clock = new ManualClock();
    const limited = new Bulkhead({ maxConcurrent: 1, maxQueue: 5, queueTimeout: 2, clock });
    const first = work();
    const running = limited.execute(first.run);
    const controller = new AbortController();
    const reason = new Error("given up");
    const aborted = limited.execute(() => "a", { signal: controller.signal }).catch(full);
    const late = limited.execute(() => "b").catch(full);
    const due = limited.execute(() => "c", { remaining: 1 }).catch(full);
    controller.abort(reason);
    expect(await aborted).toBe(reason);
    await clock.advance(1);
    expect(String(await due)).toMatch(/no permit within 1 s/);
    await clock.advance(1);
    expect(String(await late)).toMatch(/no permit within 2 s/);
    expect(await limited.execute(() => "d", { remaining: 0 }).catch(full)).toBeInstanceOf(BulkheadFullError);
    expect(limited.queued).toBe(0);
    expect(clock.pendingTimers).toBe(0);
    first.end();
    await running;
    expect(await limited.execute(() => "next")).toBe("next");
  });

  test("an abort between the grant and the start gives the permit to the next", async () => {
    const limited = new Bulkhead({ maxConcurrent: 1, maxQueue: 2 });
    const controller = new AbortController();
    const first = work();
    const running = limited.execute(first.run).then(() => controller.abort(new Error("too late")));
    const second = limited.execute(() => "ran", { signal: controller.signal }).catch(full);
    const third = limited.execute(() => "third");
    first.end();
    await running;
    await second;
    expect(await third).toBe("third");
    expect(limited.running).toBe(0);
  });

  test("a call that was given up keeps its permit until its work has settled", async () => {
    const limited = new Bulkhead({ maxConcurrent: 1 });
    const controller = new AbortController();
    const first = work();
    const given = limited.execute(first.run, { signal: controller.signal }).catch(full);
    controller.abort("enough");
    expect(await given).toBe("enough");
    expect(limited.running).toBe(1);
    first.fail(new Error("unheard"));
    await settle();
    expect(limited.running).toBe(0);
  });

  test("functions that throw or reject give their permit back", async () => {
    const limited = new Bulkhead({ maxConcurrent: 1, maxQueue: 1 });
    const fails = (): never => {
      throw new Error("no");
    };
    await expect(Promise.allSettled([limited.call(fails), limited.call(fails)])).resolves.toMatchObject([
      { status: "rejected" },
      { status: "rejected" },
    ]);
    expect(() => limited.callSync(fails)).toThrow("no");
    expect(limited.running).toBe(0);
  });

  test("a synchronous call never waits", () => {
    const limited = new Bulkhead({ maxConcurrent: 1, maxQueue: 9 });
    const inner = (): number => limited.callSync(() => 1);
    expect(() => limited.callSync(inner)).toThrow(BulkheadFullError);
    expect(inner()).toBe(1);
    const wrapped = bulkheadSync({ maxConcurrent: 1 })((n: number) => n * 2);
    expect(wrapped(3)).toBe(6);
  });

  test("tryPermit takes a permit that is given back once", async () => {
    const limited = new Bulkhead({ maxConcurrent: 1, maxQueue: 1 });
    const permit = limited.tryPermit();
    expect(limited.tryPermit()).toBeUndefined();
    const waiting = limited.execute(() => "in turn");
    permit?.[Symbol.dispose]();
    permit?.[Symbol.dispose]();
    expect(await waiting).toBe("in turn");
    expect(limited.running).toBe(0);
  });

  test("update serves waiters and takes no permit back", async () => {
    const limited = new Bulkhead({ maxConcurrent: 1, maxQueue: 2 });
    const works = [work(), work(), work()];
    const calls = works.map(({ run }) => limited.execute(run));
    limited.update({ maxConcurrent: 3, maxQueue: 0 });
    expect(limited).toMatchObject({ running: 3, queued: 0, maxConcurrent: 3, maxQueue: 0 });
    limited.update({ maxConcurrent: 1 });
    expect(limited.running).toBe(3);
    works[0]?.end();
    await calls[0];
    expect(limited.tryPermit()).toBeUndefined();
    expect(() => limited.update({ maxConcurrent: 0 })).toThrow(/maxConcurrent/);
    expect(limited.maxConcurrent).toBe(1);
    for (const { end } of works) end();
    await Promise.all(calls);
    expect(limited.running).toBe(0);
  });

  test("its wrapper has the policy", async () => {
    const load = bulkhead({ maxConcurrent: 1 })(async (n: number) => n + 1);
    expect(load.policy.maxConcurrent).toBe(1);
    const [first, second] = await Promise.allSettled([load(1), load(2)]);
    expect(first).toMatchObject({ value: 2 });
    expect(second).toMatchObject({ status: "rejected" });
  });

  const WRONG = [NaN, Infinity, -1, 1.5, "3", null];
  test.each([
    ...WRONG.flatMap((value) => [{ maxConcurrent: value }, { maxQueue: value }]),
    { maxConcurrent: 0 },
    { queueTimeout: 0 },
    { queueTimeout: "soon" },
    { clock: {} },
    { limit: 1 },
  ])("refuses %j", (options) => {
    expect(() => new Bulkhead(options as object)).toThrow(new RegExp(Object.keys(options)[0] ?? ""));
  });

  test("behaves as a naive model: never more than the limit, in order, nothing lost", async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant("call" as const) }),
      fc.record({ do: fc.constantFrom("end" as const, "abort" as const), which: fc.nat(9) }),
      fc.record({ do: fc.constant("update" as const), limit: fc.integer({ min: 1, max: 4 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const limited = new Bulkhead({ maxConcurrent: 2, maxQueue: 3 });
        let limit = 2;
        let next = 0;
        let running: number[] = [];
        let queue: number[] = [];
        const started: number[] = [];
        const ends = new Map<number, { end: () => void; abort: () => void }>();
        const expected: number[] = [];
        const refusals: [was: boolean, expected: boolean][] = [];
        const serve = (): void => {
          while (running.length < limit && queue.length > 0) {
            const [first = -1, ...rest] = queue;
            queue = rest;
            running.push(first);
            expected.push(first);
          }
        };
        for (const one of steps) {
          if (one.do === "call") {
            const id = next++;
            const controller = new AbortController();
            const { run, end } = work();
            ends.set(id, { end, abort: () => controller.abort("aborted") });
            const isRefused = running.length >= limit && queue.length >= 3;
            const call = limited.execute(
              () => {
                started.push(id);
                return run();
              },
              { signal: controller.signal },
            );
            const settled = call.catch(full);
            const wasRefused = await Promise.race([settled, settle()]).then(
              (value) => value instanceof BulkheadFullError,
            );
            refusals.push([wasRefused, isRefused]);
            if (!isRefused) queue.push(id);
            serve();
          } else if (one.do === "update") {
            limit = one.limit;
            limited.update({ maxConcurrent: limit });
            serve();
          } else {
            const from = one.do === "end" ? running : queue;
            const id = from[one.which % Math.max(1, from.length)];
            if (id === undefined) continue;
            running = running.filter((other) => other !== id);
            queue = queue.filter((other) => other !== id);
            ends.get(id)?.[one.do]();
            serve();
          }
          await settle();
          expect([limited.running, limited.queued]).toEqual([running.length, queue.length]);
          expect(started).toEqual(expected);
          expect(refusals.filter(([was, should]) => was !== should)).toEqual([]);
        }
        for (const { end } of ends.values()) end();
        await settle();
        await settle();
        expect([limited.running, limited.queued]).toEqual([0, 0]);
      }),
      { numRuns: 100 },
    );
  });
});
