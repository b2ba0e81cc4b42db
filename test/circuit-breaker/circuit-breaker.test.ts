import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { CircuitBreakerError, CircuitOpenError } from "../../src/circuit-breaker/errors.js";
import type { CircuitBreakerOptions } from "../../src/circuit-breaker/options.js";
import { failureRate, slowCallRate } from "../../src/circuit-breaker/rates.js";
import { realClock } from "../../src/kernel/clock.js";
import { pushConfiguration } from "../../src/kernel/configured.js";
import { ResilienceError } from "../../src/kernel/errors.js";
import { ManualClock } from "../../src/testing/index.js";

const down = new Error("down");

let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock();
});

function breakerOf(options: CircuitBreakerOptions = {}): CircuitBreaker {
  return new CircuitBreaker({ maxFailures: 2, resetTimeout: 10, clock, ...options });
}

/** One call that returns or throws, made in every way there is; the promise settles as the caller sees it. */
type Attempt = (breaker: CircuitBreaker, work: () => unknown) => Promise<unknown>;

const ways: Readonly<Record<string, Attempt>> = {
  call: (breaker, work) => breaker.call(work),
  "call of an async function": (breaker, work) => breaker.call(async () => work()),
  callSync: async (breaker, work) => breaker.callSync(work),
  wrap: (breaker, work) => breaker.wrap(work)(),
  wrapSync: async (breaker, work) => breaker.wrapSync(work)(),
  execute: (breaker, work) => breaker.execute(work),
  "execute with a signal": (breaker, work) =>
    breaker.execute(async () => work(), { signal: new AbortController().signal }),
};

/** What the caller caught when the call threw `down`, or what is given, be it `undefined`. */
const fails = (attempt: Attempt, breaker: CircuitBreaker, ...thrown: unknown[]): Promise<unknown> =>
  attempt(breaker, () => {
    throw thrown.length === 0 ? down : thrown[0];
  }).then(
    () => expect.unreachable("the call should have failed"),
    (caught: unknown) => caught,
  );

const works = (attempt: Attempt, breaker: CircuitBreaker): Promise<unknown> => attempt(breaker, () => "fine");

