import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { circuitBreaker } from "../../src/circuit-breaker/decorators.js";
import type { CircuitBreakerOptions } from "../../src/circuit-breaker/options.js";
import { slowCallRate } from "../../src/circuit-breaker/rates.js";
import { ManualClock } from "../../src/testing/index.js";

const numRuns = Number(process.env["PROPERTY_RUNS"] ?? 1000);

type Way = "call" | "wrap" | "decorator" | "execute" | "permit" | "sync" | "iterate";

/** A call under way: `end` makes it succeed, `seen` resolves when its caller has been told. */
interface Running {
  end(): void;
  readonly seen: Promise<unknown>;
}

/** Starts a healthy call in one of the ways; `undefined` when it was refused. A synchronous one takes its time at once. */
async function start(
  breaker: CircuitBreaker,
  decorated: ReturnType<typeof decorate>,
  way: Way,
  work: () => void,
): Promise<Running | undefined> {
  if (way === "permit") {
    const permit = breaker.tryPermit();
    return permit && { end: () => permit.success(), seen: Promise.resolve() };
  }
  if (way === "sync") {
    try {
      breaker.callSync(work);
    } catch {
      // Refused.
    }
    return undefined;
  }
  let end: (() => void) | undefined;
  const fn = (): Promise<void> =>
    new Promise((resolve) => {
      end = resolve;
    });
  const ways = {
    call: () => breaker.call(fn),
    wrap: () => breaker.wrap(fn)(),
    decorator: () => decorated(fn),
    execute: () => breaker.execute(fn),
    iterate: async (): Promise<void> => {
      const iterable = breaker.iterate(async function* () {
        await fn();
        yield 1;
      });
      for await (const item of iterable) expect(item).toBe(1);
    },
  };
  const seen = ways[way]().catch(() => {});
  // An iteration starts at its first `next()`.
  await Promise.resolve();
  return end && { end, seen };
}

function decorate(options: CircuitBreakerOptions) {
  return circuitBreaker(options)(async (fn: () => Promise<void>) => fn());
}

async function trip(breaker: CircuitBreaker): Promise<void> {
  while (breaker.state === "closed")
    await breaker.call(() => Promise.reject(new Error("down"))).catch(() => {});
}

describe("a probe that succeeds after its time", () => {
  const options = { maxFailures: 1, resetTimeout: "100ms" } as const;

  test("closes the circuit that its timeout has opened again", async () => {
    const clock = new ManualClock();
    const breaker = new CircuitBreaker({ ...options, clock });
    const changes: string[] = [];
    breaker.on("stateChange", ({ to, reason }) => changes.push(`${to} ${reason}`));
    await trip(breaker);
    clock.sleepSync(100);
    const permit = breaker.tryPermit();
    clock.sleepSync(150);
    expect(breaker.state).toBe("open");
    permit?.success();
    expect(breaker.state).toBe("closed");
    expect(changes).toEqual([
      "open tripped",
      "half-open reset-timeout",
      "open probe-timeout",
      "closed recovered",
    ]);
  });

  test("counts even if the state was not read since it began, as after a frozen process", async () => {
    const clock = new ManualClock();
    const breaker = new CircuitBreaker({ ...options, clock });
    await trip(breaker);
    clock.sleepSync(100);
    const permit = breaker.tryPermit();
    clock.sleepSync(600_000);
    permit?.success();
    expect(breaker.state).toBe("closed");
  });

  test("says nothing when a probe has failed since", async () => {
    const clock = new ManualClock();
    const breaker = new CircuitBreaker({ ...options, clock });
    await trip(breaker);
    clock.sleepSync(100);
    const slow = breaker.tryPermit();
    clock.sleepSync(200);
    breaker.tryPermit()?.failure(new Error("down"));
    slow?.success();
    expect(breaker.state).toBe("open");
    clock.sleepSync(100);
    const next = breaker.tryPermit();
    clock.sleepSync(100);
    next?.success();
    expect(breaker.state).toBe("closed");
  });

  test.each([
    ["isolated while open", (breaker: CircuitBreaker) => breaker.isolate()[Symbol.dispose]()],
    [
      "isolated while half-open",
      (breaker: CircuitBreaker, clock: ManualClock) => {
        clock.sleepSync(100);
        breaker.isolate()[Symbol.dispose]();
      },
    ],
    [
      "reset and tripped",
      (breaker: CircuitBreaker) => {
        breaker.reset();
        breaker.tryPermit()?.failure(new Error("down"));
      },
    ],
  ])("says nothing when the circuit was %s since", async (_what, since) => {
    const clock = new ManualClock();
    const breaker = new CircuitBreaker({ ...options, clock });
    await trip(breaker);
    clock.sleepSync(100);
    const slow = breaker.tryPermit();
    clock.sleepSync(100);
    since(breaker, clock);
    const { state } = breaker;
    slow?.success();
    expect(breaker.state).toBe(state);
    expect(state).not.toBe("closed");
  });

  test("changes nothing when it fails, is excluded or is slow by the trip rule", async () => {
    const clock = new ManualClock();
    const breaker = new CircuitBreaker({
      ...options,
      trip: slowCallRate({ threshold: 0.1, window: { calls: 1 }, slowerThan: "120ms" }),
      clock,
    });
    breaker.callSync(() => clock.sleepSync(121));
    const probe = (): ReturnType<CircuitBreaker["tryPermit"]> => {
      clock.sleepSync(100);
      return breaker.tryPermit();
    };
    const [failing, ignored, slow, good] = [probe(), undefined, undefined, undefined];
    expect(failing && !ignored && !slow && !good).toBe(true);
    clock.sleepSync(100);
    const before = breaker.snapshot();
    failing?.failure(new Error("down"));
    expect(breaker.snapshot()).toEqual({
      ...before,
      stats: { ...before.stats, failedCalls: before.stats.failedCalls + 1 },
    });
    const tooSlow = probe();
    clock.sleepSync(121);
    tooSlow?.success();
    expect(breaker.state).toBe("open");
    const released = probe();
    clock.sleepSync(110);
    released?.release();
    expect(breaker.state).toBe("open");
    const late = probe();
    clock.sleepSync(110);
    late?.success();
    expect(breaker.state).toBe("closed");
  });

  test("does not outlast what was in time: a timeout forgets that, not the successes that came late", async () => {
    const clock = new ManualClock();
    const breaker = new CircuitBreaker({ ...options, halfOpenMaxCalls: 2, clock });
    await trip(breaker);
    clock.sleepSync(100);
    breaker.tryPermit()?.success();
    const slow = breaker.tryPermit();
    clock.sleepSync(100);
    expect(breaker.state).toBe("open");
    slow?.success();
    expect(breaker.state).toBe("open");
    clock.sleepSync(100);
    breaker.tryPermit()?.success();
    expect(breaker.state).toBe("closed");
  });
});

