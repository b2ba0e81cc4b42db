import { describe, expect, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import type { CircuitBreakerOptions } from "../../src/circuit-breaker/options.js";
import type { Permit } from "../../src/circuit-breaker/permit.js";
import { ManualClock } from "../../src/testing/index.js";

const down = new Error("down");

/** A breaker that is half-open after one failure and ten seconds. */
async function halfOpenOne(
  options: CircuitBreakerOptions,
): Promise<{ clock: ManualClock; breaker: CircuitBreaker }> {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker({
    clock,
    maxFailures: 1,
    resetTimeout: 10,
    probeTimeout: 5,
    ...options,
  });
  breaker.tryPermit()?.failure(down);
  await clock.advance(10);
  expect(breaker.state).toBe("half-open");
  return { clock, breaker };
}

function probe(breaker: CircuitBreaker): Permit {
  const permit = breaker.tryPermit();
  if (permit === undefined) throw new Error("refused");
  return permit;
}

describe("a half-open circuit with a failure rate", () => {
  const halfOpen = { calls: 4, failureRate: 0.5 };

  test("stays half-open after a failure that the rate allows, and closes once the rate cannot be reached", async () => {
    const { breaker } = await halfOpenOne({ halfOpen });
    probe(breaker).failure(down);
    expect(breaker.state).toBe("half-open");
    probe(breaker).success();
    probe(breaker).success();
    expect(breaker.state).toBe("half-open");
    probe(breaker).success();
    expect(breaker.state).toBe("closed");
  });

  test("opens again as soon as the rate is reached", async () => {
    const { breaker } = await halfOpenOne({ halfOpen });
    probe(breaker).success();
    probe(breaker).failure(down);
    expect(breaker.state).toBe("half-open");
    probe(breaker).failure(down);
    expect(breaker.state).toBe("open");
  });

  test("admits no more calls than it decides by", async () => {
    const { breaker } = await halfOpenOne({ halfOpen });
    probe(breaker).failure(down);
    for (let call = 2; call <= 4; call++) probe(breaker);
    expect(breaker.tryPermit()).toBeUndefined();
  });

  test("counts a probe that takes too long as failed, and its late success all the same", async () => {
    const { breaker, clock } = await halfOpenOne({ halfOpen });
    const slow = probe(breaker);
    await clock.advance(5);
    expect(breaker.state).toBe("half-open");
    probe(breaker).success();
    probe(breaker).success();
    slow.success();
    expect(breaker.state).toBe("closed");
    expect(breaker.stats).toMatchObject({ successfulCalls: 3, failedCalls: 1 });
  });

  test("does not count the late failure of a probe a second time", async () => {
    const { breaker, clock } = await halfOpenOne({ halfOpen });
    const slow = probe(breaker);
    await clock.advance(5);
    expect(breaker.failureCount).toBe(2);
    slow.failure(down);
    expect(breaker.state).toBe("half-open");
    expect(breaker.failureCount).toBe(2);
  });

  test("opens again when the probes that take too long reach the rate", async () => {
    const { breaker, clock } = await halfOpenOne({ halfOpen });
    probe(breaker);
    probe(breaker);
    await clock.advance(5);
    expect(breaker.state).toBe("open");
  });

  test("takes the place of halfOpenMaxCalls", async () => {
    const { breaker } = await halfOpenOne({ halfOpenMaxCalls: 1, halfOpen: { calls: 3, failureRate: 1 } });
    probe(breaker).failure(down);
    probe(breaker).failure(down);
    expect(breaker.state).toBe("half-open");
    probe(breaker).success();
    expect(breaker.state).toBe("closed");
  });
});

test.each([
  [1, 1, 1],
  [3, 1, 3],
  [10, 0.5, 5],
  [10, 0.41, 5],
  [3, 0.01, 1],
])("of %i calls with a rate of %d the failure number %i opens it again", async (calls, failureRate, last) => {
  const { breaker } = await halfOpenOne({ halfOpen: { calls, failureRate } });
  for (let failure = 1; failure < last; failure++) probe(breaker).failure(down);
  expect(breaker.state).toBe("half-open");
  probe(breaker).failure(down);
  expect(breaker.state).toBe("open");
});