describe.each(Object.entries(ways))("through %s", (_way, attempt) => {
  test("maxFailures failures in a row open the circuit, and the caller gets each error", async () => {
    const breaker = breakerOf();
    expect(await fails(attempt, breaker)).toBe(down);
    expect(await works(attempt, breaker)).toBe("fine");
    expect(await fails(attempt, breaker)).toBe(down);
    expect(breaker.state).toBe("closed");
    expect(await fails(attempt, breaker)).toBe(down);
    expect(breaker.state).toBe("open");
    expect(breaker.failureCount).toBe(2);
  });

  test("an open circuit refuses without running the function and says how long", async () => {
    const breaker = breakerOf({ name: "exchange" });
    await fails(attempt, breaker);
    await fails(attempt, breaker);
    clock.sleepSync(2500);
    const work = vi.fn<() => void>();
    const error: unknown = await attempt(breaker, work).catch((caught: unknown) => caught);
    expect(work).not.toHaveBeenCalled();
    expect(error).toBeInstanceOf(CircuitOpenError);
    expect(error).toBeInstanceOf(CircuitBreakerError);
    expect(error).toBeInstanceOf(ResilienceError);
    expect(error).toMatchObject({
      name: "CircuitOpenError",
      code: "ERR_CIRCUIT_OPEN",
      circuitName: "exchange",
      remainingSeconds: 7.5,
      message: 'circuit "exchange" is open; the call was not made. Use a fallback, or try again in 7.5 s.',
    });
    expect((error as Error).cause).toBe(down);
  });

  test("after resetTimeout a success closes the circuit with zeroed counters", async () => {
    const breaker = breakerOf();
    await fails(attempt, breaker);
    await fails(attempt, breaker);
    clock.sleepSync(10_000);
    expect(await works(attempt, breaker)).toBe("fine");
    expect(breaker.state).toBe("closed");
    expect(breaker.failureCount).toBe(0);
    await fails(attempt, breaker);
    expect(breaker.state).toBe("closed");
  });

  test("a failed probe opens the circuit for a full resetTimeout", async () => {
    const breaker = breakerOf();
    await fails(attempt, breaker);
    await fails(attempt, breaker);
    clock.sleepSync(15_000);
    await fails(attempt, breaker);
    clock.sleepSync(9999);
    expect(breaker.state).toBe("open");
    clock.sleepSync(1);
    expect(breaker.state).toBe("half-open");
  });

  test("half-open needs halfOpenMaxCalls successes to close", async () => {
    const breaker = breakerOf({ halfOpenMaxCalls: 2 });
    await fails(attempt, breaker);
    await fails(attempt, breaker);
    clock.sleepSync(10_000);
    await works(attempt, breaker);
    expect(breaker.state).toBe("half-open");
    await works(attempt, breaker);
    expect(breaker.state).toBe("closed");
  });

  test("an excluded error is neutral, and a half-open circuit gets its permit back", async () => {
    const breaker = breakerOf({ excludedErrors: [TypeError, (error) => error === "not mine"] });
    await fails(attempt, breaker);
    await fails(attempt, breaker, new TypeError("excluded"));
    expect(breaker.failureCount).toBe(1);
    await fails(attempt, breaker);
    clock.sleepSync(10_000);
    await fails(attempt, breaker, "not mine");
    expect(breaker.state).toBe("half-open");
    await works(attempt, breaker);
    expect(breaker.state).toBe("closed");
    expect(breaker.stats).toEqual({
      totalCalls: 5,
      successfulCalls: 1,
      failedCalls: 2,
      rejectedCalls: 0,
      ignoredCalls: 2,
      wouldRejectCalls: 0,
      stateChanges: 3,
      window: [],
    });
  });

  test.each([null, undefined, "text", 0])("throwing %s is a failure like any other", async (thrown) => {
    const breaker = breakerOf({ maxFailures: 1 });
    expect(await fails(attempt, breaker, thrown)).toBe(thrown);
    expect(breaker.state).toBe("open");
    const error = (await fails(attempt, breaker)) as Error;
    expect("cause" in error).toBe(true);
    expect(error.cause).toBe(thrown);
  });

  test("returning undefined is a success", async () => {
    const breaker = breakerOf();
    expect(await attempt(breaker, () => undefined)).toBeUndefined();
    expect(breaker.stats.successfulCalls).toBe(1);
  });

  test("isFailure judges returned values, and the caller gets them all the same", async () => {
    const breaker = breakerOf({
      isFailure: (outcome) => outcome.status === "fulfilled" && outcome.value === 503,
    });
    expect(await attempt(breaker, () => 503)).toBe(503);
    expect(await attempt(breaker, () => 503)).toBe(503);
    expect(breaker.state).toBe("open");
    expect(((await fails(attempt, breaker)) as Error).cause).toBe(503);
  });

  test("isFailure can acquit an error", async () => {
    const breaker = breakerOf({ maxFailures: 1, isFailure: () => false });
    expect(await fails(attempt, breaker)).toBe(down);
    expect(breaker.stats.successfulCalls).toBe(1);
  });

  test("while isolated every call is refused", async () => {
    const breaker = breakerOf();
    using _hold = breaker.isolate();
    const error = await fails(attempt, breaker);
    expect(error).toMatchObject({ remainingSeconds: Infinity });
    expect((error as Error).message).toContain("is isolated");
    expect(breaker.stats).toMatchObject({ rejectedCalls: 1, totalCalls: 1 });
  });

  test("a failure rate opens the circuit at its threshold, not before minCalls", async () => {
    const breaker = breakerOf({ trip: failureRate({ threshold: 0.5, window: { calls: 4 }, minCalls: 3 }) });
    await fails(attempt, breaker);
    await fails(attempt, breaker);
    expect(breaker.state).toBe("closed");
    expect(breaker.failureCount).toBe(2);
    await works(attempt, breaker);
    expect(breaker.state).toBe("open");
    expect(((await fails(attempt, breaker)) as Error).cause).toBe(down);
  });

  test("slow calls open the circuit, and neither a slow probe nor one that fails quickly closes it", async () => {
    const breaker = breakerOf({
      trip: slowCallRate({ threshold: 1, window: { calls: 2 }, minCalls: 2, slowerThan: "100ms" }),
    });
    const slow = (): string => {
      clock.sleepSync(101);
      return "slow";
    };
    const fast = (): string => {
      clock.sleepSync(100);
      return "fast";
    };
    await attempt(breaker, slow);
    await attempt(breaker, fast);
    expect(breaker.state).toBe("closed");
    await attempt(breaker, slow);
    await attempt(breaker, slow);
    expect(breaker.state).toBe("open");
    clock.sleepSync(10_000);
    expect(await attempt(breaker, slow)).toBe("slow");
    expect(breaker.state).toBe("open");
    clock.sleepSync(10_000);
    await fails(attempt, breaker);
    expect(breaker.state).toBe("open");
    clock.sleepSync(10_000);
    await attempt(breaker, fast);
    expect(breaker.state).toBe("closed");
    expect(breaker.stats).toMatchObject({ successfulCalls: 6, failedCalls: 1 });
  });
});

