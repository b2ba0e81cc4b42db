import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { interpret, type Report } from "./interpreter.js";
import { perform } from "./real.js";
import { scenarioOf } from "./scenario.js";

const numRuns = Number(process.env["PROPERTY_RUNS"] ?? 2500);
/** Runs some other scenarios than usual. */
const firstSeed = Number(process.env["PROPERTY_SEED"] ?? 1);

const unhandled: unknown[] = [];
const note = (reason: unknown): unknown => unhandled.push(reason);
beforeEach(() => {
  process.on("unhandledRejection", note);
  // Of policies that have no effect, as many of the random ones.
  vi.spyOn(process, "emitWarning").mockReturnValue();
});
afterEach(() => {
  vi.restoreAllMocks();
  process.off("unhandledRejection", note);
});

/** Times are sums in another order, so their last digits may differ. */
const rounded = (time: number): number => Math.round(time * 1000) / 1000;

function comparable({ settled, invocations }: Report): unknown {
  return {
    settled: settled.map((ends) => ends.map(({ label, at }) => `${label} at ${rounded(at)}`)),
    invocations: invocations.map(
      ({ at, attempt, remaining }) => `attempt ${attempt} at ${rounded(at)}, ${rounded(remaining)} left`,
    ),
  };
}

test(`${numRuns} random pipelines do what a naive interpreter says, and leave nothing behind`, async () => {
  let compared = 0;
  let skipped = 0;
  for (let seed = firstSeed; compared < numRuns; seed++) {
    const scenario = scenarioOf(seed);
    const { isAmbiguous, ...expected } = interpret(scenario);
    if (isAmbiguous) {
      skipped++;
      continue;
    }
    const { left, ...real } = await perform(scenario);
    const told = `seed ${seed}: ${JSON.stringify(scenario, undefined, 1)}`;
    expect(comparable(real), told).toEqual(comparable(expected));
    expect(
      real.settled.map((ends) => ends.length),
      told,
    ).toEqual(expected.settled.map(() => 1));
    expect({ left, unhandled }, told).toEqual({ left: [], unhandled: [] });
    compared++;
  }
  expect(compared).toBe(numRuns);
  expect(skipped).toBeLessThan(10 + numRuns / 40);
});
