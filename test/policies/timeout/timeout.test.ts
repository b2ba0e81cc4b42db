import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { ExecutionContext } from "../../../src/kernel/context.js";
import { timeout } from "../../../src/policies/timeout/decorators.js";
import { TimeoutExceededError } from "../../../src/policies/timeout/errors.js";
import type { TimeoutOptions } from "../../../src/policies/timeout/options.js";
import { Timeout } from "../../../src/policies/timeout/timeout.js";
import { ManualClock } from "../../../src/testing/index.js";
import { byHand, listeners, never, reasonOf, type Started } from "../by-hand.js";

let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock();
});

const make = (options: TimeoutOptions = {}): Timeout => new Timeout({ timeout: 1, clock, ...options });
function nothingIsLeft(...policies: readonly Timeout[]): void {
  expect(clock.pendingTimers).toBe(0);
  expect(policies.map(({ running }) => running)).toEqual(policies.map(() => 0));
}

describe("a call whose time is over", () => {
  test("rejects with an error that says how long it was allowed, which is the reason of its signal", async () => {
    const { fn, at } = byHand();
    const policy = make({ name: "api" });
    const told = vi.fn<(event: object) => void>();
    policy.on("timeout", told);
    const ended = reasonOf(policy.execute(fn));
    const signal = at(0).context.signal;
    await clock.advance(0.999);
    expect(signal.aborted).toBe(false);
    await clock.advance(0.001);
    const error = await ended;
    expect(error).toBeInstanceOf(TimeoutExceededError);
    expect(error).toMatchObject({ code: "ERR_TIMEOUT_EXCEEDED", seconds: 1, late: 0 });
    expect((error as Error).message).toBe('timeout "api" was exceeded: no result within 1 s.');
    expect(signal.reason).toBe(error);
    expect(told).toHaveBeenCalledExactlyOnceWith({ error });
    expect(policy.stats).toEqual({ totalCalls: 1, settledCalls: 0, timedOutCalls: 1, abortedCalls: 0 });
    nothingIsLeft(policy);
  });

  test.each([
    ["resolves", ({ finish }: Started<unknown>) => finish(5)],
    ["rejects, which is never unhandled", ({ fail }: Started<unknown>) => fail(new Error("late"))],
  ])("stays so when its work %s later", async (_what, end) => {
    const work = byHand();
    const policy = make();
    const ended = reasonOf(policy.execute(work.fn));
    await clock.advance(1);
    end(work.at(0));
    // An unhandled rejection would fail the run.
    await clock.advance(1);
    expect(await ended).toBeInstanceOf(TimeoutExceededError);
    expect(policy.stats).toMatchObject({ settledCalls: 0, timedOutCalls: 1 });
  });

  test("is not one aborted by the caller", async () => {
    const controller = new AbortController();
    const { fn, at } = byHand<number>();
    const policy = make();
    const ended = reasonOf(policy.execute(fn, { signal: controller.signal }));
    controller.abort("enough");
    expect(await ended).toBe("enough");
    expect(at(0).context.signal.reason).toBe("enough");
    at(0).finish(5);
    await clock.advance(5);
    expect(policy.stats).toEqual({ totalCalls: 1, settledCalls: 0, timedOutCalls: 0, abortedCalls: 1 });
    expect(listeners(controller.signal)).toBe(0);
    nothingIsLeft(policy);
  });

  test("that is cooperative waits for its work to settle, whose result counts", async () => {
    const work = byHand<number>();
    const policy = make({ cooperative: true });
    const settled = vi.fn<() => void>();
    const call = policy.execute(work.fn);
    void call.then(settled);
    await clock.advance(5);
    expect(settled).not.toHaveBeenCalled();
    expect(work.at(0).context.signal.aborted).toBe(true);
    nothingIsLeft(policy);
    work.at(0).finish(5);
    expect(await call).toBe(5);
    expect(policy.stats).toMatchObject({ settledCalls: 0, timedOutCalls: 1 });
  });

  test("that is cooperative rejects with the timeout when its work fails", async () => {
    const work = byHand();
    const ended = reasonOf(make({ cooperative: true }).execute(work.fn));
    await clock.advance(1);
    work.at(0).fail(new Error("because of the signal"));
    expect(await ended).toBeInstanceOf(TimeoutExceededError);
  });

  test("that is cooperative can still be given up by its caller", async () => {
    const controller = new AbortController();
    const policy = make({ cooperative: true });
    const ended = reasonOf(policy.execute(never, { signal: controller.signal }));
    await clock.advance(1);
    controller.abort("enough");
    expect(await ended).toBe("enough");
    expect(policy.stats).toMatchObject({ timedOutCalls: 1, abortedCalls: 0 });
    expect(listeners(controller.signal)).toBe(0);
  });
});

