import { describe, expect, test } from "vitest";
import { rateLimiter, rateLimiterSync } from "../../src/rate-limiter/decorators.js";
import { RateLimitExceededError } from "../../src/rate-limiter/errors.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { call, CountingSignal, watch } from "./admissions.js";

function greet(this: { greeting: string } | void, name: string): string {
  return `${this ? this.greeting : "Hello"} ${name}`;
}

describe("rateLimiter", () => {
  test("makes a function wait for its turn and keeps this, arguments, result, name and length", async () => {
    const clock = new ManualClock();
    const limited = rateLimiter({ rate: 10, burst: 1, clock })(greet);
    expect([limited.name, limited.length]).toEqual(["greet", 1]);
    expect(limited.limiter).toBeInstanceOf(RateLimiter);
    await expect(limited.call({ greeting: "Hi" }, "you")).resolves.toBe("Hi you");
    const second = watch(limited("you"));
    await clock.advance(0.099);
    expect(second.state).toBe("pending");
    await clock.advance(0.001);
    expect(second.state).toBe("fulfilled");
  });

  test("works with options, without, and directly on the function", async () => {
    const direct = rateLimiter(greet);
    const empty = rateLimiter()(greet);
    for (const limited of [direct, empty]) {
      await expect(limited("you")).resolves.toBe("Hello you");
      expect(limited.limiter.rate).toBe(10);
    }
    expect(direct.limiter).not.toBe(empty.limiter);
  });

  test("gives one limiter to everything that one call wraps", () => {
    const limited = rateLimiter({ rate: 1 });
    expect(limited(greet).limiter).toBe(limited(() => 1).limiter);
  });

  test("refuses at once when it does not block", async () => {
    const limited = rateLimiter({ rate: 10, burst: 1, blocking: false, clock: new ManualClock() })(() => 1);
    await limited();
    const refused = await limited().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RateLimitExceededError);
    expect(refused).toMatchObject({ retryAfter: 0.1 });
  });

  test("refuses at once when the timeout cannot be met", async () => {
    const clock = new ManualClock();
    const limited = rateLimiter({ rate: 10, burst: 1, timeout: "100ms", clock })(() => 1);
    await limited();
    const met = watch(limited());
    await expect(limited()).rejects.toMatchObject({ retryAfter: 0.2 });
    await clock.advance(0.1);
    expect(met.state).toBe("fulfilled");
  });

  test("a function that throws or rejects settles the promise", async () => {
    const broken = rateLimiter(() => {
      throw new Error("broken");
    });
    await expect(broken()).rejects.toThrow("broken");
  });

  test("decorates methods: one bucket for all instances, bare or with options", async () => {
    const clock = new ManualClock();
    class Api {
      constructor(readonly base: string) {}
      @rateLimiter({ rate: 10, burst: 1, blocking: false, clock })
      async get(path: string): Promise<string> {
        return this.base + path;
      }
      @rateLimiter
      async post(path: string): Promise<string> {
        return this.base + path;
      }
    }
    await expect(new Api("a").get("/x")).resolves.toBe("a/x");
    await expect(new Api("b").get("/x")).rejects.toThrow(RateLimitExceededError);
    await expect(new Api("b").post("/x")).resolves.toBe("b/x");
    expect(Reflect.get(Reflect.get(Api.prototype, "post"), "limiter")).toBeInstanceOf(RateLimiter);
  });

  test("decorates methods with a bucket for each instance", async () => {
    const clock = new ManualClock();
    const perInstance = rateLimiter({ rate: 10, burst: 1, blocking: false, perInstance: true, clock });
    class Api {
      @perInstance
      async get(): Promise<number> {
        return 1;
      }
    }
    const [one, two] = [new Api(), new Api()];
    await one.get();
    await two.get();
    await expect(one.get()).rejects.toThrow(RateLimitExceededError);
    const limited = perInstance(() => 1);
    expect(limited.limiterOf(one)).not.toBe(limited.limiterOf(two));
    expect(limited.limiterOf(one)).toBe(limited.limiterOf(one));
    expect(limited.limiterOf(undefined)).toBe(limited.limiter);
  });

  test("is an error on anything else", () => {
    const apply = (...args: unknown[]): unknown => Reflect.apply(rateLimiter, undefined, args);
    expect(() => apply(greet, { kind: "field" })).toThrow(/@rateLimiter decorates methods; got "field"/);
    expect(() => apply({}, "name")).toThrow(/@rateLimiter decorates methods; got "name", which is none/);
    expect(() => Reflect.apply(rateLimiter(), undefined, [1])).toThrow(TypeError);
  });
});

describe("rateLimiterSync", () => {
  test("keeps a synchronous function synchronous and blocks the thread", () => {
    const clock = new ManualClock();
    const limited = rateLimiterSync({ rate: 10, burst: 1, clock })(greet);
    expect(limited.call({ greeting: "Hi" }, "you")).toBe("Hi you");
    expect(limited("you")).toBe("Hello you");
    expect(clock.now()).toBe(100);
    expect(rateLimiterSync(greet)("you")).toBe("Hello you");
  });

  test("throws when it does not block, and decorates methods", () => {
    const clock = new ManualClock();
    class Parser {
      @rateLimiterSync({ rate: 10, burst: 1, blocking: false, clock })
      parse(text: string): number {
        return Number(text);
      }
    }
    const parser = new Parser();
    expect(parser.parse("1")).toBe(1);
    expect(() => parser.parse("2")).toThrow(RateLimitExceededError);
    expect(clock.now()).toBe(0);
  });
});

