import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { fallback, fallbackSync } from "../../../src/policies/fallback/decorators.js";
import { Fallback } from "../../../src/policies/fallback/fallback.js";
import { Timeout } from "../../../src/policies/timeout/timeout.js";
import { ManualClock } from "../../../src/testing/index.js";
import { byHand, listeners, never, reasonOf } from "../by-hand.js";

const down = new Error("down");
const failing = (): Promise<never> => Promise.reject(down);

let clock: ManualClock;
let warnings: MockInstance<typeof process.emitWarning>;
beforeEach(() => {
  clock = new ManualClock();
  warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
});
afterEach(() => {
  warnings.mockRestore();
});

describe("a call that fails", () => {
  test.each([
    ["a value", "instead"],
    ["null", null],
    ["what a function returns", () => "instead"],
    ["what a function promises", async () => "instead"],
  ])("resolves with %s", async (_what, to) => {
    const policy = new Fallback<unknown>({ to });
    const told = vi.fn<(event: object) => void>();
    policy.on("fallback", told);
    expect(await policy.call(failing)).toBe(to === null ? null : "instead");
    expect(told).toHaveBeenCalledExactlyOnceWith({
      outcome: { status: "rejected", reason: down },
      source: "value",
    });
    expect(policy.stats).toEqual({ totalCalls: 1, fallbacks: 1, fromLastGood: 0, fromValue: 1 });
  });

  test("passes the outcome and the context to the function", async () => {
    const to = vi.fn<(outcome: unknown, context: unknown) => string>(() => "instead");
    await new Fallback({ to, clock }).execute(failing, { attempt: 2, remaining: 5 });
    const [outcome, context] = to.mock.calls[0] ?? [];
    expect(outcome).toEqual({ status: "rejected", reason: down });
    expect(context).toMatchObject({ attempt: 2, remaining: 5 });
  });

  test("passes the arguments of the call to the function", async () => {
    const old = new Fallback({ to: (_outcome, _context, pair: string) => `old price of ${pair}` });
    expect(await old.call(async (_pair: string) => failing(), "BTC")).toBe("old price of BTC");
    expect(await old.wrap(async (_pair: string) => failing())("ETH")).toBe("old price of ETH");
    expect(await old.execute(failing, { key: "ADA" })).toBe("old price of ADA");
    const price = old.wrapSync((_pair: string): string => expect.fail("down"));
    expect(price("XRP")).toBe("old price of XRP");
  });

  test.each([
    ["throws", () => expect.fail("from the fallback")],
    ["rejects", () => Promise.reject(new Error("from the fallback"))],
  ])("comes out as the cause when the function %s", async (_what, to) => {
    const error = await reasonOf(new Fallback({ to }).call(failing));
    expect(error).toMatchObject({ message: "from the fallback", cause: down });
  });

  test("is not aborted by its caller: that comes out", async () => {
    const controller = new AbortController();
    const policy = new Fallback({ to: "instead" });
    const work = byHand<string>();
    const ended = reasonOf(policy.execute(work.fn, { signal: controller.signal }));
    controller.abort("enough");
    expect(await ended).toBe("enough");
    work.at(0).fail(down);
    await clock.advance(0);
    expect(policy.stats.fallbacks).toBe(0);
    expect(listeners(controller.signal)).toBe(0);
  });

  test("is not one that an outer timeout has ended", async () => {
    const policy = new Fallback({ to: "instead" });
    const timeout = new Timeout({ timeout: 1, clock });
    const ended = reasonOf(timeout.execute((context) => policy.execute(never, context)));
    await clock.advance(1);
    expect(await ended).toMatchObject({ code: "ERR_TIMEOUT_EXCEEDED" });
    expect(policy.stats.fallbacks).toBe(0);
  });
});

describe("a result", () => {
  test("stays as it is", async () => {
    expect(await new Fallback({ to: "instead" }).call(() => undefined)).toBeUndefined();
  });

  test("is replaced by handleIf", async () => {
    const policy = new Fallback({ to: "instead", handleIf: (end) => end.status === "fulfilled" });
    expect(await policy.call(() => 5)).toBe("instead");
    expect(await reasonOf(policy.call(failing))).toBe(down);
  });
});