describe("predicates that fail", () => {
  let warnings: { code?: string; message: string }[];
  beforeEach(() => {
    warnings = [];
    vi.spyOn(process, "emitWarning").mockImplementation((message: string | Error, options?: unknown) => {
      warnings.push({ ...(options as object), message: String(message) });
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const broken = (): never => {
    throw new Error("broken predicate");
  };
  const late = (): boolean => Promise.reject(new Error("too late")) as unknown as boolean;

  test.each<[string, CircuitBreakerOptions]>([
    ["an exclusion that throws", { excludedErrors: [broken] }],
    ["an isFailure that throws", { isFailure: broken }],
    ["an exclusion that answers with a promise", { excludedErrors: [late] }],
    ["an isFailure that answers with a promise", { isFailure: late }],
  ])("%s counts the call as failed and keeps the original error", async (_what, options) => {
    for (const attempt of Object.values(ways)) {
      const breaker = breakerOf({ maxFailures: 1, ...options });
      expect(await fails(attempt, breaker)).toBe(down);
      expect(breaker.state).toBe("open");
      clock.sleepSync(10_000);
      expect(await fails(attempt, breaker)).toBe(down);
      expect(breaker.stats).toMatchObject({ failedCalls: 2, ignoredCalls: 0 });
    }
    expect(warnings).toHaveLength(2 * Object.keys(ways).length);
    expect(warnings[0]).toMatchObject({ code: "KSTLIB_PREDICATE_FAILED" });
  });

  test("a returned value reaches the caller although the predicate threw", async () => {
    const breaker = breakerOf({ isFailure: broken });
    expect(await breaker.call(() => 1)).toBe(1);
    expect(breaker.callSync(() => 2)).toBe(2);
    expect(breaker.stats).toMatchObject({ failedCalls: 2 });
  });

  test("a listener that throws or rejects changes nothing", async () => {
    const breaker = breakerOf({ maxFailures: 1 });
    breaker.on("failure", broken);
    breaker.on("stateChange", async () => broken());
    expect(await fails((b, work) => b.call(work), breaker)).toBe(down);
    expect(breaker.state).toBe("open");
    await Promise.resolve();
    expect(warnings.map(({ code }) => code)).toEqual(["KSTLIB_LISTENER_FAILED", "KSTLIB_LISTENER_FAILED"]);
  });
});

const excludes = (excluded: unknown, error: unknown): boolean => {
  const breaker = breakerOf({ maxFailures: 1, excludedErrors: [excluded as ErrorConstructor] });
  try {
    breaker.callSync(() => {
      throw error;
    });
  } catch {
    // The state tells.
  }
  return breaker.state === "closed";
};

test("excluded errors are classes of any kind or predicates", () => {
  class Custom extends Error {}
  class NotAnError {
    readonly thrown = true;
  }
  function Old(this: object): void {}
  Old.prototype = Object.create(Error.prototype) as object;
  expect(excludes(Error, new Custom())).toBe(true);
  expect(excludes(Custom, new Error())).toBe(false);
  expect(excludes(NotAnError, new NotAnError())).toBe(true);
  expect(excludes(NotAnError, {})).toBe(false);
  expect(excludes(DOMException, new DOMException("x"))).toBe(true);
  expect(excludes(Old, Object.create(Old.prototype))).toBe(true);
  expect(excludes(Old, new Error())).toBe(false);
  expect(
    excludes(function isIt(error: unknown) {
      return error === 1;
    }, 1),
  ).toBe(true);
  expect(excludes((error: unknown) => error === 1, 2)).toBe(false);
});

describe("eras", () => {
  test("a late failure cannot reopen a half-open circuit, nor a success of a call from before it opened close it", () => {
    const breaker = breakerOf();
    const early = [1, 2, 3, 4].map(() => breaker.tryPermit());
    early[0]?.failure(down);
    early[1]?.failure(down);
    clock.sleepSync(10_000);
    expect(breaker.state).toBe("half-open");
    early[2]?.success();
    expect(breaker.state).toBe("half-open");
    early[3]?.failure(down);
    expect(breaker.state).toBe("half-open");
    expect(breaker.stats).toMatchObject({ successfulCalls: 1, failedCalls: 3 });
  });

  test("a failure that comes while the circuit is open does not move the deadline", () => {
    const breaker = breakerOf({ maxFailures: 1 });
    const [first, second] = [breaker.tryPermit(), breaker.tryPermit()];
    first?.failure(down);
    clock.sleepSync(9000);
    second?.failure(new Error("late"));
    expect(() => breaker.callSync(() => 1)).toThrow(expect.objectContaining({ cause: down }) as Error);
    clock.sleepSync(1000);
    expect(breaker.state).toBe("half-open");
  });

  test("what was under way at a reset does not count afterwards", () => {
    const breaker = breakerOf({ maxFailures: 1 });
    const permit = breaker.tryPermit();
    breaker.reset();
    permit?.failure(down);
    expect(breaker.state).toBe("closed");
    expect(breaker.failureCount).toBe(0);
    expect(breaker.stats).toMatchObject({ failedCalls: 1, stateChanges: 0 });
  });

  test("reset closes an open circuit at once and keeps the totals", async () => {
    const breaker = breakerOf({ maxFailures: 1 });
    await breaker.call(() => Promise.reject(down)).catch(() => {});
    breaker.reset();
    expect(breaker.state).toBe("closed");
    expect(await breaker.call(() => 1)).toBe(1);
    expect(breaker.stats).toMatchObject({ totalCalls: 2, failedCalls: 1, stateChanges: 2 });
  });
});

test.each(["a recovery", "a reset"])("after %s an old failure is no longer the cause", (what) => {
  const trip = slowCallRate({ threshold: 1, window: { calls: 2 }, minCalls: 2, slowerThan: "1s" });
  const breaker = breakerOf({ trip });
  const call = (seconds: number, error?: Error): void => {
    const permit = breaker.tryPermit();
    clock.sleepSync(seconds * 1000);
    if (error === undefined) permit?.success();
    else permit?.failure(error);
  };
  call(2);
  call(2, down);
  expect(() => breaker.callSync(() => 1)).toThrow(expect.objectContaining({ cause: down }) as Error);
  clock.sleepSync(10_000);
  if (what === "a reset") breaker.reset();
  else call(0);
  expect(breaker.state).toBe("closed");
  call(2);
  call(2);
  expect(breaker.state).toBe("open");
  expect(() => breaker.callSync(() => 1)).toThrow(expect.not.objectContaining({ cause: down }) as Error);
});

describe("half-open", () => {
  const halfOpen = (options: CircuitBreakerOptions = {}): CircuitBreaker => {
    const breaker = breakerOf({ maxFailures: 1, ...options });
    breaker.tryPermit()?.failure(down);
    clock.sleepSync(10_000);
    return breaker;
  };

  test("no more than halfOpenMaxCalls are admitted, and the refusal says when the next may be", () => {
    const breaker = halfOpen({ halfOpenMaxCalls: 2, probeTimeout: 4 });
    expect(breaker.tryPermit()).toBeDefined();
    clock.sleepSync(1000);
    expect(breaker.tryPermit()).toBeDefined();
    clock.sleepSync(1000);
    expect(() => breaker.callSync(() => 1)).toThrow(
      expect.objectContaining({
        remainingSeconds: 2,
        message: expect.stringContaining("half-open") as string,
      }) as Error,
    );
    expect(breaker.tryPermit()).toBeUndefined();
  });

  test("a probe that never settles counts as failed at its own deadline", () => {
    const breaker = halfOpen({ probeTimeout: 4 });
    const probe = breaker.tryPermit();
    clock.sleepSync(4000 + 9999);
    // Open since its deadline, not since somebody looked.
    expect(breaker.state).toBe("open");
    expect(() => breaker.callSync(() => 1)).toThrow(
      expect.objectContaining({
        remainingSeconds: 0.001,
        cause: expect.objectContaining({ code: "ERR_PROBE_TIMEOUT" }) as Error,
      }) as Error,
    );
    clock.sleepSync(1);
    expect(breaker.state).toBe("half-open");
    expect(breaker.tryPermit()).toBeDefined();
    probe?.failure(down);
    expect(breaker.state).toBe("half-open");
  });

  test("probeTimeout is resetTimeout unless it is given", () => {
    const breaker = halfOpen();
    breaker.tryPermit();
    clock.sleepSync(9999);
    expect(breaker.state).toBe("half-open");
    clock.sleepSync(1);
    expect(breaker.state).toBe("open");
  });

  test("the reset timeout grows at each reopening and is back to initial after a close", () => {
    const breaker = breakerOf({ maxFailures: 1, resetTimeout: { initial: 1, factor: 3, max: "5s" } });
    const stays = (): number => {
      const { remainingSeconds } = breaker.snapshot();
      clock.sleepSync((remainingSeconds ?? 0) * 1000);
      return remainingSeconds ?? 0;
    };
    const waits: number[] = [];
    for (let round = 0; round < 4; round++) {
      breaker.tryPermit()?.failure(down);
      waits.push(stays());
    }
    breaker.tryPermit()?.success();
    breaker.tryPermit()?.failure(down);
    waits.push(stays());
    expect(waits).toEqual([1, 3, 5, 5, 1]);
  });
});

describe("isolate", () => {
  test("is counted, and the circuit goes on where it was", () => {
    const breaker = breakerOf();
    breaker.tryPermit()?.failure(down);
    const [first, second] = [breaker.isolate(), breaker.isolate()];
    expect(breaker.state).toBe("isolated");
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(breaker.state).toBe("isolated");
    second[Symbol.dispose]();
    expect(breaker.state).toBe("closed");
    expect(breaker.failureCount).toBe(1);
    expect(breaker.stats.stateChanges).toBe(2);
  });

  test("time changes nothing: an open circuit has as long to wait after as before", () => {
    const breaker = breakerOf({ maxFailures: 1 });
    breaker.tryPermit()?.failure(down);
    clock.sleepSync(4000);
    const hold = breaker.isolate();
    clock.sleepSync(3_600_000);
    expect(breaker.state).toBe("isolated");
    expect(breaker.snapshot().remainingSeconds).toBeNull();
    hold[Symbol.dispose]();
    expect(breaker.snapshot()).toMatchObject({ state: "open", remainingSeconds: 6 });
  });

  test("a time window does not age meanwhile", () => {
    const trip = failureRate({ threshold: 1, window: { duration: 10 }, minCalls: 2 });
    const breaker = breakerOf({ trip });
    breaker.tryPermit()?.failure(down);
    const hold = breaker.isolate();
    clock.sleepSync(60_000);
    expect(breaker.failureCount).toBe(1);
    hold[Symbol.dispose]();
    breaker.tryPermit()?.failure(down);
    expect(breaker.state).toBe("open");
  });

  test("what was under way does not count, and its probes make room", () => {
    const breaker = breakerOf({ maxFailures: 1 });
    breaker.tryPermit()?.failure(down);
    clock.sleepSync(10_000);
    const probe = breaker.tryPermit();
    breaker.isolate()[Symbol.dispose]();
    probe?.failure(down);
    expect(breaker.state).toBe("half-open");
    expect(breaker.tryPermit()).toBeDefined();
  });

  test("a reset closes what lies under it and leaves the hold", () => {
    const breaker = breakerOf({ maxFailures: 1 });
    breaker.tryPermit()?.failure(down);
    using hold = breaker.isolate();
    breaker.reset();
    expect(breaker.state).toBe("isolated");
    hold[Symbol.dispose]();
    expect(breaker.state).toBe("closed");
  });
});

describe("aborts", () => {
  test("an aborted signal keeps the function from running and takes no permit", async () => {
    const breaker = breakerOf({ maxFailures: 1 });
    breaker.tryPermit()?.failure(down);
    clock.sleepSync(10_000);
    const work = vi.fn<() => void>();
    const reason = new Error("changed my mind");
    await expect(breaker.execute(work, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(work).not.toHaveBeenCalled();
    expect(breaker.stats).toMatchObject({ ignoredCalls: 1 });
    expect(breaker.tryPermit()).toBeDefined();
  });

  test("an abort rejects with its reason, gives the permit back at once and leaves no listener", async () => {
    const breaker = breakerOf({ maxFailures: 1 });
    breaker.tryPermit()?.failure(down);
    clock.sleepSync(10_000);
    const controller = new AbortController();
    const seen: AbortSignal[] = [];
    const running = breaker.execute(
      ({ signal }) => {
        seen.push(signal);
        return new Promise(() => {});
      },
      { signal: controller.signal },
    );
    expect(breaker.tryPermit()).toBeUndefined();
    const reason = new Error("changed my mind");
    controller.abort(reason);
    const next = breaker.tryPermit();
    expect(next).toBeDefined();
    await expect(running).rejects.toBe(reason);
    expect(seen).toEqual([controller.signal]);
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
    next?.success();
    expect(breaker.state).toBe("closed");
    expect(breaker.stats).toMatchObject({ ignoredCalls: 1, successfulCalls: 1, failedCalls: 1 });
  });

  test("a function that aborts its own signal and throws was aborted", async () => {
    const breaker = breakerOf({ maxFailures: 1 });
    const controller = new AbortController();
    await expect(
      breaker.execute(
        () => {
          controller.abort("enough");
          throw down;
        },
        { signal: controller.signal },
      ),
    ).rejects.toBe("enough");
    expect(breaker.stats).toMatchObject({ ignoredCalls: 1, failedCalls: 0 });
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });

  test("the context has a signal even when the caller gave none", async () => {
    const breaker = breakerOf();
    expect(await breaker.execute(({ signal }) => signal.aborted)).toBe(false);
  });
});

describe("synchronous calls of asynchronous functions", () => {
  test.each(["callSync", "wrapSync"])("%s throws a TypeError and leaks nothing", async (way) => {
    const breaker = breakerOf({ maxFailures: 1 });
    breaker.tryPermit()?.failure(down);
    clock.sleepSync(10_000);
    const unhandled = vi.fn<(reason: unknown) => void>();
    process.on("unhandledRejection", unhandled);
    const work = (): unknown => Promise.reject(down);
    expect(() => (way === "callSync" ? breaker.callSync(work) : breaker.wrapSync(work)())).toThrow(TypeError);
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    expect(breaker.state).toBe("half-open");
    expect(breaker.stats.ignoredCalls).toBe(1);
    expect(breaker.tryPermit()).toBeDefined();
  });

  test("a result whose then throws is a failure", async () => {
    const hostile = {
      // oxlint-disable-next-line unicorn/no-thenable -- what is tested
      get then(): never {
        throw down;
      },
    };
    const breaker = breakerOf();
    expect(() => breaker.callSync((): unknown => hostile)).toThrow(down);
    await expect(breaker.call(() => hostile)).rejects.toBe(down);
    expect(breaker.stats.failedCalls).toBe(2);
  });
});

describe("promises", () => {
  test("call never throws synchronously, whatever it is given", async () => {
    const breaker = breakerOf();
    const wrong = [undefined, null, 1, "fetch", {}] as unknown as (() => void)[];
    for (const fn of wrong) {
      await expect(breaker.call(fn)).rejects.toThrow(/call needs a function/);
      await expect(breaker.execute(fn)).rejects.toThrow(/execute needs a function/);
      expect(() => breaker.callSync(fn)).toThrow(/callSync needs a function/);
      expect(() => breaker.wrap(fn)).toThrow(/wrap needs a function/);
      expect(() => breaker.wrapSync(fn)).toThrow(/wrapSync needs a function/);
    }
    await expect(breaker.execute(() => 1, { signal: {} as AbortSignal })).rejects.toThrow(/signal must be/);
    expect(breaker.stats.totalCalls).toBe(0);
  });

  test("a thenable result is adopted and counts as it settles", async () => {
    const breaker = breakerOf();
    const thenable = (settled: Promise<string>): PromiseLike<string> => ({
      // oxlint-disable-next-line unicorn/no-thenable -- what is tested
      then: (...handlers) => settled.then(...handlers),
    });
    const promise = breaker.call(() => thenable(Promise.resolve("adopted")));
    expect(promise).toBeInstanceOf(Promise);
    expect(await promise).toBe("adopted");
    await expect(breaker.call(() => thenable(Promise.reject(down)))).rejects.toBe(down);
    expect(breaker.stats).toMatchObject({ successfulCalls: 1, failedCalls: 1 });
  });

  test("this and the arguments are passed on", async () => {
    const breaker = breakerOf();
    const account = {
      owner: "ann",
      balance: breaker.wrap(async function (this: { owner: string }, of: string, plus: number) {
        return `${this.owner} ${of} ${plus}`;
      }),
      name: breaker.wrapSync(function (this: { owner: string }) {
        return this.owner;
      }),
    };
    expect(await account.balance("BTC", 2)).toBe("ann BTC 2");
    expect(account.name()).toBe("ann");
    expect(account.balance.breaker).toBe(breaker);
    expect(account.name.breaker).toBe(breaker);
    expect(await breaker.call((a: number, b: number) => a + b, 1, 2)).toBe(3);
  });
});

describe("events", () => {
  test("come in the order of the transitions, after the state is committed", async () => {
    const breaker = breakerOf({ maxFailures: 1 });
    const seen: unknown[] = [];
    breaker.on("stateChange", (change) => seen.push(change));
    breaker.on("success", ({ value, late }) =>
      seen.push(["success", value, late, breaker.stats.successfulCalls]),
    );
    breaker.on("failure", ({ error, late }) => seen.push(["failure", error, late, breaker.state]));
    breaker.on("rejected", ({ error }) => seen.push(["rejected", error.code]));
    const late = breaker.tryPermit();
    await breaker.call(() => Promise.reject(down)).catch(() => {});
    breaker.tryPermit();
    late?.failure("late");
    clock.sleepSync(10_000);
    await breaker.call(() => "fine");
    expect(seen).toEqual([
      { from: "closed", to: "open", reason: "tripped" },
      ["failure", down, false, "open"],
      ["rejected", "ERR_CIRCUIT_OPEN"],
      ["failure", "late", true, "open"],
      { from: "open", to: "half-open", reason: "reset-timeout" },
      { from: "half-open", to: "closed", reason: "recovered" },
      ["success", "fine", false, 1],
    ]);
  });

  test("a listener may call back; its transitions arrive after its own event", () => {
    const breaker = breakerOf({ maxFailures: 1 });
    const seen: string[] = [];
    breaker.on("stateChange", ({ to }) => {
      if (to === "open") breaker.reset();
    });
    breaker.on("stateChange", ({ from, to, reason }) => seen.push(`${from} ${to} ${reason}`));
    breaker.tryPermit()?.failure(down);
    expect(seen).toEqual(["closed open tripped", "open closed reset"]);
    expect(breaker.state).toBe("closed");
  });

  test("tell why: probe-failed, probe-timeout, isolated, released, reset", () => {
    const breaker = breakerOf({ maxFailures: 1 });
    const reasons: string[] = [];
    const subscription = breaker.on("stateChange", ({ reason }) => reasons.push(reason));
    breaker.tryPermit()?.failure(down);
    clock.sleepSync(10_000);
    breaker.tryPermit()?.failure(down);
    clock.sleepSync(10_000);
    breaker.tryPermit();
    clock.sleepSync(10_000);
    breaker.isolate()[Symbol.dispose]();
    breaker.reset();
    breaker.reset();
    expect(reasons).toEqual([
      "tripped",
      "reset-timeout",
      "probe-failed",
      "reset-timeout",
      "probe-timeout",
      "isolated",
      "released",
      "reset",
    ]);
    subscription[Symbol.dispose]();
    breaker.isolate();
    expect(reasons).toHaveLength(8);
  });

  test("an unknown event and a listener that is no function are refused", () => {
    const breaker = breakerOf();
    expect(() => breaker.on("statechange" as "stateChange", () => {})).toThrow(/did you mean stateChange/i);
    expect(() => breaker.on("success", null as unknown as () => void)).toThrow(/must be a function/);
  });
});

test("the closed path reads no clock", async () => {
  const now = vi.fn<() => number>(() => 0);
  const breaker = new CircuitBreaker({
    clock: { ...realClock, now },
    excludedErrors: [TypeError],
  });
  await breaker.call(async () => 1);
  breaker.callSync(() => 1);
  breaker.tryPermit()?.failure(down);
  breaker.tryPermit()?.failure(new TypeError("excluded"));
  expect(breaker.state).toBe("closed");
  expect(breaker.failureCount).toBe(1);
  expect(breaker.stats.totalCalls).toBe(4);
  expect(now).not.toHaveBeenCalled();
});

test("the snapshot is frozen and survives JSON", () => {
  const breaker = breakerOf({ name: "exchange", maxFailures: 1 });
  breaker.tryPermit()?.failure(down);
  const snapshot = breaker.snapshot();
  expect(JSON.parse(JSON.stringify(snapshot))).toEqual({
    kind: "circuit-breaker",
    name: "exchange",
    state: "open",
    mode: "enforce",
    failureCount: 1,
    remainingSeconds: 10,
    stats: {
      totalCalls: 1,
      successfulCalls: 0,
      failedCalls: 1,
      rejectedCalls: 0,
      ignoredCalls: 0,
      wouldRejectCalls: 0,
      stateChanges: 1,
      window: [],
    },
  });
  expect(Object.isFrozen(snapshot)).toBe(true);
  expect(Object.isFrozen(snapshot.stats)).toBe(true);
  const { stats } = breaker;
  breaker.reset();
  expect(stats.stateChanges).toBe(1);
});

test("defaults come from the configuration, then from the built-in table", () => {
  const opensAfter = (breaker: CircuitBreaker): number => {
    let failures = 0;
    for (; breaker.state === "closed"; failures++) breaker.tryPermit()?.failure(down);
    return failures;
  };
  expect(opensAfter(new CircuitBreaker())).toBe(5);
  using _pushed = pushConfiguration({
    circuitBreaker: { maxFailures: 3, instances: { payments: { maxFailures: 2 } } },
  });
  expect(opensAfter(new CircuitBreaker())).toBe(3);
  expect(opensAfter(new CircuitBreaker({ name: "payments" }))).toBe(2);
  expect(opensAfter(new CircuitBreaker({ name: "payments", maxFailures: 1 }))).toBe(1);
  expect(new CircuitBreaker().name).toBe("circuit-breaker");
});

describe("update", () => {
  const broken = (): never => {
    throw new Error("down");
  };
  const fail = (breaker: CircuitBreaker): unknown => {
    try {
      return breaker.callSync(broken);
    } catch (error) {
      return error;
    }
  };

  test("leaves an open circuit open for as long as before, and counts at the next opening", async () => {
    const breaker = new CircuitBreaker({ maxFailures: 1, resetTimeout: 30, clock });
    fail(breaker);
    breaker.update({ resetTimeout: 5 });
    expect(breaker.snapshot()).toMatchObject({ state: "open", remainingSeconds: 30, failureCount: 1 });
    expect([breaker.resetTimeout, breaker.probeTimeout]).toEqual([5, 5]);
    await clock.advance(30);
    fail(breaker);
    expect(breaker.snapshot()).toMatchObject({ state: "open", remainingSeconds: 5 });
  });

  test("keeps what was counted: the next failure opens a circuit that has enough for its new limit", () => {
    const breaker = new CircuitBreaker({ maxFailures: 10 });
    for (let failures = 0; failures < 4; failures++) fail(breaker);
    breaker.update({ maxFailures: 2 });
    expect(breaker.state).toBe("closed");
    fail(breaker);
    expect(breaker.state).toBe("open");
  });

  test("closes a half-open circuit that has successes enough for its new limit", async () => {
    const breaker = new CircuitBreaker({ maxFailures: 1, resetTimeout: 1, halfOpenMaxCalls: 3, clock });
    const reasons: string[] = [];
    breaker.on("stateChange", ({ reason }) => reasons.push(reason));
    fail(breaker);
    await clock.advance(1);
    breaker.callSync(() => "fine");
    breaker.update({ halfOpenMaxCalls: 1 });
    expect(breaker.state).toBe("closed");
    expect(reasons).toEqual(["tripped", "reset-timeout", "recovered"]);
  });

  test("opens a half-open circuit that has failures enough for its new share, also one that is isolated", async () => {
    const breaker = new CircuitBreaker({
      maxFailures: 1,
      resetTimeout: 1,
      halfOpen: { calls: 4, failureRate: 1 },
      clock,
    });
    fail(breaker);
    await clock.advance(1);
    fail(breaker);
    expect(breaker.state).toBe("half-open");
    const hold = breaker.isolate();
    breaker.update({ halfOpen: null });
    expect(breaker.state).toBe("isolated");
    hold[Symbol.dispose]();
    expect(breaker.state).toBe("open");
  });

  test("changes the mode, and leaves alone the one that was set", () => {
    const breaker = new CircuitBreaker({ mode: "off" });
    breaker.setMode("observe");
    breaker.update({ maxFailures: 2 });
    expect(breaker.mode).toBe("observe");
    breaker.update({ mode: "enforce" });
    expect(breaker.mode).toBe("enforce");
  });

  test("a probe that was given a shorter time is missed before one that was given a longer", async () => {
    const breaker = new CircuitBreaker({
      maxFailures: 1,
      resetTimeout: 1,
      halfOpenMaxCalls: 3,
      probeTimeout: 60,
      clock,
    });
    fail(breaker);
    await clock.advance(1);
    const slow = breaker.tryPermit();
    breaker.update({ probeTimeout: 2 });
    breaker.tryPermit();
    breaker.update({ probeTimeout: null, resetTimeout: 20 });
    const third = breaker.tryPermit();
    expect(breaker.probeTimeout).toBe(20);
    slow?.success();
    third?.release();
    await clock.advance(2);
    expect(breaker.state).toBe("open");
  });

  test("refuses what the constructor refuses, and changes nothing then", () => {
    const breaker = new CircuitBreaker({ maxFailures: 3 });
    expect(() => breaker.update({ maxFailures: 2, resetTimeout: -1 })).toThrow("resetTimeout must be");
    expect(() => breaker.update({ isFailure: () => true } as object)).toThrow(
      "isFailure is not an option of update",
    );
    expect(breaker.maxFailures).toBe(3);
  });
});

test("tells how each admitted call ended and how long it took, whatever the way of calling", async () => {
  const breaker = breakerOf({ name: "told", clock, excludedErrors: [TypeError] });
  const settled: unknown[] = [];
  const listening = breaker.on("settled", ({ verdict, seconds }) => settled.push([verdict, seconds]));
  await breaker.call(() => clock.advance("1s"));
  await breaker.execute(() => clock.advance("2s"), { signal: new AbortController().signal });
  breaker.callSync(() => clock.sleepSync(3000));
  const permit = breaker.tryPermit();
  await clock.advance("4s");
  permit?.failure(down);
  await breaker.call(() => Promise.reject(new TypeError("excluded"))).catch(() => {});
  await breaker.execute(() => 1, { signal: AbortSignal.abort() }).catch(() => {});
  expect(settled).toEqual([
    ["success", 1],
    ["success", 2],
    ["success", 3],
    ["failure", 4],
    ["ignored", 0],
    ["ignored", 0],
  ]);
  listening[Symbol.dispose]();
  await breaker.call(() => 1);
  expect(settled).toHaveLength(6);
});
