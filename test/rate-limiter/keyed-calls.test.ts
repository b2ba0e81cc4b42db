import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RateLimitExceededError } from "../../src/rate-limiter/errors.js";
import { KeyedRateLimiter } from "../../src/rate-limiter/keyed-rate-limiter.js";
import type { KeyedRateLimiterOptions } from "../../src/rate-limiter/keyed-options.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { call, CountingSignal, numRuns, watch } from "./admissions.js";

function setUp(options: KeyedRateLimiterOptions = {}): { clock: ManualClock; limiter: KeyedRateLimiter } {
  const clock = new ManualClock();
  return { clock, limiter: new KeyedRateLimiter({ rate: 10, burst: 1, ...options, clock }) };
}

describe("execute of a keyed limiter", () => {
  test("runs at once if the key's tokens are available, and otherwise in its turn", async () => {
    const { clock, limiter } = setUp();
    const ran: string[] = [];
    const run = (name: string): Promise<number> => limiter.execute(name, () => ran.push(name));
    const all = ["a", "a", "b"].map(run);
    expect(ran).toEqual(["a", "b"]);
    await clock.advance(0.1);
    await Promise.all(all);
    expect(ran).toEqual(["a", "b", "a"]);
    expect(limiter.stats).toMatchObject({ totalAcquired: 3, totalWaited: 0.1, queued: 0 });
  });

  test("settles as the function does, and what the function throws costs its token", async () => {
    const { limiter } = setUp({ burst: 3 });
    const fails = (): never => {
      throw new Error("no");
    };
    await expect(limiter.execute("a", () => 7)).resolves.toBe(7);
    await expect(limiter.execute("a", fails)).rejects.toThrow("no");
    expect(limiter.tokens("a")).toBe(1);
  });

  test("rejects when its turn cannot come in time or no key has room, and runs nothing", async () => {
    const { limiter } = setUp({ maxKeys: 1, onFull: "deny" });
    limiter.tryAcquire("a");
    const never = (): never => expect.unreachable();
    await expect(limiter.execute("a", never, { timeout: 0.05 })).rejects.toThrow(RateLimitExceededError);
    await expect(limiter.execute("b", never)).rejects.toThrow("all 1 keys are in use");
    await expect(call(limiter, "execute", "a", 1)).rejects.toThrow(TypeError);
    await expect(call(limiter, "execute", 1, never)).rejects.toThrow(/^key must be a string/);
    await expect(call(limiter, "execute", "a", never, { tiemout: 1 })).rejects.toThrow(/timeout/);
    expect(limiter.stats).toMatchObject({ totalRejected: 2, queued: 0 });
  });

  test("an abort before it runs takes no token and leaves no listener or timer", async () => {
    const { clock, limiter } = setUp();
    const { controller, signal } = new CountingSignal();
    limiter.tryAcquire("a");
    const waiting = watch(limiter.execute("a", () => expect.unreachable(), { signal }));
    await clock.advance(0.05);
    controller.abort(new Error("stop"));
    await clock.advance(0.05);
    expect(waiting).toMatchObject({ state: "rejected", reason: new Error("stop") });
    expect([limiter.tokens("a"), clock.pendingTimers]).toEqual([1, 0]);
    await expect(limiter.execute("a", () => expect.unreachable(), { signal })).rejects.toThrow("stop");
    expect(limiter.tokens("a")).toBe(1);
  });

  test("an abort between its turn and its run gives the tokens back", async () => {
    const { clock, limiter } = setUp();
    const controller = new AbortController();
    limiter.on("acquired", ({ waited }) => {
      if (waited > 0) controller.abort(new Error("stop"));
    });
    limiter.tryAcquire("a");
    const run = limiter.execute("a", () => expect.unreachable(), { signal: controller.signal });
    const waiting = watch(run);
    await clock.advance(0.1);
    expect(waiting).toMatchObject({ state: "rejected", reason: new Error("stop") });
    expect(limiter.tokens("a")).toBe(1);
  });
});

