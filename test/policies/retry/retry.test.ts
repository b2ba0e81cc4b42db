import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { CircuitBreaker } from "../../../src/circuit-breaker/circuit-breaker.js";
import { Hedge } from "../../../src/policies/hedge/hedge.js";
import { retry, retrySync } from "../../../src/policies/retry/decorators.js";
import type { RetryOptions } from "../../../src/policies/retry/options.js";
import { RetryBudget } from "../../../src/policies/retry/retry-budget.js";
import { Retry } from "../../../src/policies/retry/retry.js";
import { Timeout } from "../../../src/policies/timeout/timeout.js";
import { ManualClock } from "../../../src/testing/index.js";
import { listeners, reasonOf } from "../by-hand.js";

const down = new Error("down");

let clock: ManualClock;
let warnings: MockInstance<typeof process.emitWarning>;
beforeEach(() => {
  clock = new ManualClock();
  warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
});

test("a longest delay that is too short for the first one says whether it is the default", () => {
  expect(() => new Retry({ delay: { initial: 60 } })).toThrow(
    'delay.max must be at least delay.initial; got "30s", which is the default.',
  );
  expect(() => new Retry({ delay: { initial: 60, max: "20s" } })).toThrow(
    'delay.max must be at least delay.initial; got "20s".',
  );
  expect(() => new Hedge({ delay: { min: 60 } })).toThrow(
    'delay.max must be at least delay.min; got "2s", which is the default.',
  );
  expect(() => new Hedge({ delay: { min: 60, max: 50 } })).toThrow(
    "delay.max must be at least delay.min; got 50.",
  );
});

afterEach(() => {
  warnings.mockRestore();
});

const make = (options: RetryOptions = {}): Retry => new Retry({ delay: 1, clock, ...options });

/** A function that fails as often as said, and the times of its calls in seconds. */
function failing(times: number, reason: unknown = down) {
  const at: number[] = [];
  const fn = (): Promise<string> => {
    at.push(clock.now() / 1000);
    return at.length > times ? Promise.resolve("well") : Promise.reject(reason);
  };
  return { fn, at };
}

function failingSync(times: number) {
  const at: number[] = [];
  const fn = (): string => {
    at.push(clock.now() / 1000);
    if (at.length <= times) throw down;
    return "well";
  };
  return { fn, at };
}

function nothingIsLeft(policy: Retry, budget: RetryBudget = new RetryBudget()): void {
  expect(policy.running).toBe(0);
  expect(clock.pendingTimers).toBe(0);
  expect(budget.snapshot()).toMatchObject({ running: 0, extraRunning: 0 });
}

describe("attempts", () => {
  test("count the first call: three by default", async () => {
    const { fn, at } = failing(5);
    const policy = make();
    const ended = reasonOf(policy.call(fn));
    await clock.advance(60);
    expect(await ended).toBe(down);
    expect(at).toEqual([0, 1, 2]);
    expect(policy.attempts).toBe(3);
    expect(policy.stats).toEqual({
      totalCalls: 1,
      settledCalls: 0,
      exhaustedCalls: 1,
      suppressed: 0,
      abortedCalls: 0,
      retries: 2,
    });
    nothingIsLeft(policy);
  });

  test("end with the first result", async () => {
    const { fn, at } = failing(1);
    const policy = make({ attempts: 10 });
    const call = policy.call(fn);
    await clock.advance(60);
    expect(await call).toBe("well");
    expect(at).toEqual([0, 1]);
    expect(policy.stats).toMatchObject({ settledCalls: 1, exhaustedCalls: 0, retries: 1 });
  });

  test("are numbered from 1 in the context", async () => {
    const seen: number[] = [];
    const call = make({ delay: 0 }).execute(
      ({ attempt }) => {
        seen.push(attempt);
        throw down;
      },
      { attempt: 7 },
    );
    await expect(call).rejects.toBe(down);
    expect(seen).toEqual([1, 2, 3]);
  });

  test("are reported as events, with the delay and the outcome", async () => {
    const policy = make({ attempts: 2 });
    const told: unknown[] = [];
    policy.on("retry", (event) => told.push(["retry", event]));
    policy.on("exhausted", (event) => told.push(["exhausted", event]));
    const call = policy.call(failing(5).fn).catch(() => {});
    await clock.advance(5);
    await call;
    const outcome = { status: "rejected", reason: down };
    expect(told).toEqual([
      ["retry", { attempt: 1, delay: 1, outcome }],
      ["exhausted", { attempts: 2, outcome }],
    ]);
  });

  test("leave the last error as it is: its class, its cause, itself", async () => {
    const last = new RangeError("mine", { cause: "its own" });
    const { fn } = failing(9, last);
    const policy = make({ delay: 0, retryIf: () => true });
    await expect(policy.call(fn)).rejects.toBe(last);
    expect(last.cause).toBe("its own");
  });
});

