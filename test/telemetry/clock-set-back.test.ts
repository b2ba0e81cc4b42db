import { expect, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { realClock } from "../../src/kernel/clock.js";
import { Bulkhead } from "../../src/policies/bulkhead/bulkhead.js";
import { prometheusMetrics } from "../../src/telemetry/index.js";

test("a clock that is set back makes durations of 0, and none is missing", async () => {
  using metrics = prometheusMetrics();
  let now = 10_000;
  const clock = { ...realClock, now: () => now };
  const bulkhead = new Bulkhead({ name: "back", maxConcurrent: 1, maxQueue: 1, clock });
  const permit = bulkhead.tryPermit();
  const waiting = bulkhead.call(() => 1);
  now = 0;
  permit?.[Symbol.dispose]();
  await waiting;
  now = 10_000;
  const breaker = new CircuitBreaker({ name: "back", clock });
  await breaker.call(() => {
    now = 0;
  });
  const lines = metrics.text().split("\n");
  for (const metric of ["bulkhead_wait", "circuit_breaker_call"]) {
    expect(lines).toContain(`kstlib_resilience_${metric}_duration_seconds_sum{name="back"} 0`);
    expect(lines).toContain(`kstlib_resilience_${metric}_duration_seconds_count{name="back"} 1`);
  }
});