describe("wrap of a keyed limiter", () => {
  test("finds the key in the arguments and this of each call", async () => {
    const { clock, limiter } = setUp();
    const service = {
      region: "eu",
      send: limiter.wrap(
        async function (this: { region: string }, to: string, text: string) {
          return `${this.region} ${to} ${text}`;
        },
        {
          key(this: unknown, to) {
            return `${(this as { region: string }).region}/${to}`;
          },
        },
      ),
    };
    await expect(service.send("a", "x")).resolves.toBe("eu a x");
    const second = watch(service.send("a", "y"));
    await expect(service.send("b", "z")).resolves.toBe("eu b z");
    expect([second.state, limiter.tokens("eu/a"), limiter.tokens("eu/b")]).toEqual(["pending", 0, 0]);
    await clock.advance(0.1);
    expect(second.state).toBe("fulfilled");
    expect(service.send.limiter).toBe(limiter);
  });

  test("passes cost, timeout and the call's own signal on", async () => {
    const { limiter } = setUp({ burst: 2 });
    const fn = limiter.wrap(async (_key: string, _signal?: AbortSignal) => 1, {
      key: (key) => key,
      cost: 2,
      timeout: 0.5,
      signal: (_key, signal) => signal,
    });
    await fn("a");
    expect(limiter.tokens("a")).toBe(0);
    const controller = new AbortController();
    const waiting = watch(fn("a", controller.signal));
    controller.abort(new Error("stop"));
    await Promise.resolve();
    await expect(fn("a", controller.signal)).rejects.toThrow("stop");
    expect(waiting).toMatchObject({ state: "rejected", reason: new Error("stop") });
    limiter.pauseFor("a", 1);
    await expect(fn("a")).rejects.toThrow(RateLimitExceededError);
  });

  test("a function that throws or returns no string rejects the call, and takes nothing", async () => {
    const { limiter } = setUp();
    const results: unknown[] = [undefined, null, 7, {}, Promise.resolve("a")];
    for (const result of results) {
      const fn = call(limiter, "wrap", () => expect.unreachable(), { key: () => result });
      await expect((fn as () => Promise<unknown>)()).rejects.toThrow(/^key must be a string/);
    }
    const key = (): never => {
      throw new Error("no key");
    };
    await expect(limiter.wrap(() => expect.unreachable(), { key })()).rejects.toThrow("no key");
    expect([limiter.size, limiter.stats.queued]).toEqual([0, 0]);
  });

  test.each([
    [undefined, /options of wrap/],
    [null, /options of wrap/],
    [{}, /^key must be a function that returns a string/],
    [{ key: "a" }, /^key must be a function/],
    [{ keys: () => "a" }, /did you mean key\?/],
    [{ key: (): string => "a", cost: 0 }, /^cost/],
    [{ key: (): string => "a", timeout: "x" }, /^timeout/],
    [{ key: (): string => "a", signal: 1 }, /^signal/],
  ])("options of %o are an error when the function is made", (options, message) => {
    const { limiter } = setUp();
    expect(() => call(limiter, "wrap", () => 1, options)).toThrow(message);
  });
});

describe("a blocked key", () => {
  test("refuses all requests until the block ends, then is as before", async () => {
    const { clock, limiter } = setUp({ burst: 2 });
    const waiting = [limiter.acquire("a", { cost: 2 }), limiter.acquire("a")].map(watch);
    await clock.advance(0);
    limiter.block("a", "1m");
    await clock.advance(0);
    expect(waiting.map(({ state }) => state)).toEqual(["fulfilled", "rejected"]);
    const blocked = expect.objectContaining({
      code: "ERR_RATE_LIMIT_EXCEEDED",
      retryAfter: 60,
      message: "keyed-rate-limiter: this key is blocked; retry after 60 s.",
    });
    expect(limiter.tryAcquire("a")).toBe(false);
    await expect(limiter.acquire("a")).rejects.toEqual(blocked);
    await expect(limiter.execute("a", () => 1)).rejects.toEqual(blocked);
    expect(() => limiter.reserve("a")).toThrow(blocked);
    expect([limiter.timeUntilToken("a"), limiter.tryAcquire("b"), clock.pendingTimers]).toEqual([
      60,
      true,
      0,
    ]);
    await clock.advance(60);
    expect(limiter.tryAcquire("a", 2)).toBe(true);
  });

  test("is not ended early by a shorter block or a pause, but by reset", async () => {
    const { clock, limiter } = setUp();
    limiter.block("a", 10);
    limiter.block("a", 1);
    limiter.pauseFor("a", 20);
    await clock.advance(10);
    const waiting = watch(limiter.acquire("a"));
    expect([limiter.timeUntilToken("a"), waiting.state]).toEqual([expect.closeTo(10.1, 6), "pending"]);
    limiter.block("a", Infinity);
    await clock.advance(0);
    expect(waiting.state).toBe("rejected");
    limiter.reset("a");
    expect(limiter.tryAcquire("a")).toBe(true);
  });

  test("is not evicted before the block ends, and needs a place in the table to be blocked", async () => {
    const { clock, limiter } = setUp({ maxKeys: 1 });
    limiter.block("a", 1);
    expect(limiter.tryAcquire("b")).toBe(false);
    expect(() => limiter.block("b", 1)).toThrow(RateLimitExceededError);
    await clock.advance(1);
    expect([limiter.tryAcquire("b"), limiter.stats.totalEvicted]).toEqual([true, 0]);
  });

  test("is not blocked by 0 or less, NaN, undefined or null; anything else is an error", () => {
    const { limiter } = setUp();
    for (const none of [0, -1, Number.NaN, undefined, null]) limiter.block("a", none);
    expect(limiter.size).toBe(0);
    for (const wrong of ["5", "", {}, true]) {
      expect(() => call(limiter, "block", "a", wrong)).toThrow(/^duration must be/);
    }
    expect(() => call(limiter, "block", 1, 1)).toThrow(/^key must be a string/);
  });
});

