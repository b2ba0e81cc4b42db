import { describe, expect, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { CircuitOpenError } from "../../src/circuit-breaker/errors.js";
import type { CircuitMode } from "../../src/circuit-breaker/options.js";
import { ManualClock } from "../../src/testing/index.js";

const down = new Error("down");

describe("a breaker that observes", () => {
  test("changes its state as ever, makes every call, and tells what it would have refused", async () => {
    const clock = new ManualClock();
    const breaker = new CircuitBreaker({ clock, maxFailures: 1, resetTimeout: 10, mode: "observe" });
    const told: unknown[] = [];
    breaker.on("wouldReject", ({ error }) => told.push(error));
    breaker.on("rejected", () => told.push("rejected"));
    await expect(breaker.call(() => Promise.reject(down))).rejects.toBe(down);
    expect(breaker.state).toBe("open");
    await expect(breaker.call(async () => "well")).resolves.toBe("well");
    expect(breaker.callSync(() => "well")).toBe("well");
    expect(breaker.state).toBe("open");
    expect(told).toEqual([expect.any(CircuitOpenError), expect.any(CircuitOpenError)]);
    expect(breaker.stats).toMatchObject({
      totalCalls: 3,
      successfulCalls: 2,
      failedCalls: 1,
      rejectedCalls: 0,
      wouldRejectCalls: 2,
    });
  });

  test("recovers by the probes that it would admit, and by no others", async () => {
    const clock = new ManualClock();
    const breaker = new CircuitBreaker({ clock, maxFailures: 1, resetTimeout: 10, mode: "observe" });
    breaker.tryPermit()?.failure(down);
    await clock.advance(10);
    const probe = breaker.tryPermit();
    const other = breaker.tryPermit();
    other?.failure(down);
    expect(breaker.state).toBe("half-open");
    probe?.success();
    expect(breaker.state).toBe("closed");
    expect(breaker.stats.wouldRejectCalls).toBe(1);
  });

  test("lets calls through also while it is isolated", () => {
    const breaker = new CircuitBreaker({ mode: "observe" });
    using _isolated = breaker.isolate();
    expect(breaker.callSync(() => 5)).toBe(5);
    expect(breaker.stats).toMatchObject({ wouldRejectCalls: 1, successfulCalls: 1 });
  });
});

describe("a breaker that is off", () => {
  test("calls and counts nothing", async () => {
    const breaker = new CircuitBreaker({ maxFailures: 1, mode: "off" });
    const heard: string[] = [];
    for (const event of ["success", "failure", "rejected", "wouldReject", "ignored"] as const) {
      breaker.on(event, () => heard.push(event));
    }
    await expect(breaker.call(() => Promise.reject(down))).rejects.toBe(down);
    expect(() =>
      breaker.callSync(() => {
        throw down;
      }),
    ).toThrow(down);
    expect(await breaker.execute(() => 5)).toBe(5);
    const aborted = { signal: AbortSignal.abort("enough") };
    await expect(breaker.execute(() => 5, aborted)).rejects.toBe("enough");
    expect(breaker.state).toBe("closed");
    expect(breaker.stats).toMatchObject({
      totalCalls: 0,
      failedCalls: 0,
      successfulCalls: 0,
      ignoredCalls: 0,
    });
    expect(heard).toEqual([]);
  });

  test("keeps an open circuit, whose time goes on, for when it is enforced again", async () => {
    const clock = new ManualClock();
    const breaker = new CircuitBreaker({ clock, maxFailures: 1, resetTimeout: 10 });
    breaker.tryPermit()?.failure(down);
    breaker.setMode("off");
    expect(await breaker.call(() => 5)).toBe(5);
    await clock.advance(4);
    breaker.setMode("enforce");
    expect(breaker.snapshot()).toMatchObject({ mode: "enforce", state: "open", remainingSeconds: 6 });
    await expect(breaker.call(() => 5)).rejects.toBeInstanceOf(CircuitOpenError);
  });

  test("leaves a call alone that began before, and one that ends after", async () => {
    const breaker = new CircuitBreaker({ maxFailures: 1 });
    const before = breaker.tryPermit();
    breaker.setMode("off");
    const during = breaker.tryPermit();
    breaker.setMode("enforce");
    during?.failure(down);
    expect(breaker.state).toBe("closed");
    before?.failure(down);
    expect(breaker.state).toBe("open");
    expect(breaker.stats).toMatchObject({ totalCalls: 1, failedCalls: 1 });
  });
});

test.each(["on", null, 5, undefined])("setMode refuses %o, and the mode stays", (mode) => {
  const breaker = new CircuitBreaker({ mode: "observe" });
  expect(() => breaker.setMode(mode as CircuitMode)).toThrow(
    /^mode must be one of "enforce", "observe", "off"/,
  );
  expect(breaker.mode).toBe("observe");
});

describe("a call that says nothing", () => {
  test("is told, with what it ended in", async () => {
    const told: unknown[] = [];
    const breaker = new CircuitBreaker({ excludedErrors: [TypeError] });
    breaker.on("ignored", ({ error }) => told.push(error));
    const error = new TypeError("not found");
    await breaker.call(() => Promise.reject(error)).catch(() => {});
    await breaker.execute(() => 5, { signal: AbortSignal.abort("before") }).catch(() => {});
    breaker.tryPermit()?.release();
    expect(told).toEqual([error, "before", undefined]);
    expect(breaker.stats.ignoredCalls).toBe(3);
  });

  test.each([
    [{ late: 0.6, seconds: 1 }, "ignored"],
    [{ late: 0.5, seconds: 1 }, "failed"],
    [{ late: "0.6", seconds: 1 }, "failed"],
    [{}, "failed"],
  ])("is a timeout that was late because this thread was blocked: %o is %s", (own, expected) => {
    const breaker = new CircuitBreaker();
    const error = Object.assign(new Error("late"), { code: "ERR_TIMEOUT_EXCEEDED" }, own);
    breaker.tryPermit()?.failure(error);
    expect(breaker.stats).toMatchObject({ [`${expected}Calls`]: 1 });
  });
});