describe("the delay", () => {
  test("grows from 0.1 s by a factor of 2 with full jitter by default", async () => {
    const { fn, at } = failing(9);
    const call = new Retry({ attempts: 4, clock, random: () => 0.5 }).call(fn).catch(() => {});
    await clock.advance(60);
    await call;
    expect(at).toEqual([0, 0.05, 0.15, 0.35]);
  });

  test("may be the application's, which gets the attempt, the outcome and the previous delay", async () => {
    const delay = vi.fn<(info: object) => number>((info) => ("previousDelay" in info ? 2 : 1));
    const { fn, at } = failing(9);
    const call = make({ delay })
      .call(fn)
      .catch(() => {});
    await clock.advance(60);
    await call;
    const outcome = { status: "rejected", reason: down };
    expect(delay.mock.calls).toEqual([
      [{ attempt: 1, outcome, previousDelay: undefined }],
      [{ attempt: 2, outcome, previousDelay: 2 }],
    ]);
    expect(at).toEqual([0, 2, 4]);
  });

  test.each([
    ["throws", () => expect.fail("mine")],
    ["returns a promise", () => Promise.resolve(1)],
    ["returns NaN", () => Number.NaN],
    ["returns Infinity", () => Infinity],
    ["returns a negative number", () => -1],
    ["returns nothing", () => undefined],
    ["returns a text without a unit", () => "5"],
  ])("is the default one, and a warning tells, when the application's %s", async (_what, delay) => {
    const { fn, at } = failing(1);
    const call = make({ delay: delay as () => number }).call(fn);
    await clock.advance(1);
    expect(await call).toBe("well");
    expect(at[1]).toBeLessThanOrEqual(0.1);
    expect(warnings.mock.calls[0]?.[1]).toMatchObject({ code: "KSTLIB_DELAY_FAILED" });
  });

  test.each([() => expect.fail("mine"), () => Number.NaN, () => -1, () => 2, () => "0.5"])(
    "is drawn by Math.random, and a warning tells, when random is nonsense: %o",
    async (random) => {
      const { fn, at } = failing(1);
      const call = new Retry({ clock, random: random as () => number }).call(fn);
      await clock.advance(1);
      expect(await call).toBe("well");
      expect(at[1]).toBeLessThanOrEqual(0.1);
      expect(warnings).toHaveBeenCalledOnce();
    },
  );

  test("is never shorter than what the server asks for", async () => {
    const { fn, at } = failing(1, Object.assign(new Error("busy"), { retryAfter: 100 }));
    const call = make({ delay: { max: "1s" } }).call(fn);
    await clock.advance(101);
    await call;
    expect(at).toEqual([0, 100]);
  });

  test("that the server asks for is never shorter than its own", async () => {
    const { fn, at } = failing(1, Object.assign(new Error("busy"), { retryAfter: 0.5 }));
    const call = make().call(fn);
    await clock.advance(5);
    await call;
    expect(at).toEqual([0, 1]);
  });

  test("ends at once when the caller aborts, and leaves no timer and no listener", async () => {
    const controller = new AbortController();
    const { fn, at } = failing(9);
    const policy = make({ delay: 100 });
    const call = policy.execute(fn, { signal: controller.signal });
    await clock.advance(1);
    expect(clock.pendingTimers).toBe(1);
    controller.abort("enough");
    await expect(call).rejects.toBe("enough");
    await clock.advance(0);
    expect(at).toEqual([0]);
    expect(policy.stats).toMatchObject({ abortedCalls: 1, exhaustedCalls: 0, settledCalls: 0 });
    expect(listeners(controller.signal)).toBe(0);
    nothingIsLeft(policy);
  });
});