describe("a call that ends in time", () => {
  test.each([
    ["a value", () => 5],
    ["a promise", () => Promise.resolve(5)],
    // oxlint-disable-next-line unicorn/no-thenable
    ["a thenable", () => ({ then: (resolve: (value: number) => void) => resolve(5) })],
    // oxlint-disable-next-line unicorn/no-thenable
    ["a promise with a then of its own", () => Object.assign(Promise.resolve(5), { then: () => {} })],
  ])("gives its result: %s", async (_what, fn) => {
    const policy = make();
    expect(await policy.call(fn as () => unknown)).toBe(5);
    expect(policy.stats).toMatchObject({ settledCalls: 1 });
    nothingIsLeft(policy);
  });

  test("gives its error, also when its then throws", async () => {
    const down = new Error("down");
    const policy = make();
    const broken = (): never => {
      throw down;
    };
    // oxlint-disable-next-line unicorn/no-thenable
    const odd = (): unknown => Object.defineProperty({}, "then", { get: broken });
    for (const fn of [broken, odd, () => Promise.reject(down)])
      expect(await reasonOf(policy.call(fn))).toBe(down);
    expect(policy.stats).toMatchObject({ settledCalls: 3 });
    nothingIsLeft(policy);
  });

  test("does not abort its signal, which later work may use", async () => {
    const { fn, at } = byHand<number>();
    const call = make().execute(fn);
    const signal = at(0).context.signal;
    at(0).finish(5);
    await call;
    await clock.advance(5);
    expect(signal.aborted).toBe(false);
  });
});

describe("an outer deadline", () => {
  test("shortens the time: remaining, given by hand", async () => {
    const { fn, at } = byHand();
    const ended = reasonOf(make().execute(fn, { remaining: 0.25 }));
    expect(at(0).context.remaining).toBe(0.25);
    await clock.advance(0.25);
    expect(await ended).toMatchObject({ code: "ERR_TIMEOUT_EXCEEDED", seconds: 0.25 });
  });

  test("is the one of the nearest timeout, and ends what it contains with its own error", async () => {
    const inner = make({ name: "inner", timeout: 5 });
    const outer = make({ name: "outer" });
    const { fn, at } = byHand();
    const ended = reasonOf(outer.execute((context) => inner.execute(fn, context)));
    await clock.advance(0.4);
    expect(at(0).context.remaining).toBe(0.6);
    await clock.advance(1);
    expect((await ended) as Error).toMatchObject({ message: expect.stringContaining('"outer"') as string });
    expect(at(0).context.signal.reason).toBe(await ended);
    nothingIsLeft(inner, outer);
    expect(inner.stats).toMatchObject({ abortedCalls: 1, timedOutCalls: 0 });
  });

  test("comes first also when its timer was set later", async () => {
    const inner = make({ name: "inner", timeout: 5 });
    const outer = make({ name: "outer" });
    // The timer of the one outside is set for this call, and then again for the next.
    const short = reasonOf(outer.execute(never, { remaining: 0.5 }));
    const ended = reasonOf(outer.execute((context) => inner.execute(never, context)));
    await clock.advance(1);
    expect([await short, await ended]).toEqual([
      expect.objectContaining({ message: expect.stringContaining('"outer"') as string }),
      expect.objectContaining({ message: expect.stringContaining('"outer"') as string }),
    ]);
    expect(inner.stats).toMatchObject({ abortedCalls: 1, timedOutCalls: 0 });
    nothingIsLeft(inner, outer);
  });

  test("that is over keeps the function from running", async () => {
    const policy = make();
    const fn = vi.fn<() => void>();
    expect(await reasonOf(policy.execute(fn, { remaining: 0 }))).toMatchObject({ seconds: 0, late: 0 });
    expect(fn).not.toHaveBeenCalled();
    expect(policy.stats).toEqual({ totalCalls: 1, settledCalls: 0, timedOutCalls: 1, abortedCalls: 0 });
    nothingIsLeft(policy);
  });
});