describe("limiter.wrap", () => {
  test("shares one limiter among functions, async and sync, with a cost each", async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter({ rate: 10, burst: 5, clock });
    const one = limiter.wrap(async (x: number) => x + 1, { cost: 3 });
    const two = limiter.wrapSync((x: number) => x + 2, { cost: 2, timeout: 0 });
    expect([one.limiter, two.limiter, two.limiterOf({})]).toEqual([limiter, limiter, limiter]);
    await expect(one(1)).resolves.toBe(2);
    expect(two(1)).toBe(3);
    expect(() => two(1)).toThrow(RateLimitExceededError);
    expect(() => limiter.wrap(greet, { timeout: -1 })).toThrow(/timeout/);
    expect(() => call(limiter, "wrapSync", 1)).toThrow(/wrapSync needs a function/);
  });

  test("reads its options once and refuses invalid ones", async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter({ rate: 10, burst: 5, clock });
    const options = { cost: 1 };
    const wrapped = limiter.wrap(greet, options);
    options.cost = 4;
    await wrapped("a");
    expect(limiter.tokens).toBe(4);
    for (const cost of [Number.NaN, -1, 0, Infinity, "5", null, {}]) {
      expect(() => limiter.wrap(greet, { cost: cost as number })).toThrow(/cost/);
    }
    for (const none of [null, 5, "x", []]) {
      expect(() => limiter.wrap(greet, none as object)).toThrow(/options of wrap must be a plain object/);
    }
  });

  test("ends the waits of all calls when its signal aborts, and runs nothing", async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter({ rate: 10, burst: 1, clock });
    const stop = new CountingSignal();
    const ran: number[] = [];
    const wrapped = limiter.wrap(async (x: number) => ran.push(x), { signal: stop.signal });
    await wrapped(1);
    const waiting = [watch(wrapped(2)), watch(wrapped(3))];
    stop.controller.abort("over");
    await clock.advance(1);
    expect(waiting).toEqual([
      { state: "rejected", reason: "over" },
      { state: "rejected", reason: "over" },
    ]);
    await expect(wrapped(4)).rejects.toBe("over");
    expect([ran, clock.pendingTimers, stop.listeners, limiter.tokens]).toEqual([[1], 0, 0, 1]);
  });

  test("finds the signal of each call in its this and arguments", async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter({ rate: 10, burst: 1, clock });
    const ask = limiter.wrap(
      async (text: string, { signal: _own }: { signal?: AbortSignal } = {}) => text.length,
      { signal: (_text, { signal } = {}) => signal },
    );
    await ask("a");
    const one = new CountingSignal();
    const given = watch(ask("ab", { signal: one.signal }));
    const other = watch(ask("abc"));
    one.controller.abort("gone");
    await clock.advance(0.1);
    expect([given.reason, other.state, one.listeners]).toEqual(["gone", "fulfilled", 0]);
    class Api {
      readonly stop = new CountingSignal();
      @rateLimiter({ rate: 10, burst: 1, clock, signal: abortedBy })
      async get(): Promise<string> {
        return "got";
      }
    }
    function abortedBy(this: Api): AbortSignal {
      return this.stop.signal;
    }
    const [first, second] = [new Api(), new Api()];
    await first.get();
    const waits = [watch(first.get()), watch(second.get())];
    first.stop.controller.abort("stopped");
    await clock.advance(0.1);
    expect([waits[0]?.reason, waits[1]?.state]).toEqual(["stopped", "fulfilled"]);
    const nothing = limiter.wrap(greet, { signal: () => "no signal" as unknown as AbortSignal });
    await expect(nothing("a")).rejects.toThrow(/signal must be an AbortSignal/);
  });

  test("an abort once the function runs is left to the function, even in the tick in which it begins", async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter({ rate: 10, burst: 1, clock });
    const stop = new AbortController();
    const wrapped = limiter.wrap(
      async () => {
        stop.abort("meanwhile");
        await Promise.resolve();
        return "ended in order";
      },
      { signal: stop.signal },
    );
    await expect(wrapped()).resolves.toBe("ended in order");
    const failing = limiter.wrap(
      () => {
        throw new Error("at once");
      },
      { signal: new AbortController().signal },
    );
    await clock.advance(1);
    await expect(failing()).rejects.toThrow("at once");
  });

  test("an abort between the turn and the function gives the tokens back", async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter({ rate: 10, burst: 1, clock });
    const stop = new AbortController();
    limiter.tryAcquire();
    limiter.on("acquired", () => stop.abort("late"));
    const waiting = watch(limiter.wrap(greet, { signal: stop.signal })("a"));
    await clock.advance(0.1);
    expect([waiting.reason, limiter.tokens]).toEqual(["late", 1]);
  });

  test("refuses anything but a signal, and a signal for a call that blocks the thread", () => {
    const limiter = new RateLimiter();
    for (const signal of [null, 5, {}, "x"]) {
      expect(() => call(limiter, "wrap", greet, { signal })).toThrow(/signal must be/);
    }
    const { signal } = new AbortController();
    expect(() => call(limiter, "wrapSync", greet, { signal })).toThrow(/signal is not an option of wrapSync/);
    expect(() => call({ rateLimiterSync }, "rateLimiterSync", { signal })).toThrow(/signal is not an option/);
    expect(() => rateLimiter({ signal: AbortSignal.abort() })(greet)).not.toThrow();
  });
});