describe("the time that a call has", () => {
  test("of maxDuration: no delay is begun that would end after it", async () => {
    const { fn, at } = failing(9);
    const call = make({ attempts: 10, maxDuration: 2.5 }).call(fn);
    const ended = reasonOf(call);
    await clock.advance(2);
    expect(await ended).toBe(down);
    expect(at).toEqual([0, 1, 2]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("of maxDuration that is set later does not apply to calls under way", async () => {
    await clock.advance(60);
    const [policy, limited] = [make(), make({ maxDuration: "1h" })];
    const ended = [policy, limited].map((each) => each.execute(failing(2).fn));
    for (const each of [policy, limited]) each.update({ maxDuration: 2.5 });
    await clock.advance(5);
    expect(await Promise.all(ended)).toEqual(["well", "well"]);
    const other = reasonOf(policy.execute(failing(3).fn));
    await clock.advance(5);
    expect(await other).toBe(down);
  });

  test("of an outer deadline: what cannot start in time is not waited for", async () => {
    const { fn, at } = failing(9);
    const policy = make({ attempts: 10 });
    const timeout = new Timeout({ timeout: 2, clock });
    const call = timeout.execute((context) => policy.execute(fn, context));
    const ended = reasonOf(call);
    await clock.advance(1);
    expect(await ended).toBe(down);
    // At 2 s it would have no time.
    expect(at).toEqual([0, 1]);
    expect(policy.stats).toMatchObject({ exhaustedCalls: 1 });
    expect(clock.pendingTimers).toBe(0);
  });

  test("of remaining, passed by hand, decreases from attempt to attempt", async () => {
    const seen: number[] = [];
    const work = ({ remaining }: { remaining: number }): never => {
      seen.push(remaining);
      throw down;
    };
    const call = make({ attempts: 9 }).execute(work, { remaining: 2.5 });
    const ended = reasonOf(call);
    await clock.advance(5);
    expect(await ended).toBe(down);
    expect(seen).toEqual([2.5, 1.5, 0.5]);
  });

  test("is checked again after a delay that took too long", async () => {
    const { fn, at } = failing(9);
    const policy = make({ maxDuration: 3 });
    const told = vi.fn<() => void>();
    policy.on("exhausted", told);
    const call = policy.call(fn).catch((error: unknown) => error);
    await clock.advance(0);
    clock.sleepSync(10_000);
    await clock.advance(0);
    expect(await call).toBe(down);
    expect(at).toEqual([0]);
    expect(told).toHaveBeenCalledOnce();
    expect(policy.stats).toMatchObject({ exhaustedCalls: 1, retries: 0 });
    nothingIsLeft(policy);
  });

  test("is checked again after the thread has slept too long", () => {
    const { fn, at } = failingSync(9);
    const late = {
      now: () => clock.now(),
      setTimer: vi.fn<never>(),
      sleepSync: () => clock.sleepSync(10_000),
    };
    const policy = new Retry({ delay: 1, maxDuration: 3, clock: late as unknown as ManualClock });
    expect(() => policy.callSync(fn)).toThrow(down);
    expect(at).toEqual([0]);
    expect(policy.stats).toMatchObject({ exhaustedCalls: 1, retries: 0 });
    expect(policy.running).toBe(0);
  });

  test.each([
    ["maxDuration", { maxDuration: 30 }, undefined],
    ["the deadline", {}, { remaining: 30 }],
    ["any time at all", {}, undefined],
  ])("is not waited out when the server asks for more than %s", async (_what, options, given) => {
    const retryAfter = given === undefined && !("maxDuration" in options) ? Infinity : 31;
    const busy = Object.assign(new Error("busy"), { retryAfter });
    const { fn, at } = failing(9, busy);
    const policy = make(options);
    await expect(policy.execute(fn, given)).rejects.toBe(busy);
    expect(at).toEqual([0]);
    nothingIsLeft(policy);
  });
});

describe("values", () => {
  const response = (status: number, headers = {}): Response => new Response("text", { status, headers });

  test("are results unless retryIf says otherwise", async () => {
    const call = make().call(() => response(503));
    expect(await call).toMatchObject({ status: 503 });
  });

  test("are retried by retryIf; the server's word counts, and the body of what is retried is cancelled", async () => {
    const answers = [response(429, { "Retry-After": "7" }), response(200)];
    const [first] = answers;
    const cancel = vi.spyOn(first?.body as ReadableStream, "cancel");
    const at: number[] = [];
    const policy = make({
      retryIf: (end) => end.status === "fulfilled" && (end.value as Response).status > 400,
    });
    const call = policy.call(() => {
      at.push(clock.now() / 1000);
      return answers.shift();
    });
    await clock.advance(10);
    expect(await call).toMatchObject({ status: 200 });
    expect(at).toEqual([0, 7]);
    expect(cancel).toHaveBeenCalledOnce();
  });

  test("are returned at the end as they are, still readable", async () => {
    const call = make({ attempts: 1, retryIf: () => true }).call(() => response(503));
    expect(await (await call).text()).toBe("text");
  });
});

describe("retryIf", () => {
  test.each([
    ["throws", () => expect.fail("mine")],
    ["returns a promise", () => Promise.resolve(true)],
  ])("that %s means no other attempt, hides no error and is told by a warning", async (_what, retryIf) => {
    const { fn, at } = failing(9);
    const policy = make({ retryIf: retryIf as unknown as () => boolean });
    await expect(policy.call(fn)).rejects.toBe(down);
    expect(at).toEqual([0]);
    expect(warnings.mock.calls[0]?.[1]).toMatchObject({ code: "KSTLIB_PREDICATE_FAILED" });
    nothingIsLeft(policy);
  });

  test("leaks nothing when it aborts the call that it judges", async () => {
    const controller = new AbortController();
    const budget = new RetryBudget({ clock });
    const retryIf = (): boolean => {
      controller.abort("in retryIf");
      return true;
    };
    const policy = make({ retryIf, budget });
    const call = policy.execute(failing(9).fn, { signal: controller.signal });
    await expect(call).rejects.toBe("in retryIf");
    await clock.advance(0);
    nothingIsLeft(policy, budget);
    expect(policy.stats).toMatchObject({ abortedCalls: 1, retries: 0 });
  });
});

describe("an open circuit inside", () => {
  const opened = (): CircuitBreaker => {
    const breaker = new CircuitBreaker({ maxFailures: 1, resetTimeout: 10, clock });
    breaker.tryPermit()?.failure(down);
    return breaker;
  };

  test("ends the call at once, and the function is not called", async () => {
    const breaker = opened();
    const { fn, at } = failing(0);
    const policy = make();
    const call = policy.execute((context) => breaker.execute(fn, context));
    await expect(call).rejects.toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
    expect(at).toEqual([]);
    expect(policy.stats.exhaustedCalls).toBe(1);
    nothingIsLeft(policy);
  });

  test('is waited for with onOpen: "wait", which spends one attempt', async () => {
    const breaker = opened();
    const { fn, at } = failing(0);
    const seen: number[] = [];
    const call = make({ onOpen: "wait", attempts: 2 }).execute((context) => {
      seen.push(context.attempt);
      return breaker.execute(fn, context);
    });
    await clock.advance(10);
    expect(await call).toBe("well");
    expect(at).toEqual([10]);
    expect(seen).toEqual([1, 2]);
  });
});

describe("a budget", () => {
  test("that is used up suppresses another attempt, which is counted and reported", async () => {
    const budget = new RetryBudget({ minPerSecond: 0.1, window: 10, ratio: 0, clock });
    const policy = make({ budget });
    const told = vi.fn<(event: object) => void>();
    policy.on("suppressed", told);
    const { fn, at } = failing(9);
    const call = policy.call(fn).catch((error: unknown) => error);
    await clock.advance(5);
    expect(await call).toBe(down);
    expect(at).toEqual([0, 1]);
    expect(policy.stats).toMatchObject({ suppressed: 1, exhaustedCalls: 0, retries: 1 });
    expect(told).toHaveBeenCalledWith({ attempts: 2, outcome: { status: "rejected", reason: down } });
    nothingIsLeft(policy, budget);
  });

  test("is released by calls aborted during an attempt or a delay", async () => {
    const budget = new RetryBudget({ clock });
    const policy = make({ budget });
    const controller = new AbortController();
    const { signal } = controller;
    let count = 0;
    const hung = (): Promise<never> => (count++ === 0 ? Promise.reject(down) : new Promise(() => {}));
    const calls = [policy.execute(hung, { signal }), policy.execute(failing(9).fn, { signal })];
    const settled = Promise.allSettled(calls);
    await clock.advance(1);
    expect(budget.snapshot()).toMatchObject({ running: 2, extraRunning: 2 });
    controller.abort("enough");
    expect(await settled).toEqual(calls.map(() => ({ status: "rejected", reason: "enough" })));
    await clock.advance(0);
    nothingIsLeft(policy, budget);
  });

  test("is not used by an attempt that has no time left", async () => {
    const budget = new RetryBudget({ clock });
    await expect(make({ budget, maxDuration: 0.5 }).call(failing(9).fn)).rejects.toBe(down);
    expect(budget.stats.extraAttempts).toBe(0);
  });
});

describe("what a function returns", () => {
  test.each([
    ["a value", () => 5],
    ["a promise", () => Promise.resolve(5)],
    // oxlint-disable-next-line unicorn/no-thenable
    ["a thenable", () => ({ then: (resolve: (value: number) => void) => resolve(5) })],
    // oxlint-disable-next-line unicorn/no-thenable
    ["a promise with a then of its own", () => Object.assign(Promise.resolve(5), { then: () => {} })],
  ])("comes out: %s", async (_what, given) => {
    const fn = given as () => Promise<number>;
    for (const options of [{}, { retryIf: () => false }]) {
      const policy = make(options);
      expect(await policy.call(fn)).toBe(5);
      expect(await policy.execute(fn, { signal: new AbortController().signal })).toBe(5);
      nothingIsLeft(policy);
    }
  });

  test("fails when its then throws, and leaves nothing of the call behind", async () => {
    const budget = new RetryBudget({ clock });
    const policy = make({ delay: 0, budget });
    // oxlint-disable-next-line unicorn/no-thenable
    const fn = () => Object.defineProperty({}, "then", { get: () => failingSync(9).fn() });
    await expect(policy.call(fn)).rejects.toBe(down);
    expect(policy.stats).toMatchObject({ exhaustedCalls: 1, retries: 2 });
    nothingIsLeft(policy, budget);
  });

  test("may be an error that throws when it is inspected", async () => {
    const trap = new Proxy(new Error("trap"), {
      get: () => expect.fail("looked at"),
    });
    for (const retryIf of [undefined, () => true]) {
      const policy = make({ delay: 0, retryIf });
      const reason: unknown = await policy
        .call(failing(9, trap).fn)
        .then(undefined, (error: unknown) => [error]);
      expect((reason as unknown[])[0] === trap).toBe(true);
      nothingIsLeft(policy);
    }
  });

  test("does not count once the caller has given up", async () => {
    const controller = new AbortController();
    const policy = make();
    let finish = (_value: number): void => {};
    const work = (): Promise<number> =>
      new Promise((resolve) => {
        finish = resolve;
      });
    const call = policy.execute(work, { signal: controller.signal });
    controller.abort("gone");
    await expect(call).rejects.toBe("gone");
    finish(5);
    await clock.advance(0);
    expect(policy.stats).toMatchObject({ abortedCalls: 1, settledCalls: 0 });
  });
});

test("a listener of retry that aborts the call leaks nothing", async () => {
  const controller = new AbortController();
  const budget = new RetryBudget({ clock });
  const policy = make({ budget });
  policy.on("retry", () => controller.abort("in the listener"));
  const call = policy.execute(failing(9).fn, { signal: controller.signal });
  await expect(call).rejects.toBe("in the listener");
  await clock.advance(0);
  expect(listeners(controller.signal)).toBe(0);
  nothingIsLeft(policy, budget);
});

test("a signal that is already aborted keeps the function from running", async () => {
  const { fn, at } = failing(0);
  await expect(make().execute(fn, { signal: AbortSignal.abort("before") })).rejects.toBe("before");
  expect(at).toEqual([]);
});

describe("synchronous functions", () => {
  test("are called again after the thread has slept", () => {
    const { fn, at } = failingSync(2);
    const policy = make();
    expect(policy.callSync(fn)).toBe("well");
    expect(at).toEqual([0, 1, 2]);
    expect(policy.stats).toMatchObject({ totalCalls: 1, settledCalls: 1, retries: 2 });
    nothingIsLeft(policy);
  });

  test("throw the last error", () => {
    const budget = new RetryBudget({ clock });
    const policy = make({ budget });
    expect(() => policy.executeSync(failingSync(9).fn)).toThrow(down);
    expect(() => policy.wrapSync(failingSync(9).fn)()).toThrow(down);
    expect(policy.stats).toMatchObject({ exhaustedCalls: 2 });
    nothingIsLeft(policy, budget);
  });

  test("that return a promise are refused, and not called again", () => {
    const work = vi.fn<() => unknown>(() => Promise.reject(down));
    const policy = make();
    expect(() => policy.callSync(work)).toThrow(/needs a function that returns its result/);
    expect(work).toHaveBeenCalledOnce();
    nothingIsLeft(policy);
  });
});

describe("the wrapper", () => {
  test("protects a function, and a method with its this", async () => {
    let calls = 0;
    class Api {
      greeting = "well";
      @retry({ delay: 0 })
      async greet(name: string): Promise<string> {
        if (++calls < 3) throw down;
        return `${this.greeting}, ${name}`;
      }
      @retrySync({ delay: 0, attempts: 2 })
      fail(): never {
        throw down;
      }
    }
    const api = new Api();
    expect(await api.greet("ann")).toBe("well, ann");
    expect(() => api.fail()).toThrow(down);
    const wrapped = retry({ delay: 0 })(async (value: number) => value);
    expect(await wrapped(5)).toBe(5);
    expect(wrapped.policy.stats.totalCalls).toBe(1);
    expect(await retry(async () => 6)()).toBe(6);
  });
});
