import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import type { CircuitBreakerOptions } from "../../src/circuit-breaker/options.js";
import { failureRate, slowCallRate } from "../../src/circuit-breaker/rates.js";
import { ManualClock } from "../../src/testing/index.js";

const down = new Error("down");

let clock: ManualClock;
let warnings: MockInstance<typeof process.emitWarning>;
beforeEach(() => {
  clock = new ManualClock();
  warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
});
afterEach(() => {
  warnings.mockRestore();
});

function halfOpen(options: CircuitBreakerOptions = {}): CircuitBreaker {
  const breaker = new CircuitBreaker({ maxFailures: 1, resetTimeout: 10, clock, ...options });
  expect(() =>
    breaker.callSync(() => {
      throw down;
    }),
  ).toThrow(down);
  clock.sleepSync(10_000);
  expect(breaker.state).toBe("half-open");
  return breaker;
}

/** What is neither settled nor refused. */
function underWay({ stats }: CircuitBreaker): number {
  const { totalCalls, successfulCalls, failedCalls, rejectedCalls, ignoredCalls } = stats;
  return totalCalls - successfulCalls - failedCalls - rejectedCalls - ignoredCalls;
}

describe("the options of execute", () => {
  test.each([
    [{ sginal: new AbortController().signal }, "sginal is not an option of execute; did you mean signal?"],
    [new AbortController().signal, "the options of execute must be a plain object; got an object."],
    [null, "the options of execute must be a plain object; got null."],
    [5, "the options of execute must be a plain object; got 5."],
    [[], "the options of execute must be a plain object; got an array."],
    [{ signal: null }, "signal must be an AbortSignal; got null."],
    [{ signal: {} }, "signal must be an AbortSignal; got an object."],
  ])("are checked: %o", async (options, message) => {
    const breaker = new CircuitBreaker();
    const work = vi.fn<() => void>();
    const running: unknown = Reflect.apply(Reflect.get(breaker, "execute"), breaker, [work, options]);
    expect(running).toBeInstanceOf(Promise);
    await expect(running).rejects.toThrow(new TypeError(message));
    expect(work).not.toHaveBeenCalled();
    expect(breaker.stats.totalCalls).toBe(0);
  });

  test("may leave the signal out", async () => {
    const breaker = new CircuitBreaker();
    for (const options of [undefined, {}, { signal: undefined }]) {
      expect(await breaker.execute(() => 5, options)).toBe(5);
    }
  });
});

describe("an abort at the last moment", () => {
  test.each([
    [false, { status: "rejected", reason: "enough" }, { ignoredCalls: 1, successfulCalls: 0 }],
    [true, { status: "fulfilled", value: 5 }, { ignoredCalls: 0, successfulCalls: 1 }],
  ])("counts as the caller sees it; after a turn of the promise: %o", async (isLater, outcome, stats) => {
    const breaker = new CircuitBreaker();
    const controller = new AbortController();
    let resolve: (value: number) => void = () => {};
    const promise = new Promise<number>((settle) => {
      resolve = settle;
    });
    const running = breaker.execute(() => promise, { signal: controller.signal });
    resolve(5);
    if (isLater) await promise;
    controller.abort("enough");
    expect(await Promise.allSettled([running])).toEqual([outcome]);
    expect(breaker.stats).toMatchObject(stats);
  });
});

test("a hundred executions with one signal are no leak to warn of", async () => {
  const breaker = new CircuitBreaker();
  const controller = new AbortController();
  const running = Array.from({ length: 100 }, () =>
    breaker.execute(() => new Promise(() => {}), { signal: controller.signal }),
  );
  controller.abort("over");
  const outcomes = await Promise.allSettled(running);
  expect(outcomes.every((outcome) => outcome.status === "rejected" && outcome.reason === "over")).toBe(true);
  expect(breaker.stats.ignoredCalls).toBe(100);
  expect(warnings).not.toHaveBeenCalled();
});

const own = (key: string, property: PropertyDescriptor): Promise<number> =>
  Object.defineProperty(Promise.resolve(5), key, property);
const error = new Error("hands off");
const refuse = (): never => {
  throw error;
};

describe("an unusual promise", () => {
  test.each([
    ["then that throws", "then", { value: refuse }, { status: "fulfilled", value: 5 }],
    ["then that returns nothing", "then", { value: () => {} }, { status: "fulfilled", value: 5 }],
    ["constructor that throws", "constructor", { get: refuse }, { status: "rejected", reason: error }],
  ] as const)(
    "with a %s of its own settles as it does under await",
    async (_what, key, property, outcome) => {
      for (const call of [
        (breaker: CircuitBreaker) => breaker.call(() => own(key, property)),
        (breaker: CircuitBreaker) => breaker.wrap(() => own(key, property))(),
        (breaker: CircuitBreaker) => breaker.execute(() => own(key, property)),
      ]) {
        const breaker = halfOpen();
        const running = call(breaker);
        expect(running).toBeInstanceOf(Promise);
        expect(await Promise.allSettled([running])).toEqual([outcome]);
        expect(underWay(breaker)).toBe(0);
        expect(breaker.state).toBe(outcome.status === "fulfilled" ? "closed" : "open");
      }
    },
  );
});

test("a call without its circuit is a rejection", async () => {
  const breaker = new CircuitBreaker();
  for (const detached of [Reflect.get(breaker, "call"), Reflect.get(breaker, "execute")]) {
    const running: unknown = Reflect.apply(detached, undefined, [() => 1]);
    expect(running).toBeInstanceOf(Promise);
    await expect(running).rejects.toThrow(TypeError);
  }
});

