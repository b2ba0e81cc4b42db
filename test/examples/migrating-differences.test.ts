// What docs/migrating says "may surprise": both sides, with the real other package.
import { setTimeout as sleep } from "node:timers/promises";
import * as cockatiel from "cockatiel";
import OpossumBreaker from "opossum";
import pRetry from "p-retry";
import { describe, expect, test } from "vitest";
import {
  CircuitBreaker,
  CircuitOpenError,
  failureRate,
  type Outcome,
  pipeline,
  resilient,
  Retry,
} from "../../src/index.js";
import { ManualClock } from "../../src/testing/index.js";

const failing = (): Promise<never> => Promise.reject(new Error("down"));
const ignored = (): void => {};

describe("opossum", () => {
  test("opens above the threshold; here at it", async () => {
    const theirs = new OpossumBreaker(async (fails: boolean) => fails && failing(), { volumeThreshold: 2 });
    const ours = new CircuitBreaker({
      trip: failureRate({ threshold: 0.5, window: { duration: "10s" }, minCalls: 2 }),
    });
    for (const fails of [false, true]) {
      await theirs.fire(fails).catch(ignored);
      await ours.call(async () => fails && failing()).catch(ignored);
    }
    expect(theirs.opened).toBe(false);
    expect(ours.state).toBe("open");
    theirs.shutdown();
  });

  test("does not call the fallback for a filtered error; here it is called", async () => {
    const theirs = new OpossumBreaker(failing, { errorFilter: () => true });
    theirs.fallback(() => "instead");
    await expect(theirs.fire()).rejects.toThrow("down");
    const ours = resilient({ fallback: { to: "instead" }, circuitBreaker: { isFailure: () => false } });
    expect(await ours.call(failing)).toBe("instead");
    theirs.shutdown();
  });

  test("counts a full limit as a failure; here it is none", async () => {
    const theirs = new OpossumBreaker(() => sleep(20), { capacity: 1 });
    await Promise.allSettled([theirs.fire(), theirs.fire()]);
    expect(theirs.stats.failures).toBe(1);
    const ours = resilient({ circuitBreaker: true, bulkhead: { maxConcurrent: 1 } });
    await Promise.allSettled([ours.call(() => sleep(20)), ours.call(() => sleep(20))]);
    expect(ours.circuitBreaker.stats).toMatchObject({ failedCalls: 0, ignoredCalls: 1 });
    theirs.shutdown();
  });
});

describe("cockatiel", () => {
  const open = async (): Promise<cockatiel.CircuitBreakerPolicy> => {
    const breaker = cockatiel.circuitBreaker(cockatiel.handleAll, {
      halfOpenAfter: 20,
      breaker: new cockatiel.ConsecutiveBreaker(1),
    });
    await breaker.execute(failing).catch(ignored);
    return breaker;
  };

  test("retries against an open circuit; here the retry ends", async () => {
    const theirs = cockatiel.retry(cockatiel.handleAll, { maxAttempts: 2 });
    const ours = new Retry({ attempts: 3, delay: 0 });
    let [retries, attempts] = [0, 0];
    theirs.onRetry(() => retries++);
    const isolated = cockatiel.circuitBreaker(cockatiel.handleAll, {
      halfOpenAfter: 1e6,
      breaker: new cockatiel.ConsecutiveBreaker(1),
    });
    isolated.isolate();
    await cockatiel.wrap(theirs, isolated).execute(ignored).catch(ignored);
    expect(retries).toBe(2);
    const breaker = new CircuitBreaker();
    breaker.isolate();
    breaker.on("rejected", () => attempts++);
    await pipeline(ours, breaker).call(ignored).catch(ignored);
    expect(attempts).toBe(1);
  });

  test("lets calls wait for the probe; here they are refused", async () => {
    const theirs = await open();
    await sleep(40);
    const probed: string[] = [];
    const probe = theirs.execute(() => sleep(20)).then(() => probed.push("probe"));
    await theirs.execute(() => probed.push("second"));
    await probe;
    expect(probed).toContain("second");
    const clock = new ManualClock();
    const ours = new CircuitBreaker({ maxFailures: 1, resetTimeout: 1, clock });
    await ours.call(failing).catch(ignored);
    await clock.advance(1);
    const pending = ours.call(() => sleep(20));
    await expect(ours.call(ignored)).rejects.toThrow(CircuitOpenError);
    await pending;
  });

  test("is closed by an error that it does not handle; here by one that is no failure", async () => {
    const theirs = cockatiel.circuitBreaker(cockatiel.handleType(RangeError), {
      halfOpenAfter: 20,
      breaker: new cockatiel.ConsecutiveBreaker(1),
    });
    await theirs.execute(() => Promise.reject(new RangeError())).catch(ignored);
    await sleep(40);
    await theirs.execute(failing).catch(ignored);
    expect(theirs.state).toBe(cockatiel.CircuitState.Closed);
    for (const [options, state] of [
      [{ isFailure: ({ reason }: Outcome) => reason instanceof RangeError }, "closed"],
      [{ excludedErrors: [(reason: unknown) => !(reason instanceof RangeError)] }, "half-open"],
    ] as const) {
      const clock = new ManualClock();
      const ours = new CircuitBreaker({ maxFailures: 1, resetTimeout: 1, clock, ...options });
      await ours.call(() => Promise.reject(new RangeError())).catch(ignored);
      await clock.advance(1);
      await ours.call(failing).catch(ignored);
      expect(ours.state).toBe(state);
    }
  });

  test("rejects with the last error when it is aborted in a delay; here with the reason, at once", async () => {
    const backoff = new cockatiel.ConstantBackoff(20);
    const theirs = cockatiel.retry(cockatiel.handleAll, { maxAttempts: 9, backoff });
    const ours = new Retry({ attempts: 9, delay: "20s" });
    const [first, second] = [new AbortController(), new AbortController()];
    theirs.onRetry(() => first.abort(new Error("enough")));
    ours.on("retry", () => setImmediate(() => second.abort(new Error("enough"))));
    await expect(theirs.execute(failing, first.signal)).rejects.toThrow("down");
    await expect(ours.execute(failing, { signal: second.signal })).rejects.toThrow("enough");
  });
});

test("p-retry retries programming mistakes but TypeErrors, and makes errors of other values", async () => {
  const wrong = (): never => {
    attempts++;
    throw new RangeError("wrong");
  };
  let attempts = 0;
  await pRetry(wrong, { retries: 1, minTimeout: 0 }).catch(ignored);
  expect(attempts).toBe(2);
  attempts = 0;
  const ours = new Retry({ attempts: 2, delay: 0 });
  await ours.call(wrong).catch(ignored);
  expect(attempts).toBe(1);
  await expect(pRetry(() => Promise.reject("text"), { retries: 0 })).rejects.toThrow(TypeError);
  await expect(ours.call(() => Promise.reject("text"))).rejects.toBe("text");
});

test("cockatiel retries without end unless told otherwise; here two times", async () => {
  let calls = 0;
  const isEnough = cockatiel.handleWhen(() => calls < 50);
  const flaky = (): Promise<never> => {
    calls++;
    return failing();
  };
  await cockatiel.retry(isEnough, {}).execute(flaky).catch(ignored);
  expect(calls).toBe(50);
  calls = 0;
  await new Retry({ delay: 0 }).call(flaky).catch(ignored);
  expect(calls).toBe(3);
});
