import { describe, expect, test, vi } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import type { CircuitBreakerOptions, ResetTimeoutInfo } from "../../src/circuit-breaker/options.js";
import { ManualClock } from "../../src/testing/index.js";

const down = new Error("down");

function opened(options: CircuitBreakerOptions): { clock: ManualClock; breaker: CircuitBreaker } {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker({ clock, maxFailures: 1, ...options });
  breaker.tryPermit()?.failure(down);
  return { clock, breaker };
}

const left = (breaker: CircuitBreaker): number | null => breaker.snapshot().remainingSeconds;

describe("a reset timeout that is a function", () => {
  test("is asked at each opening: how often it has opened again, and by what", async () => {
    const asked: ResetTimeoutInfo[] = [];
    const { breaker, clock } = opened({
      resetTimeout: (info) => {
        asked.push(info);
        return 10 + info.reopenings;
      },
      probeTimeout: 5,
    });
    expect(left(breaker)).toBe(10);
    await clock.advance(10);
    breaker.tryPermit()?.failure("again");
    expect(left(breaker)).toBe(11);
    await clock.advance(11);
    breaker.tryPermit();
    await clock.advance(5);
    expect(left(breaker)).toBe(12);
    expect(asked).toEqual([
      { reopenings: 0, cause: down },
      { reopenings: 1, cause: "again" },
      { reopenings: 2, cause: expect.objectContaining({ code: "ERR_PROBE_TIMEOUT" }) },
    ]);
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("mine");
      },
    ],
    ["returns no duration", () => "soon"],
    ["returns a promise", async () => 5],
    ["returns NaN", () => Number.NaN],
    ["returns a negative number", () => -1],
  ])(
    "that %s gives way to 60 s, with a warning, and the caller gets its own error",
    async (_, resetTimeout) => {
      const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
      const clock = new ManualClock();
      const options = { clock, maxFailures: 1, resetTimeout } as unknown as CircuitBreakerOptions;
      const breaker = new CircuitBreaker(options);
      await expect(breaker.call(() => Promise.reject(down))).rejects.toBe(down);
      expect(left(breaker)).toBe(60);
      expect(warn).toHaveBeenCalledWith(
        expect.stringMatching(/^resetTimeout of circuit/),
        expect.objectContaining({ code: "KSTLIB_DELAY_FAILED" }),
      );
      warn.mockRestore();
    },
  );

  test("that looks at the breaker finds it as it was, and comes to an end", () => {
    const states: string[] = [];
    const breaker: CircuitBreaker = new CircuitBreaker({
      clock: new ManualClock(),
      maxFailures: 1,
      resetTimeout: () => {
        states.push(breaker.state);
        return 5;
      },
    });
    breaker.tryPermit()?.failure(down);
    expect(states).toEqual(["closed"]);
    expect(breaker.state).toBe("open");
  });
});

describe("jitter", () => {
  test.each([
    [0, 10],
    [0.5, 12.5],
    [0.999, 14.995],
  ])("lengthens the reset timeout by its share of a draw: %d", (drawn, expected) => {
    const { breaker } = opened({ resetTimeout: 10, jitter: 0.5, random: () => drawn });
    expect(left(breaker)).toBeCloseTo(expected, 9);
  });

  test("is drawn anew at each opening, also of a timeout that grows", async () => {
    const draws = [0, 1];
    const { breaker, clock } = opened({
      resetTimeout: { initial: 10, factor: 2, max: 60 },
      jitter: 0.1,
      random: () => draws.shift() ?? 0,
    });
    expect(left(breaker)).toBe(10);
    await clock.advance(10);
    breaker.tryPermit()?.failure(down);
    expect(left(breaker)).toBeCloseTo(22, 9);
  });

  test.each([
    [
      () => {
        throw new Error("mine");
      },
    ],
    [() => 2],
    [() => "half"],
  ])("goes on with a draw of its own when random is of no use: %o", (random) => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const { breaker } = opened({ resetTimeout: 10, jitter: 0.5, random: random as () => number });
    expect(left(breaker)).toBeGreaterThanOrEqual(10);
    expect(left(breaker)).toBeLessThanOrEqual(15);
    expect(warn).toHaveBeenCalledOnce();
    warn.mockRestore();
  });
});
