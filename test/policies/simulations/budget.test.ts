// What a retry budget makes of an outage: a thousand requests a second into a service that fails for a minute.
import { expect, test } from "vitest";
import type { ExecutionContext } from "../../../src/kernel/context.js";
import { pipeline } from "../../../src/policies/pipeline/pipeline.js";
import { RetryBudget } from "../../../src/policies/retry/retry-budget.js";
import { Retry } from "../../../src/policies/retry/retry.js";
import { ManualClock } from "../../../src/testing/index.js";

const SECONDS = 60;
const PER_SECOND = 1000;
const REQUESTS = SECONDS * PER_SECOND;
/** Ten a second, whatever the load; the first window's are there at once. */
const FLOOR = 10 * (SECONDS + 10);

const down = new Error("down");

/** How often the service is called in the outage; `run` makes one request of it. */
async function outage(
  clock: ManualClock,
  run: (work: (context: ExecutionContext) => Promise<never>) => Promise<unknown>,
  requests: number = REQUESTS,
): Promise<number> {
  let calls = 0;
  let failed = 0;
  const work = (): Promise<never> => {
    calls++;
    return Promise.reject(down);
  };
  const burst = requests / SECONDS / 10;
  for (let tenth = 0; tenth < SECONDS * 10; tenth++) {
    for (let request = 0; request < burst; request++) {
      void run(work).catch(() => {
        failed++;
      });
    }
    await clock.advance(0.1);
  }
  await clock.advance(600);
  expect(failed).toBe(requests);
  expect(clock.pendingTimers).toBe(0);
  return calls;
}

const retryOf = (clock: ManualClock, budget: RetryBudget | undefined): Retry =>
  new Retry({ attempts: 3, delay: "50ms", clock, budget });

test("with a budget the calls are at most 1.2 times the requests plus the minimum, and nearly reach that", async () => {
  const clock = new ManualClock();
  const retry = retryOf(clock, new RetryBudget({ clock }));
  const calls = await outage(clock, (work) => retry.execute(work));
  expect(calls).toBeLessThanOrEqual(1.2 * REQUESTS + FLOOR);
  expect(calls).toBeGreaterThan(1.15 * REQUESTS);
});

test.each(["in a pipeline", "by hand"])(
  "three nested retries with one budget make no more, %s",
  async (how) => {
    const clock = new ManualClock();
    const budget = new RetryBudget({ clock });
    const [first, second, third] = [retryOf(clock, budget), retryOf(clock, budget), retryOf(clock, budget)];
    const nested = pipeline(first, second, third);
    const calls = await outage(clock, (work) =>
      how === "by hand"
        ? first.execute((outer) => second.execute((inner) => third.execute(work, inner), outer))
        : nested.execute(work),
    );
    expect(calls).toBeLessThanOrEqual(1.2 * REQUESTS + FLOOR);
    expect(budget.stats.totalCalls).toBe(REQUESTS);
    expect(budget.snapshot()).toMatchObject({ running: 0, extraRunning: 0 });
  },
);

test("without a budget three nested retries make 27 calls of one request", async () => {
  const clock = new ManualClock();
  const requests = SECONDS * 10;
  const retry = pipeline(retryOf(clock, undefined), retryOf(clock, undefined), retryOf(clock, undefined));
  expect(await outage(clock, (work) => retry.execute(work), requests)).toBe(27 * requests);
});
