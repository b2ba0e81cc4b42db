import { describe, expect, test, vi } from "vitest";
import { singleFlight } from "../../../src/policies/single-flight/decorators.js";
import { SingleFlight } from "../../../src/policies/single-flight/single-flight.js";
import { byHand, listeners, reasonOf } from "../by-hand.js";

const down = new Error("down");

describe("concurrent calls with one key", () => {
  test("share one execution and its result", async () => {
    const work = byHand<object>();
    const policy = new SingleFlight();
    const told = vi.fn<(event: object) => void>();
    policy.on("joined", told);
    const calls = [policy.execute(work.fn), policy.execute(work.fn), policy.execute(work.fn)];
    expect(work.calls).toHaveLength(1);
    expect(policy.running).toBe(1);
    const value = {};
    work.at(0).finish(value);
    for (const result of await Promise.all(calls)) expect(result).toBe(value);
    expect(told.mock.calls).toEqual([[{ callers: 2 }], [{ callers: 3 }]]);
    expect(policy.stats).toEqual({ totalCalls: 3, joinedCalls: 2 });
    expect(policy.running).toBe(0);
  });

  test("share its error", async () => {
    const work = byHand<void>();
    const policy = new SingleFlight();
    const calls = [reasonOf(policy.execute(work.fn)), reasonOf(policy.execute(work.fn))];
    work.at(0).fail(down);
    expect(await Promise.all(calls)).toEqual([down, down]);
    expect(policy.running).toBe(0);
  });

  test("start a new one once it has settled: this is not a cache", async () => {
    const policy = new SingleFlight();
    let calls = 0;
    const load = policy.wrap(async () => ++calls);
    expect([await load(), await load()]).toEqual([1, 2]);
  });

  test("share it when the function itself makes one of them", async () => {
    const policy = new SingleFlight();
    let inner: Promise<number> | undefined;
    const load = (): Promise<number> =>
      policy.call(async () => {
        inner ??= load();
        return 5;
      });
    expect(await load()).toBe(5);
    expect(await inner).toBe(5);
  });
});

describe("an execution", () => {
  test("continues while it has a caller, and is aborted when the last has given up", async () => {
    const work = byHand<string>();
    const policy = new SingleFlight();
    const controllers = [new AbortController(), new AbortController()];
    const calls = controllers.map(({ signal }) => reasonOf(policy.execute(work.fn, { signal })));
    const { signal } = work.at(0).context;
    controllers[0]?.abort("first");
    expect(await calls[0]).toBe("first");
    expect([signal.aborted, policy.running]).toEqual([false, 1]);
    controllers[1]?.abort("last");
    expect(await calls[1]).toBe("last");
    expect(signal.reason).toBe("last");
    expect(policy.running).toBe(0);
    expect(controllers.map((each) => listeners(each.signal))).toEqual([0, 0]);
    // What it rejects with later is not unhandled.
    work.at(0).fail(down);
  });

  test("that is being given up is not joined", async () => {
    const work = byHand<string>();
    const policy = new SingleFlight();
    const controller = new AbortController();
    const first = reasonOf(policy.execute(work.fn, { signal: controller.signal }));
    controller.abort("enough");
    const second = policy.execute(work.fn);
    expect(work.calls).toHaveLength(2);
    work.at(0).finish("old");
    work.at(1).finish("new");
    expect([await first, await second]).toEqual(["enough", "new"]);
    expect(policy.running).toBe(0);
  });

  test("is not aborted while a caller without a signal waits for it", async () => {
    const work = byHand<string>();
    const policy = new SingleFlight();
    const controller = new AbortController();
    const first = reasonOf(policy.execute(work.fn, { signal: controller.signal }));
    const second = policy.execute(work.fn);
    controller.abort("enough");
    work.at(0).finish("well");
    expect([await first, await second]).toEqual(["enough", "well"]);
    expect(work.at(0).context.signal.aborted).toBe(false);
  });
});

describe("the key", () => {
  test.each([
    [["a"], ["a"], true],
    [["a"], ["b"], false],
    [["a", "b"], ["a\nstring b"], false],
    [["a", "b"], ['a","string b'], false],
    [["a", "b"], ["a,b"], false],
    [[1], ["1"], false],
    [[undefined], ["undefined"], false],
    [[null], ["null"], false],
    [[null], [null], true],
    [[true, 1n], [true, 1n], true],
    [[1n], [1], false],
    [[], [undefined], false],
  ])("of the arguments %o and %o is one: %o", async (one, other, isShared) => {
    let calls = 0;
    const load = new SingleFlight().wrap(async (..._args: unknown[]) => ++calls);
    await Promise.all([load(...one), load(...other)]);
    expect(calls).toBe(isShared ? 1 : 2);
  });

  test.each([[{}], [[]], [() => {}], [Symbol("x")]])("of %o needs a function", async (arg) => {
    const error = await reasonOf(new SingleFlight().call((_arg: unknown) => 5, arg));
    expect(error).toBeInstanceOf(TypeError);
  });

  test("may be a function of the arguments", async () => {
    let calls = 0;
    const policy = new SingleFlight({ key: ({ id }: { id: string }) => id });
    const load = policy.wrap(async (_user: { id: string; now: number }) => ++calls);
    await Promise.all([load({ id: "a", now: 1 }), load({ id: "a", now: 2 }), load({ id: "b", now: 3 })]);
    expect(calls).toBe(2);
  });

  test.each([() => expect.fail("mine"), () => 5, () => Promise.resolve("a"), () => undefined])(
    "that is nonsense rejects the call, and nothing is left: %o",
    async (key) => {
      const policy = new SingleFlight({ key: key as unknown as () => string });
      const fn = vi.fn<() => void>();
      expect(await reasonOf(policy.call(fn))).toBeInstanceOf(Error);
      expect(fn).not.toHaveBeenCalled();
      expect(policy.running).toBe(0);
    },
  );
});

test("the wrapper protects a function, and a method with its this", async () => {
  class Api {
    calls = 0;
    @singleFlight
    async load(_name: string): Promise<number> {
      return ++this.calls;
    }
  }
  const api = new Api();
  expect(await Promise.all([api.load("ann"), api.load("ann"), api.load("bob")])).toEqual([1, 1, 2]);
});