describe("a thread that is frozen while calls are under way", () => {
  test("uses an answer that has arrived when its timer fires late", async () => {
    const work = byHand<string>();
    const policy = make();
    const call = policy.execute(work.fn);
    // What the event loop comes to before the next timer.
    const setTimer = clock.setTimer.bind(clock);
    const spy = vi.spyOn(clock, "setTimer").mockImplementation((callback, delay) => {
      if (delay === 0) work.at(0).finish("arrived");
      return setTimer(callback, delay);
    });
    clock.sleepSync(5000);
    await clock.advance(0);
    expect(await call).toBe("arrived");
    expect(spy).toHaveBeenCalledOnce();
    expect(policy.stats).toMatchObject({ settledCalls: 1, timedOutCalls: 0 });
    nothingIsLeft(policy);
  });

  test("says how late its timer was", async () => {
    const ended = reasonOf(make().execute(never));
    clock.sleepSync(5000);
    await clock.advance(0);
    expect(await ended).toMatchObject({ seconds: 1, late: 4 });
  });

  test("ends the calls whose time was over, and no others, and sets its timer for those", async () => {
    const policy = make();
    const ends: unknown[] = [];
    const start = (): void => {
      void reasonOf(policy.execute(never)).then((error) => ends.push((error as TimeoutExceededError).late));
    };
    start();
    await clock.advance(0.5);
    start();
    clock.sleepSync(700);
    start();
    await clock.advance(0);
    expect(ends).toEqual([expect.closeTo(0.2)]);
    expect([policy.running, clock.pendingTimers]).toEqual([2, 1]);
    await clock.advance(1);
    expect(ends).toEqual([expect.closeTo(0.2), 0, 0]);
    nothingIsLeft(policy);
  });

  test("accepts calls that begin while the loop is polled", async () => {
    const policy = make();
    const first = reasonOf(policy.execute(never));
    let second: Promise<unknown> | undefined;
    const setTimer = clock.setTimer.bind(clock);
    vi.spyOn(clock, "setTimer").mockImplementationOnce((callback, delay) => {
      second = reasonOf(policy.execute(never));
      return setTimer(callback, delay);
    });
    clock.sleepSync(5000);
    await clock.advance(0);
    expect(await first).toMatchObject({ late: 4 });
    await clock.advance(1);
    expect(await second).toMatchObject({ late: 0 });
    nothingIsLeft(policy);
  });
});

describe("one timer", () => {
  test("serves all calls of a policy", async () => {
    const policy = make();
    const calls = Array.from({ length: 100 }, () => reasonOf(policy.execute(never)));
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(1);
    expect(await Promise.all(calls)).toHaveLength(100);
    nothingIsLeft(policy);
  });

  test("serves calls whose outer deadlines are in another order", async () => {
    const policy = make({ timeout: 10 });
    const order: number[] = [];
    const calls = [3, 1, 2, 20, 1].map((remaining) =>
      reasonOf(policy.execute(never, { remaining })).then(() => order.push(clock.now() / 1000)),
    );
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(20);
    await Promise.all(calls);
    expect(order).toEqual([1, 1, 2, 3, 10]);
    nothingIsLeft(policy);
  });

  test("is kept for the next call when the last one has ended", async () => {
    const policy = make();
    for (let round = 0; round < 3; round++) {
      expect(await policy.call(() => 5)).toBe(5);
      const ended = reasonOf(policy.execute(never));
      await clock.advance(0.9);
      expect(policy.running).toBe(1);
      await clock.advance(0.1);
      expect(await ended).toMatchObject({ seconds: 1, late: 0 });
    }
    nothingIsLeft(policy);
  });
});