describe("a clock that throws", () => {
  let broken: boolean;
  const fragile = {
    now: () => (broken ? refuse() : clock.now()),
    wallNow: () => 0,
    setTimer: refuse,
    sleepSync: refuse,
  };
  beforeEach(() => {
    broken = false;
  });

  const start = {
    call: (breaker: CircuitBreaker, work: () => unknown) => breaker.call(work),
    wrap: (breaker: CircuitBreaker, work: () => unknown) => breaker.wrap(work)(),
    execute: (breaker: CircuitBreaker, work: () => unknown) => breaker.execute(work),
    async "a permit"(breaker: CircuitBreaker, work: () => unknown) {
      const permit = breaker.tryPermit();
      const result = await work();
      permit?.success();
      return result;
    },
  };

  test.each(["call", "wrap", "execute"] as const)(
    "makes %s reject before anything is counted",
    async (way) => {
      const trip = slowCallRate({ threshold: 1, window: { calls: 1 }, slowerThan: 5 });
      for (const breaker of [halfOpen({ clock: fragile }), new CircuitBreaker({ clock: fragile, trip })]) {
        const total = breaker.stats.totalCalls;
        broken = true;
        await expect(start[way](breaker, () => 1)).rejects.toThrow("hands off");
        broken = false;
        expect(breaker.stats.totalCalls).toBe(total);
        expect(breaker.tryPermit()).toBeDefined();
      }
    },
  );

  /** Nobody could count the probe: it counts as one that did not settle. */
  function recovers(breaker: CircuitBreaker): void {
    broken = false;
    expect(breaker.state).toBe("half-open");
    expect(breaker.tryPermit()).toBeUndefined();
    clock.sleepSync(10_000);
    expect(breaker.state).toBe("open");
    clock.sleepSync(10_000);
    expect(breaker.callSync(() => 5)).toBe(5);
    expect(breaker.state).toBe("closed");
  }

  test.each(["call", "wrap", "execute", "a permit"] as const)(
    "does not change what comes of %s that is under way, whose permit is free after probeTimeout",
    async (way) => {
      const breaker = halfOpen({ clock: fragile });
      const work = async (): Promise<number> => {
        await Promise.resolve();
        broken = true;
        return 5;
      };
      expect(await start[way](breaker, work)).toBe(5);
      recovers(breaker);
    },
  );

  test("does not change what a synchronous call returns", () => {
    const breaker = halfOpen({ clock: fragile });
    const work = (): number => {
      broken = true;
      return 5;
    };
    expect(breaker.callSync(work)).toBe(5);
    expect(() => breaker.state).toThrow("hands off");
    recovers(breaker);
  });
});

describe("a stack that is used up", () => {
  /** Runs `work` at every depth of the stack, from the deepest up. */
  function everywhere(work: () => unknown): void {
    try {
      everywhere(work);
    } catch {
      // As deep as it gets.
    }
    try {
      work();
    } catch {
      // Not enough room for it here.
    }
  }

  const closed: CircuitBreakerOptions = { maxFailures: 1e9 };
  const judged: CircuitBreakerOptions = { ...closed, isFailure: ({ status }) => status === "rejected" };

  test.each([
    ["a call that returns", closed, () => 1],
    ["a call that throws", closed, refuse],
    ["a judged call", judged, () => 1],
  ])("leaves a closed circuit closed, which goes on counting: %s", (_what, options, work) => {
    const breaker = new CircuitBreaker(options);
    breaker.on("success", () => {});
    for (let round = 0; round < 5; round++) everywhere(() => breaker.callSync(work));
    expect(breaker.state).toBe("closed");
    const { successfulCalls } = breaker.stats;
    expect(breaker.callSync(() => 1)).toBe(1);
    expect(breaker.stats.successfulCalls).toBe(successfulCalls + 1);
  });

  test("leaves the promises of a circuit as they are", async () => {
    const breaker = new CircuitBreaker(closed);
    const running: Promise<unknown>[] = [];
    const work = async (): Promise<number> => 5;
    for (let round = 0; round < 5; round++) {
      everywhere(() => {
        running.push(breaker.call(work));
      });
    }
    const settled = await Promise.allSettled(running);
    expect(settled.some((outcome) => outcome.status === "fulfilled" && outcome.value === 5)).toBe(true);
    expect(breaker.state).toBe("closed");
  });

  test("takes a permit of a half-open circuit for probeTimeout at the longest", () => {
    for (let round = 0; round < 20; round++) {
      const breaker = halfOpen();
      everywhere(() => breaker.callSync(() => 1));
      clock.sleepSync(20_000);
      expect(breaker.callSync(() => 1)).toBe(1);
      expect(breaker.state).toBe("closed");
    }
  });

  test("leaves the events alive", () => {
    const breaker = new CircuitBreaker(closed);
    const heard = vi.fn<() => void>();
    breaker.on("success", heard);
    everywhere(() => breaker.callSync(() => 1));
    heard.mockClear();
    breaker.callSync(() => 1);
    expect(heard).toHaveBeenCalledOnce();
  });
});

test("a predicate that throws what cannot be looked at counts the call as failed and keeps its error", async () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const breaker = halfOpen({
    isFailure: () => {
      throw proxy;
    },
  });
  expect(await breaker.call(() => 5)).toBe(5);
  expect(breaker.state).toBe("open");
  expect(underWay(breaker)).toBe(0);
  expect(warnings).toHaveBeenCalled();
});

describe("a time window", () => {
  test.each([1e-15, 5e-324, "0.1ms"] as const)("of %o is refused", (duration) => {
    expect(() => failureRate({ threshold: 1, window: { duration } })).toThrow(
      new RangeError(
        `window.duration must be at least 1 ms; got ${typeof duration === "string" ? '"0.1ms"' : duration}.`,
      ),
    );
  });
});
