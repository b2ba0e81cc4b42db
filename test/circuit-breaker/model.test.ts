// oxlint-disable vitest/no-conditional-expect -- each kind of step compares something different
import { getEventListeners } from "node:events";
import fc from "fast-check";
import { expect, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { CircuitOpenError } from "../../src/circuit-breaker/errors.js";
import { failureRate } from "../../src/circuit-breaker/rates.js";
import { ManualClock } from "../../src/testing/index.js";
import { type ModelLimits, type ModelOptions, NaiveModel, type Outcome } from "./naive-model.js";

const numRuns = Number(process.env["PROPERTY_RUNS"] ?? 1000);

class Excluded extends Error {}

/** A call under way: `end` makes it settle, `gone` resolves when the caller has seen that. */
interface Running {
  readonly end: (outcome: Outcome) => void;
  readonly gone: Promise<unknown>;
  readonly signal?: AbortSignal;
}

type Way = "call" | "wrap" | "execute" | "permit";

type Step =
  | { readonly do: "start"; readonly way: Way }
  | { readonly do: "settle"; readonly which: number; readonly outcome: Outcome }
  | { readonly do: "callSync"; readonly outcome: Outcome; readonly wrapped: boolean }
  | { readonly do: "advance"; readonly milliseconds: number }
  | { readonly do: "isolate" }
  | { readonly do: "release"; readonly which: number }
  | { readonly do: "reset" }
  | { readonly do: "update"; readonly limits: ModelLimits }
  | { readonly do: "look" };

const outcome = fc.constantFrom<Outcome>("success", "failure", "ignored");

const limits = {
  maxFailures: fc.integer({ min: 1, max: 3 }),
  halfOpenMaxCalls: fc.integer({ min: 1, max: 3 }),
  initial: fc.integer({ min: 1, max: 10 }),
  factor: fc.integer({ min: 1, max: 3 }),
  max: fc.integer({ min: 10, max: 25 }),
  probeTimeout: fc.integer({ min: 1, max: 12 }),
};

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("start" as const),
      way: fc.constantFrom<Way>("call", "wrap", "execute", "permit"),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("settle" as const), which: fc.nat(9), outcome }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("callSync" as const), outcome, wrapped: fc.boolean() }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("advance" as const),
      milliseconds: fc.integer({ min: 1, max: 12 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("isolate" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("release" as const), which: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reset" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("look" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("update" as const), limits: fc.record(limits) }) },
);

const settings: fc.Arbitrary<ModelOptions> = fc.record({
  ...limits,
  rate: fc.option(
    fc.integer({ min: 1, max: 5 }).chain((calls) =>
      fc.record({
        calls: fc.constant(calls),
        minCalls: fc.integer({ min: 1, max: calls }),
        threshold: fc.constantFrom(0.2, 0.25, 0.5, 0.6, 1),
      }),
    ),
    { nil: undefined },
  ),
});

/** Limits as `update` takes them. */
function changesOf(given: ModelLimits) {
  const { maxFailures, halfOpenMaxCalls, initial, factor, max, probeTimeout } = given;
  return {
    maxFailures,
    halfOpenMaxCalls,
    resetTimeout: { initial: `${initial}ms`, factor, max: `${max}ms` },
    probeTimeout: `${probeTimeout}ms`,
  } as const;
}

function breakerOf(options: ModelOptions, clock: ManualClock): CircuitBreaker {
  const { rate } = options;
  return new CircuitBreaker({
    ...changesOf(options),
    excludedErrors: [Excluded],
    clock,
    ...(rate === undefined
      ? {}
      : {
          trip: failureRate({
            threshold: rate.threshold,
            window: { calls: rate.calls },
            minCalls: rate.minCalls,
          }),
        }),
  });
}

function finish(how: Outcome): string {
  if (how === "failure") throw new Error("down");
  if (how === "ignored") throw new Excluded();
  return "fine";
}

/** Starts a call in one of the ways; `undefined` when it was refused. */
async function start(breaker: CircuitBreaker, way: Way): Promise<Running | CircuitOpenError | undefined> {
  if (way === "permit") {
    const permit = breaker.tryPermit();
    if (permit === undefined) return undefined;
    const end = (how: Outcome): void => {
      if (how === "success") permit.success();
      else if (how === "failure") permit.failure(new Error("down"));
      else permit[Symbol.dispose]();
      // Only the first word counts.
      permit.failure(new Error("again"));
      permit.release();
    };
    return { end, gone: Promise.resolve() };
  }
  let ran = false;
  let end: (how: Outcome) => void = () => {};
  const work = (): Promise<string> =>
    new Promise<Outcome>((resolve) => {
      ran = true;
      end = resolve;
    }).then(finish);
  const controller = new AbortController();
  const { signal } = controller;
  const promise =
    way === "call"
      ? breaker.call(work)
      : way === "wrap"
        ? breaker.wrap(work)()
        : breaker.execute(work, { signal });
  const gone = promise.catch((error: unknown) => error);
  if (!ran) return (await gone) as CircuitOpenError;
  return way === "execute"
    ? { end: (how) => (how === "ignored" ? controller.abort() : end(how)), gone, signal }
    : { end, gone };
}

test("the breaker agrees step by step with a naive model under any interleaving", async () => {
  await fc.assert(
    fc.asyncProperty(
      settings,
      fc.array(step, { minLength: 1, maxLength: 100, size: "max" }),
      async (options, steps) => {
        const clock = new ManualClock();
        const breaker = breakerOf(options, clock);
        const model = new NaiveModel(options);
        const changes: { from: string; to: string }[] = [];
        breaker.on("stateChange", ({ from, to }) => changes.push({ from, to }));
        const running: { id: number; call: Running }[] = [];
        const holds: Disposable[] = [];
        let id = 0;

        for (const now of steps) {
          switch (now.do) {
            case "start": {
              const started = await start(breaker, now.way);
              const admitted = model.start(++id);
              expect(started !== undefined && !(started instanceof CircuitOpenError)).toBe(admitted);
              if (started instanceof CircuitOpenError) {
                expect(started.remainingSeconds).toBeCloseTo(model.remainingSeconds, 9);
              } else if (started !== undefined) running.push({ id, call: started });
              break;
            }
            case "settle": {
              const [ending] = running.splice(now.which % Math.max(1, running.length), 1);
              if (ending === undefined) break;
              ending.call.end(now.outcome);
              await ending.call.gone;
              if (ending.call.signal !== undefined) {
                expect(getEventListeners(ending.call.signal, "abort")).toHaveLength(0);
              }
              model.settle(ending.id, now.outcome);
              break;
            }
            case "callSync": {
              const run = (): unknown =>
                now.wrapped
                  ? breaker.wrapSync(() => finish(now.outcome))()
                  : breaker.callSync(finish, now.outcome);
              let refused = false;
              try {
                run();
              } catch (error) {
                refused = error instanceof CircuitOpenError;
              }
              const admitted = model.start(++id);
              expect(refused).toBe(!admitted);
              if (admitted) model.settle(id, now.outcome);
              break;
            }
            case "advance":
              clock.sleepSync(now.milliseconds);
              model.advance(now.milliseconds);
              break;
            case "isolate":
              holds.push(breaker.isolate());
              model.hold();
              break;
            case "release": {
              const [hold] = holds.splice(now.which % Math.max(1, holds.length), 1);
              if (hold === undefined) break;
              hold[Symbol.dispose]();
              hold[Symbol.dispose]();
              model.release();
              break;
            }
            case "reset":
              breaker.reset();
              model.reset();
              break;
            case "update":
              breaker.update(changesOf(now.limits));
              model.update(now.limits);
              break;
            case "look":
              expect(breaker.state).toBe(model.state);
              expect(breaker.failureCount).toBe(model.failureCount);
              break;
          }
          expect(clock.pendingTimers).toBe(0);
        }

        expect(breaker.state).toBe(model.state);
        expect(breaker.failureCount).toBe(model.failureCount);
        expect(breaker.stats).toMatchObject({
          totalCalls: model.total,
          successfulCalls: model.successful,
          failedCalls: model.failed,
          rejectedCalls: model.rejected,
          ignoredCalls: model.ignored,
          stateChanges: model.changes,
        });
        // Every event begins where the one before it ended.
        expect(changes).toHaveLength(model.changes);
        expect(changes.map(({ from }) => from)).toEqual(
          ["closed", ...changes.map(({ to }) => to)].slice(0, changes.length),
        );
        for (const { call } of running) {
          call.end("success");
          await call.gone;
        }
        const { totalCalls, successfulCalls, failedCalls, rejectedCalls, ignoredCalls } = breaker.stats;
        expect(successfulCalls + failedCalls + rejectedCalls + ignoredCalls).toBe(totalCalls);
      },
    ),
    { numRuns },
  );
});

test("looking at the state at every moment changes nothing", async () => {
  await fc.assert(
    fc.asyncProperty(settings, fc.array(step, { maxLength: 40 }), async (options, steps) => {
      const clock = new ManualClock();
      const watched = breakerOf(options, clock);
      const left = breakerOf(options, clock);
      const pairs: { ends: ((how: Outcome) => void)[] }[] = [];
      for (const now of steps) {
        if (now.do === "start") {
          const both = await Promise.all([watched, left].map((breaker) => start(breaker, "permit")));
          const ends = both.flatMap((one) => (one === undefined || one instanceof Error ? [] : [one.end]));
          expect([0, 2]).toContain(ends.length);
          if (ends.length > 0) pairs.push({ ends });
        } else if (now.do === "settle") {
          const [pair] = pairs.splice(now.which % Math.max(1, pairs.length), 1);
          for (const end of pair?.ends ?? []) end(now.outcome);
        } else if (now.do === "update") {
          for (const breaker of [watched, left]) breaker.update(changesOf(now.limits));
        } else if (now.do === "advance") {
          for (let n = 0; n < now.milliseconds; n++) {
            clock.sleepSync(1);
            void watched.state;
          }
        }
      }
      expect(watched.snapshot()).toEqual(left.snapshot());
    }),
    { numRuns },
  );
});