test.each([() => expect.fail("mine"), () => Promise.resolve(true)])(
  "a handleIf that fails leaves the outcome as it is, and a warning tells: %o",
  async (handleIf) => {
    const policy = new Fallback({ to: "instead", handleIf: handleIf as unknown as () => boolean });
    expect(await reasonOf(policy.call(failing))).toBe(down);
    expect(await policy.call(() => 5)).toBe(5);
    expect(warnings.mock.calls[0]?.[1]).toMatchObject({ code: "KSTLIB_PREDICATE_FAILED" });
  },
);

describe("the last good result", () => {
  const make = (more: object = {}, to?: string): Fallback<string> =>
    new Fallback({ to, lastGood: { maxAge: 10, ...more }, clock });

  test("comes before the value, until it is too old", async () => {
    const policy = make({}, "value");
    const told: unknown[] = [];
    policy.on("fallback", ({ source }) => told.push(source));
    expect(await policy.call(failing)).toBe("value");
    await policy.call(() => "good");
    await clock.advance(10);
    expect(await policy.call(failing)).toBe("good");
    await clock.advance(0.001);
    expect(await policy.call(failing)).toBe("value");
    expect(told).toEqual(["value", "last-good", "value"]);
    expect(policy.stats).toMatchObject({ fallbacks: 3, fromLastGood: 1, fromValue: 2 });
  });

  test("may be undefined", async () => {
    const policy = make({}, "value");
    await policy.call(() => undefined);
    expect(await policy.call(failing)).toBeUndefined();
  });

  test("that is missing lets the error through when there is no value", async () => {
    expect(await reasonOf(make().call(failing))).toBe(down);
  });

  test("belongs to the key of the call's arguments", async () => {
    const policy = make({ key: (pair: string) => pair });
    let isUp = true;
    const price = policy.wrap(async (pair: string) => (isUp ? `${pair}!` : failing()));
    await price("BTC");
    isUp = false;
    expect(await price("BTC")).toBe("BTC!");
    expect(await reasonOf(price("ETH"))).toBe(down);
  });

  test("is kept for maxKeys keys; the oldest result is dropped", async () => {
    const policy = make({ key: (key: string) => key, maxKeys: 2 });
    for (const key of ["a", "b", "a", "c"]) await policy.call((text: string) => text, key);
    expect(policy.snapshot()).toMatchObject({ kept: 2 });
    expect(await reasonOf(policy.call((_key: string) => failing(), "b"))).toBe(down);
    expect(await policy.call((_key: string) => failing(), "a")).toBe("a");
  });

  test("is not a result that handleIf replaces", async () => {
    const policy = new Fallback<number>({
      lastGood: { maxAge: 10 },
      handleIf: (end) => end.status === "rejected" || end.value === 503,
      clock,
    });
    await policy.call(() => 200);
    expect(await policy.call(() => 503)).toBe(200);
    expect(await policy.call(failing)).toBe(200);
  });

  test.each([() => expect.fail("mine"), () => 5, () => undefined])(
    "is none when key fails, and a warning tells: %o",
    async (key) => {
      const policy = make({ key });
      expect(await policy.call(() => "good")).toBe("good");
      expect(await reasonOf(policy.call(failing))).toBe(down);
      expect(warnings.mock.calls[0]?.[1]).toMatchObject({ code: "KSTLIB_KEY_FAILED" });
    },
  );
});

describe("synchronous functions", () => {
  const broken = (): never => {
    throw down;
  };

  test("are answered synchronously", () => {
    const policy = new Fallback({ to: () => "instead", lastGood: { maxAge: 10 }, clock });
    expect(policy.callSync(broken)).toBe("instead");
    expect(policy.callSync(() => "good")).toBe("good");
    expect(policy.executeSync(broken)).toBe("good");
    expect(policy.wrapSync(broken)()).toBe("good");
  });

  test("need a synchronous fallback, too", () => {
    const policy = new Fallback({ to: async () => "instead" });
    expect(() => policy.callSync(broken)).toThrow(expect.objectContaining({ cause: down }));
  });
});

test("the wrapper protects a function, and a method with its this", async () => {
  class Api {
    greeting = "well";
    @fallback({ to: "instead" })
    async greet(name: string): Promise<string> {
      return name === "ann" ? `${this.greeting}, ann` : failing();
    }
    @fallbackSync({ to: "instead" })
    fail(): string {
      throw down;
    }
  }
  const api = new Api();
  expect([await api.greet("ann"), await api.greet("bob"), api.fail()]).toEqual([
    "well, ann",
    "instead",
    "instead",
  ]);
});