const milliseconds = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });

test("no schedule of slow healthy calls keeps a circuit open for ever", async () => {
  const schedules = fc.record({
    initial: milliseconds(30),
    factor: fc.constantFrom(1, 1.5, 3, 100),
    max: fc.integer({ min: 30, max: 120 }),
    probeTimeout: fc.option(milliseconds(40), { nil: undefined }),
    halfOpenMaxCalls: fc.integer({ min: 1, max: 5 }),
    timed: fc.boolean(),
    // Used over and over: when the next call comes, how long it takes, how it is made.
    calls: fc.array(
      fc.record({
        gap: fc.oneof(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 250 })),
        takes: fc.integer({ min: 0, max: 200 }),
        way: fc.constantFrom<Way>("call", "wrap", "decorator", "execute", "permit", "sync", "iterate"),
      }),
      { minLength: 1, maxLength: 12 },
    ),
  });
  await fc.assert(
    fc.asyncProperty(schedules, async ({ calls, timed, initial, factor, max, probeTimeout, ...rest }) => {
      const clock = new ManualClock();
      const options: CircuitBreakerOptions = {
        ...rest,
        maxFailures: 1,
        resetTimeout: { initial: `${initial}ms`, factor, max: `${max}ms` },
        probeTimeout: probeTimeout === undefined ? undefined : `${probeTimeout}ms`,
        // Healthy is what is not slow by a rule of the user's own.
        trip: timed ? slowCallRate({ threshold: 1, window: { calls: 1 }, slowerThan: "201ms" }) : undefined,
        clock,
      };
      const decorated = decorate(options);
      const { breaker } = decorated;
      if (timed) breaker.callSync(() => clock.sleepSync(202));
      await trip(breaker);

      const longest = { gap: 251, takes: 200 };
      const round = max + rest.halfOpenMaxCalls * longest.gap + (probeTimeout ?? initial);
      // Each round closes the circuit or has a probe that comes late, and each of those counts for good.
      const end = clock.now() + (rest.halfOpenMaxCalls + 1) * (round + longest.takes);
      let running: { readonly call: Running; readonly at: number }[] = [];
      const advanceTo = async (time: number): Promise<void> => {
        for (const { call, at } of running.toSorted((a, b) => a.at - b.at)) {
          if (at > time) break;
          clock.sleepSync(at - clock.now());
          call.end();
          await call.seen;
        }
        running = running.filter(({ at }) => at > time);
        clock.sleepSync(time - clock.now());
      };
      for (let n = 0; breaker.state !== "closed" && clock.now() < end; n++) {
        const { gap, takes, way } = calls[n % calls.length] ?? { gap: 1, takes: 1, way: "call" };
        await advanceTo(clock.now() + gap + 1);
        const call = await start(breaker, decorated, way, () => clock.sleepSync(takes));
        if (call !== undefined) running.push({ call, at: clock.now() + takes });
      }
      await advanceTo(clock.now() + longest.takes);
      expect(breaker.state).toBe("closed");
    }),
    { numRuns },
  );
});

test("the memory of a probe does not depend on how many are under way", async () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const used = (): number => {
    gc();
    return process.memoryUsage().heapUsed;
  };
  const clock = new ManualClock();
  const probes = 10_000;
  const breaker = new CircuitBreaker({ maxFailures: 1, halfOpenMaxCalls: probes, clock });
  await trip(breaker);
  clock.sleepSync(60_000);
  const ends: (() => void)[] = [];
  const before = used();
  const calls = Array.from({ length: probes }, () =>
    breaker.call(() => new Promise<void>((resolve) => ends.push(resolve))),
  );
  expect((used() - before) / probes).toBeLessThan(3000);
  for (const end of ends) end();
  await Promise.all(calls);
  expect(breaker.state).toBe("closed");
});