test("a listener of timeout that makes another call leaks nothing", async () => {
  const policy = make();
  let again: Promise<unknown> | undefined;
  policy.on("timeout", () => (again ??= reasonOf(policy.execute(never))));
  const ended = reasonOf(policy.execute(never));
  await clock.advance(1);
  await ended;
  await clock.advance(1);
  expect(await again).toBeInstanceOf(TimeoutExceededError);
  nothingIsLeft(policy);
});

test("update changes how long later calls may take", async () => {
  const policy = make();
  const first = reasonOf(policy.execute(never));
  policy.update({ timeout: "250ms" });
  expect(policy.timeout).toBe(0.25);
  const second = reasonOf(policy.execute(never));
  await clock.advance(0.25);
  expect(await second).toMatchObject({ seconds: 0.25 });
  await clock.advance(0.75);
  expect(await first).toMatchObject({ seconds: 1 });
  expect(() => policy.update({ timeout: -1 })).toThrow(/^timeout must be/);
  nothingIsLeft(policy);
});

test("a thousand calls on one signal leave no listener", async () => {
  const { signal } = new AbortController();
  const policy = make();
  const calls = Array.from({ length: 1000 }, (_, index) =>
    policy.execute(() => (index % 2 === 0 ? index : Promise.resolve(index)), { signal }),
  );
  await Promise.all(calls);
  expect(listeners(signal)).toBe(0);
  nothingIsLeft(policy);
});

test("work that never settles keeps nothing of the calls after it", async () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const policy = make();
  const kept: ExecutionContext[] = [];
  const hung = reasonOf(
    policy.execute((context) => {
      kept.push(context);
      return never();
    }),
  );
  await clock.advance(0.5);
  const results: WeakRef<object>[] = [];
  // Each call begins before the one before it ends.
  let end = (): void => {};
  for (let call = 0; call < 50; call++) {
    const before = end;
    void policy.execute(
      () =>
        new Promise<object>((resolve) => {
          end = () => {
            const result = {};
            results.push(new WeakRef(result));
            resolve(result);
          };
        }),
    );
    before();
    // Of the first of these, the hung one was the neighbour when its time was over.
    await clock.advance(call === 0 ? 0.5 : 0);
  }
  end();
  await clock.advance(0);
  expect(await hung).toBeInstanceOf(TimeoutExceededError);
  gc();
  expect(results.filter((result) => result.deref() !== undefined).length).toBeLessThan(10);
  expect(kept).toHaveLength(1);
});

test("the wrapper protects a function, and a method with its this", async () => {
  class Api {
    greeting = "well";
    @timeout({ timeout: 5 })
    async greet(name: string): Promise<string> {
      return `${this.greeting}, ${name}`;
    }
  }
  expect(await new Api().greet("ann")).toBe("well, ann");
  const wrapped = timeout({ timeout: 1, clock })(never);
  const ended = reasonOf(wrapped());
  await clock.advance(1);
  expect(await ended).toBeInstanceOf(TimeoutExceededError);
  expect(wrapped.policy.stats.timedOutCalls).toBe(1);
});

test("there is no synchronous form: a synchronous function cannot be ended", () => {
  expect(Object.keys(Object.getOwnPropertyDescriptors(Timeout.prototype))).not.toContain("executeSync");
  expect("executeSync" in make() || "callSync" in make() || "wrapSync" in make()).toBe(false);
});