describe("tokens given back to a key", () => {
  test("are available again, up to the burst, and make no key known", async () => {
    const { clock, limiter } = setUp({ burst: 5 });
    limiter.tryAcquire("a", 4);
    limiter.giveBack("a", 2);
    expect(limiter.tokens("a")).toBe(3);
    limiter.giveBack("a", 1e300);
    expect([limiter.tokens("a"), limiter.size]).toEqual([5, 0]);
    limiter.giveBack("never seen");
    expect([limiter.tokens("never seen"), limiter.size]).toEqual([5, 0]);
    await clock.advance(1);
    expect([limiter.tryAcquire("a", 5), limiter.tryAcquire("a")]).toEqual([true, false]);
  });

  test("serve the waiters of that key", async () => {
    const { clock, limiter } = setUp({ burst: 2 });
    limiter.tryAcquire("a", 2);
    const waiting = [limiter.acquire("a"), limiter.acquire("a", { cost: 2 })].map(watch);
    limiter.giveBack("a");
    await clock.advance(0);
    expect(waiting.map(({ state }) => state)).toEqual(["fulfilled", "pending"]);
    limiter.giveBack("a", 2);
    await clock.advance(0);
    expect([waiting[1]?.state, limiter.tokens("a"), clock.pendingTimers]).toEqual(["fulfilled", 0, 0]);
  });

  test("are not given back a second time with a reservation", () => {
    const { limiter } = setUp({ burst: 5 });
    const reservation = limiter.reserve("a", 5);
    limiter.giveBack("a", 3);
    reservation.cancel();
    expect([limiter.tokens("a"), limiter.tryAcquire("a", 5), limiter.tryAcquire("a")]).toEqual([
      5,
      true,
      false,
    ]);
  });

  test("pay a debt first", () => {
    const { limiter } = setUp({ burst: 5 });
    limiter.reserve("a", 5).commit(8);
    limiter.giveBack("a", 2);
    expect([limiter.tokens("a"), limiter.timeUntilToken("a")]).toEqual([0, 0.2]);
  });

  test("change the order in which keys are evicted", () => {
    const { limiter } = setUp({ burst: 5, maxKeys: 3 });
    const evicted: string[] = [];
    limiter.on("evicted", ({ key }) => evicted.push(key));
    limiter.tryAcquire("a", 5);
    limiter.tryAcquire("b", 4);
    limiter.tryAcquire("c", 3);
    limiter.giveBack("a", 4);
    limiter.tryAcquire("d", 5);
    limiter.tryAcquire("e", 5);
    expect(evicted).toEqual(["a", "c"]);
  });

  test.each([0, -1, Number.NaN, Infinity, "1", null, {}, true])("%o tokens are an error", (tokens) => {
    const { limiter } = setUp();
    limiter.tryAcquire("a");
    expect(() => call(limiter, "giveBack", "a", tokens)).toThrow(/^tokens must be a number above 0/);
    expect(() => call(limiter, "giveBack", 1, 1)).toThrow(/^key must be a string/);
    expect(limiter.tokens("a")).toBe(0);
  });

  test("leave what a naive model has: what was taken minus what was given back, never below 0", async () => {
    const step = fc.record({
      key: fc.constantFrom("a", "b"),
      wait: fc.integer({ min: 0, max: 8 }),
      take: fc.integer({ min: 1, max: 4 }),
      back: fc.integer({ min: 0, max: 5 }),
      kind: fc.constantFrom("take", "take", "reserve", "back"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        // A token a second: all figures are whole, so both have to be equal.
        const { clock, limiter } = setUp({ rate: 1, burst: 8 });
        const taken = new Map<string, number>();
        const answers: (readonly [actual: unknown, expected: unknown])[] = [];
        for (const { key, wait, take, back, kind } of steps) {
          await clock.advance(wait);
          for (const [other, level] of taken) taken.set(other, Math.max(0, level - wait));
          const level = taken.get(key) ?? 0;
          if (kind === "back") {
            if (back > 0) limiter.giveBack(key, back);
            taken.set(key, Math.max(0, level - back));
          } else if (kind === "take" || level + take > 8) {
            const fits = level + take <= 8;
            answers.push([limiter.tryAcquire(key, take), fits]);
            if (fits) taken.set(key, level + take);
          } else {
            const used = Math.min(take, back);
            limiter.reserve(key, take).commit(used);
            taken.set(key, level + used);
          }
          for (const [other, spent] of taken) answers.push([limiter.tokens(other), 8 - spent]);
        }
        expect(answers.map(([actual]) => actual)).toEqual(answers.map(([, expected]) => expected));
      }),
      { numRuns },
    );
  });
});
