import { CircuitBreaker, failureRate, pipeline, resilient, Retry, Timeout } from "@kstlib/resilience";
import { ManualClock } from "@kstlib/resilience/testing";
import { describe, expect, test } from "vitest";
import { reasonOf } from "../by-hand.js";

/** A call whose attempts settle when the test says so. */
function attempts() {
  const made: { resolve(value: string): void; reject(error: Error): void }[] = [];
  const work = (): Promise<string> => new Promise((resolve, reject) => made.push({ resolve, reject }));
  return { made, work };
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

describe("in a pipeline, an attempt that answers after its timeout", () => {
  test.each(["resolves", "rejects"])("changes nothing when it %s during the next attempt", async (how) => {
    const clock = new ManualClock();
    const retry = new Retry({ attempts: 2, delay: 0, clock });
    const breaker = new CircuitBreaker({ maxFailures: 5, clock });
    const timeout = new Timeout({ timeout: 1, clock });
    const { made, work } = attempts();
    const result = pipeline(retry, breaker, timeout).execute(work);
    await clock.advance(1);
    await settle();
    expect(made).toHaveLength(2);
    if (how === "resolves") made[0]?.resolve("late");
    else made[0]?.reject(new Error("late"));
    await settle();
    expect(retry.running).toBe(1);
    made[1]?.resolve("second");
    expect(await result).toBe("second");
    expect(retry.stats).toMatchObject({ totalCalls: 1, settledCalls: 1, retries: 1 });
    expect(breaker.stats).toMatchObject({ totalCalls: 2, successfulCalls: 1, failedCalls: 1 });
    expect(timeout.stats).toMatchObject({ totalCalls: 2, settledCalls: 1, timedOutCalls: 1 });
    expect(clock.pendingTimers).toBe(0);
  });

  test("does not count twice where the timeout is outermost", async () => {
    const clock = new ManualClock();
    const timeout = new Timeout({ timeout: 1, clock });
    const breaker = new CircuitBreaker({ maxFailures: 5, clock });
    const { made, work } = attempts();
    const result = pipeline(timeout, breaker).execute(work);
    const reason = reasonOf(result);
    await clock.advance(1);
    expect(await reason).toMatchObject({ code: "ERR_TIMEOUT_EXCEEDED" });
    made[0]?.resolve("late");
    await settle();
    expect(breaker.stats).toMatchObject({ totalCalls: 1, ignoredCalls: 1, successfulCalls: 0 });
    expect(timeout.stats).toMatchObject({ totalCalls: 1, settledCalls: 0, timedOutCalls: 1 });
  });
});

test("a clock that fails while a circuit admits a call leaves nothing behind in the policies outside", async () => {
  const clock = new ManualClock();
  const retry = new Retry({ attempts: 1, clock });
  const timeout = new Timeout({ timeout: 1, clock });
  const fails = Object.assign(new ManualClock(), {
    now() {
      throw new Error("no clock");
    },
  });
  const breaker = new CircuitBreaker({
    trip: failureRate({ threshold: 0.5, window: { calls: 10 } }),
    clock: fails,
  });
  await expect(pipeline(retry, timeout, breaker).execute(() => "well")).rejects.toThrow("no clock");
  expect([retry.running, timeout.running, clock.pendingTimers]).toEqual([0, 0, 0]);
});

test("calls for which a blocked thread has left no time do not count against the service", async () => {
  const clock = new ManualClock();
  const { made, work } = attempts();
  const api = resilient({
    totalTimeout: { timeout: 2, clock },
    circuitBreaker: { maxFailures: 2, clock },
    bulkhead: { maxConcurrent: 1, maxQueue: 9, clock },
    timeout: { timeout: 1, clock },
  });
  const calls = ["one", "two", "three"].map(() => api.execute(work));
  const ends = Promise.allSettled(calls);
  await settle();
  clock.sleepSync(3000);
  // It has come meanwhile: the others get their turn, but have no time left.
  made[0]?.resolve("in time");
  await clock.advance(0);
  expect((await ends).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
  expect(made).toHaveLength(1);
  expect(api.circuitBreaker.state).toBe("closed");
  expect(api.circuitBreaker.stats).toMatchObject({ successfulCalls: 1, failedCalls: 0, ignoredCalls: 2 });
});
