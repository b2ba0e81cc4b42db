// What hedging makes of a service whose slowest calls are a hundred times as slow as the others.
import { expect, test } from "vitest";
import { Hedge } from "../../../src/policies/hedge/hedge.js";
import { ManualClock } from "../../../src/testing/index.js";
import { randomOf } from "../model/scenario.js";

const CALLS = 10_000;

/** How long calls take, as numbers are drawn: 2 % a second, the others about 10 ms. */
const services: Record<string, (random: () => number) => number> = {
  "with a wide spread"(random) {
    // Log-normal, by Box and Muller.
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return random() < 0.02 ? 1000 : 10 * Math.exp(0.3 * normal);
  },
  "with a narrow spread": (random) => (random() < 0.02 ? 1000 : 9 + 2 * random()),
  "in whole milliseconds": (random) => (random() < 0.02 ? 1000 : 8 + Math.floor(5 * random())),
  "always of the same time": (random) => (random() < 0.02 ? 1000 : 10),
};

async function simulate(seed: number, latency: (random: () => number) => number) {
  const clock = new ManualClock();
  const random = randomOf(seed);
  const hedge = new Hedge({ clock });
  const times: number[] = [];
  let calls = 0;
  const work = (): Promise<void> => {
    calls++;
    return new Promise((resolve) => {
      clock.setTimer(resolve, latency(random));
    });
  };
  for (let call = 0; call < CALLS; call++) {
    const started = clock.now();
    void hedge.execute(work).then(() => times.push(clock.now() - started));
    await clock.advance("5ms");
  }
  await clock.advance(10);
  const sorted = Float64Array.from(times).toSorted();
  const at = (share: number): number => sorted[Math.floor(share * sorted.length)] ?? 0;
  return { p50: at(0.5), p99: at(0.99), extra: calls / CALLS - 1 };
}

test.each(Object.entries(services))(
  "%s: the 99th percentile falls below 60 ms, for at most a twentieth more calls",
  async (_name, latency) => {
    for (const seed of [1, 2, 3]) {
      const { p50, p99, extra } = await simulate(seed, latency);
      expect(p50).toBeCloseTo(10, 0);
      expect(p99).toBeLessThan(60);
      expect(extra).toBeLessThanOrEqual(0.05);
      expect(extra).toBeGreaterThan(0.015);
    }
  },
);
