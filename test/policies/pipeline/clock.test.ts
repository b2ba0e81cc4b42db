import { expect, test } from "vitest";
import { Registry } from "../../../src/registry.js";
import { resilient } from "../../../src/resilient.js";
import { ManualClock } from "../../../src/testing/manual-clock.js";

const hang = (): Promise<never> => new Promise(() => {});

test("one clock is that of all parts that resilient makes", async () => {
  const clock = new ManualClock();
  const api = resilient({
    name: "api",
    clock,
    fallback: { to: "instead", lastGood: { maxAge: "1m" } },
    totalTimeout: "1h",
    retry: { attempts: 2, delay: { initial: "10s", jitter: "none" } },
    hedge: { delay: "1s" },
    rateLimiter: { rate: 1, per: "1m", burst: 4 },
    circuitBreaker: { maxFailures: 4, resetTimeout: "2h" },
    bulkhead: true,
    adaptiveLimiter: true,
    timeout: "3s",
  });
  let attempts = 0;
  const answer = api.execute(() => {
    attempts++;
    return hang();
  });
  await clock.advance("1s");
  expect(attempts).toBe(2);
  await clock.advance("3s");
  expect(api.timeout.stats.timedOutCalls).toBe(2);
  await clock.advance("9s");
  expect(attempts).toBe(2);
  await clock.advance("5s");
  expect(await answer).toBe("instead");
  expect(api.circuitBreaker.state).toBe("open");
  await clock.advance("2h");
  expect(api.circuitBreaker.state).toBe("half-open");
  expect(await api.execute(() => "well")).toBe("well");
});

test("a part keeps a clock of its own", async () => {
  const [clock, own] = [new ManualClock(), new ManualClock()];
  const api = resilient({ clock, circuitBreaker: { maxFailures: 1, resetTimeout: "1s", clock: own } });
  await api.execute(() => Promise.reject(new Error("down"))).catch(() => {});
  await clock.advance("1m");
  expect(api.circuitBreaker.state).toBe("open");
  await own.advance("1s");
  expect(api.circuitBreaker.state).toBe("half-open");
});

test("a clock that is none is refused, and one of a registry's pipeline as well", () => {
  expect(() => resilient({ clock: Date as never, timeout: 1 })).toThrow(/^clock must be a clock/);
  const given = { clock: new ManualClock(), timeout: 1 };
  expect(() => new Registry().pipeline("api", given as object)).toThrow(
    /^clock is not an option of Registry.pipeline/,
  );
});
