import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { Chaos } from "../../../src/policies/chaos/chaos.js";
import { chaos } from "../../../src/policies/chaos/decorators.js";
import type { ChaosOptions } from "../../../src/policies/chaos/options.js";
import { ManualClock } from "../../../src/testing/index.js";
import { listeners, never, reasonOf } from "../by-hand.js";

let clock: ManualClock;
let warnings: MockInstance<typeof process.emitWarning>;
beforeEach(() => {
  clock = new ManualClock();
  warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
});
afterEach(() => {
  warnings.mockRestore();
});

const make = <Value = never>(options: ChaosOptions<Value> = {}): Chaos<Value> =>
  new Chaos({ enabled: true, rate: 1, random: () => 0, clock, ...options });

describe("a fault", () => {
  test("is an error of its own by default; the function is not called", async () => {
    const policy = make({ name: "monkey" });
    const told = vi.fn<(event: object) => void>();
    policy.on("fault", told);
    const fn = vi.fn<() => void>();
    expect(await reasonOf(policy.call(fn))).toMatchObject({ message: 'fault injected by chaos "monkey"' });
    expect(fn).not.toHaveBeenCalled();
    expect(told).toHaveBeenCalledExactlyOnceWith({ kind: "error" });
    expect(policy.stats).toEqual({ totalCalls: 1, faults: 1 });
  });

  test("may be a given error, or one made for each call", async () => {
    const down = new Error("down");
    expect(await reasonOf(make({ error: down }).call(() => 5))).toBe(down);
    expect(await reasonOf(make({ error: () => "made" }).call(() => 5))).toBe("made");
  });

  test("may be a value", async () => {
    expect(await make({ value: "odd" }).call(() => 5)).toBe("odd");
  });

  test("may be a delay, after which the function is called", async () => {
    const fn = vi.fn<() => number>(() => 5);
    const call = make({ latency: 2 }).call(fn);
    await clock.advance(1.9);
    expect(fn).not.toHaveBeenCalled();
    await clock.advance(0.1);
    expect(await call).toBe(5);
  });

  test("may be a delay and an error", async () => {
    const ended = reasonOf(make({ latency: 2, error: () => "late" }).call(() => 5));
    await clock.advance(2);
    expect(await ended).toBe("late");
  });

  test("that delays a call ends when the caller aborts", async () => {
    const controller = new AbortController();
    const fn = vi.fn<() => void>();
    const ended = reasonOf(make({ latency: 2 }).execute(fn, { signal: controller.signal }));
    controller.abort("enough");
    expect(await ended).toBe("enough");
    await clock.advance(5);
    expect(fn).not.toHaveBeenCalled();
    expect(clock.pendingTimers).toBe(0);
    expect(listeners(controller.signal)).toBe(0);
  });
});

test("a call without a fault can be given up as well", async () => {
  const controller = new AbortController();
  const ended = reasonOf(make({ rate: 0 }).execute(never, { signal: controller.signal }));
  controller.abort("enough");
  expect(await ended).toBe("enough");
  expect(listeners(controller.signal)).toBe(0);
});

describe("faults are injected", () => {
  test.each([
    [undefined, false],
    [false, false],
    [true, true],
    [() => false, false],
    [() => true, true],
  ])("when enabled is %o: %o", async (enabled, isFaulty) => {
    const policy = make({ enabled, value: "odd" });
    expect(await policy.call(() => "well")).toBe(isFaulty ? "odd" : "well");
  });

  test("for the share of calls given by rate", async () => {
    const draws = [0, 0.24, 0.25, 0.9];
    const policy = make({ rate: 0.25, value: "odd", random: () => draws.shift() ?? 1 });
    const results: string[] = [];
    while (draws.length > 0) results.push(await policy.call(() => "well"));
    expect(results).toEqual(["odd", "odd", "well", "well"]);
    expect(await make({ rate: 0, value: "odd" }).call(() => "well")).toBe("well");
  });

  test.each([
    ["enabled throws", { enabled: () => expect.fail("mine") }],
    ["enabled promises", { enabled: () => Promise.resolve(true) }],
    ["random throws", { random: () => expect.fail("mine") }],
    ["random is NaN", { random: () => Number.NaN }],
    ["random is a text", { random: () => "0" }],
  ])("never when %s: the call goes through, and a warning tells", async (_what, options) => {
    const policy = make(options as unknown as ChaosOptions<never>);
    expect(await policy.call(() => "well")).toBe("well");
    expect(warnings).toHaveBeenCalledOnce();
    expect(policy.stats.faults).toBe(0);
  });
});

test("the wrapper protects a function, and a method with its this", async () => {
  class Api {
    greeting = "well";
    @chaos({ enabled: true, rate: 1, value: "odd" })
    async fail(): Promise<string> {
      return this.greeting;
    }
    @chaos()
    async greet(): Promise<string> {
      return this.greeting;
    }
  }
  const api = new Api();
  expect([await api.fail(), await api.greet()]).toEqual(["odd", "well"]);
});
