import { describe, expect, test } from "vitest";
import { RateLimitError, RateLimitExceededError } from "../../src/rate-limiter/errors.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import type { Duration } from "../../src/kernel/duration.js";
import { call, CountingSignal, watch } from "./admissions.js";

function setUp(options: { rate?: number; per?: Duration; burst?: number; maxQueue?: number } = {}): {
  clock: ManualClock;
  limiter: RateLimiter;
} {
  const clock = new ManualClock();
  return { clock, limiter: new RateLimiter({ rate: 10, burst: 1, ...options, clock }) };
}

/** Starts requests whose names are noted in the order of their turns. */
function ask(limiter: RateLimiter, order: string[], names: string, cost = 1): void {
  for (const name of names) void limiter.acquire({ cost }).then(() => order.push(name));
}

describe("a rate limiter", () => {
  test("admits the burst at once, then one every per / rate", async () => {
    const { clock, limiter } = setUp({ rate: 10, burst: 50 });
    for (let request = 0; request < 50; request++) expect(limiter.tryAcquire()).toBe(true);
    expect(limiter.tryAcquire()).toBe(false);
    await clock.advance(0.099);
    expect(limiter.tryAcquire()).toBe(false);
    await clock.advance(0.001);
    expect(limiter.tryAcquire()).toBe(true);
    expect(limiter.tryAcquire()).toBe(false);
  });

  test("a rate of one half admits one every two seconds", async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter({ rate: 0.5, clock });
    expect(limiter.burst).toBe(1);
    expect(limiter.tryAcquire()).toBe(true);
    expect(limiter.timeUntilToken()).toBe(2);
    await clock.advance(1.999);
    expect(limiter.tryAcquire()).toBe(false);
    await clock.advance(0.001);
    expect(limiter.tryAcquire()).toBe(true);
  });

  test("without options it has the documented defaults", () => {
    const limiter = new RateLimiter();
    expect(limiter).toMatchObject({ name: "rate-limiter", rate: 10, per: 1, burst: 10 });
    expect(limiter.tokens).toBe(10);
  });

  test("tokens flow in with fractions, up to the burst, and are never negative", async () => {
    const { clock, limiter } = setUp({ burst: 2 });
    limiter.tryAcquire(2);
    expect(limiter.tokens).toBe(0);
    await clock.advance(0.05);
    expect(limiter.tokens).toBeCloseTo(0.5);
    await clock.advance(10);
    expect(limiter.tokens).toBe(2);
    limiter.tryAcquire(2);
    limiter.reserve(2);
    await clock.advance(0.2);
    expect(limiter.tokens).toBe(0);
  });

  test("waiters get their turns in order, with one timer, and none is left", async () => {
    const { clock, limiter } = setUp();
    const order: string[] = [];
    ask(limiter, order, "abcd");
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(0);
    expect(order.join("")).toBe("a");
    await clock.advance(0.2);
    expect(order.join("")).toBe("abc");
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(0.1);
    expect(order.join("")).toBe("abcd");
    expect(clock.pendingTimers).toBe(0);
    expect(limiter.stats).toEqual({ totalAcquired: 4, totalRejected: 0, totalWaited: 0.6, queued: 0 });
  });

  test("neither tryAcquire nor a cheaper request overtakes a waiter", async () => {
    const { clock, limiter } = setUp({ burst: 5 });
    limiter.tryAcquire(3);
    const order: string[] = [];
    ask(limiter, order, "a", 4);
    ask(limiter, order, "b", 1);
    expect(limiter.tokens).toBe(2);
    expect(limiter.tryAcquire()).toBe(false);
    await clock.advance(0.2);
    expect(order.join("")).toBe("a");
    expect(limiter.tryAcquire()).toBe(false);
    await clock.advance(0.1);
    expect(order.join("")).toBe("ab");
  });

  test("tryAcquire first serves waiters that are due when the timer is late", () => {
    const { clock, limiter } = setUp();
    limiter.tryAcquire();
    const waiter = limiter.acquire();
    clock.sleepSync(100);
    expect(limiter.tryAcquire()).toBe(false);
    expect(limiter.stats).toMatchObject({ totalAcquired: 2, queued: 0 });
    expect(clock.pendingTimers).toBe(0);
    return waiter;
  });

  test("a late timer still serves a waiter past its timeout, and what was accepted is kept", async () => {
    const { clock, limiter } = setUp();
    limiter.tryAcquire();
    const waiter = watch(limiter.acquire({ timeout: 0.1 }));
    clock.sleepSync(5000);
    await clock.advance(0);
    expect(waiter.state).toBe("fulfilled");
  });

  test("a timeout that cannot be met is refused in the same tick, with the right retryAfter", async () => {
    const { clock, limiter } = setUp();
    limiter.tryAcquire();
    void limiter.acquire();
    const met = watch(limiter.acquire({ timeout: 0.2 }));
    const refused = watch(limiter.acquire({ timeout: 0.29 }));
    const now = watch(limiter.acquire({ timeout: 0 }));
    await Promise.resolve();
    await Promise.resolve();
    expect(refused.state).toBe("rejected");
    expect(refused.reason).toBeInstanceOf(RateLimitExceededError);
    expect(refused.reason).toMatchObject({ code: "ERR_RATE_LIMIT_EXCEEDED", retryAfter: 0.3 });
    expect(now.state).toBe("rejected");
    await clock.advance(0.2);
    expect(met.state).toBe("fulfilled");
    expect(clock.pendingTimers).toBe(0);
  });

  test("a timeout of 0 admits what needs no wait", async () => {
    const { limiter } = setUp();
    await limiter.acquire({ timeout: 0 });
    expect(limiter.stats.totalAcquired).toBe(1);
  });

  test("an aborted waiter rejects at once with the reason, takes nothing and lets the others move up", async () => {
    const { clock, limiter } = setUp({ burst: 5 });
    limiter.tryAcquire(5);
    const first = new CountingSignal();
    const aborted = watch(limiter.acquire({ cost: 5, signal: first.signal }));
    const next = watch(limiter.acquire({ cost: 1 }));
    expect(first.listeners).toBe(1);
    await clock.advance(0.1);
    expect(next.state).toBe("pending");
    const reason = new Error("the user left");
    first.controller.abort(reason);
    await clock.advance(0);
    expect(aborted).toEqual({ state: "rejected", reason });
    expect(next.state).toBe("fulfilled");
    expect(clock.pendingTimers).toBe(0);
    expect(limiter.stats).toMatchObject({ totalAcquired: 2, totalRejected: 0, queued: 0 });
  });

  test("of several waiters with one signal, none is admitted by the abort that removes the first", async () => {
    const { clock, limiter } = setUp({ burst: 5 });
    limiter.tryAcquire(4);
    const { signal, controller } = new CountingSignal();
    // An earlier listener that asks the limiter makes it look at the queue.
    signal.addEventListener("abort", () => limiter.timeUntilToken());
    const expensive = watch(limiter.acquire({ cost: 5, signal }));
    const affordable = watch(limiter.acquire({ cost: 1, signal }));
    controller.abort("stop");
    await clock.advance(0);
    expect([expensive, affordable]).toEqual([
      { state: "rejected", reason: "stop" },
      { state: "rejected", reason: "stop" },
    ]);
    expect([limiter.tokens, limiter.stats.queued]).toEqual([1, 0]);
  });

  test("a signal that is already aborted rejects and takes nothing", async () => {
    const { limiter } = setUp();
    await expect(limiter.acquire({ signal: AbortSignal.abort("no") })).rejects.toBe("no");
    await expect(limiter.execute(() => 1, { signal: AbortSignal.abort("no") })).rejects.toBe("no");
    expect(limiter.tokens).toBe(1);
  });

  test("a signal loses its listener when its last waiter is served", async () => {
    const { clock, limiter } = setUp();
    const shared = new CountingSignal();
    for (let request = 0; request < 3; request++) void limiter.acquire({ signal: shared.signal });
    expect(shared.listeners).toBe(1);
    await clock.advance(0.1);
    expect(shared.listeners).toBe(1);
    await clock.advance(0.1);
    expect(shared.listeners).toBe(0);
  });

  test("100,000 waiters can leave at once and one by one, and leave nothing behind", async () => {
    const { clock, limiter } = setUp();
    limiter.tryAcquire();
    const crowd = new CountingSignal();
    const loners = Array.from({ length: 1000 }, () => new CountingSignal());
    const outcomes: Promise<unknown>[] = [];
    for (let request = 0; request < 100_000; request++) {
      const { signal } = loners[request] ?? crowd;
      outcomes.push(limiter.acquire({ signal }).catch((error: unknown) => error));
    }
    const last = watch(limiter.acquire());
    expect(limiter.stats.queued).toBe(100_001);
    for (const loner of loners) loner.controller.abort("gone");
    crowd.controller.abort("gone");
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(["gone"]));
    expect(limiter.stats.queued).toBe(1);
    expect(limiter.timeUntilToken()).toBeCloseTo(0.2);
    await clock.advance(0.1);
    expect(last.state).toBe("fulfilled");
    expect(clock.pendingTimers).toBe(0);
    expect(crowd.listeners).toBe(0);
    expect(loners.reduce((total, { listeners }) => total + listeners, 0)).toBe(0);
  });

  test("a cost above the burst is a separate error and blocks no request", async () => {
    const { clock, limiter } = setUp({ burst: 2 });
    limiter.tryAcquire(2);
    const waiter = watch(limiter.acquire());
    const tooMuch = { code: "ERR_RATE_LIMIT_COST", name: "RateLimitError" };
    await expect(limiter.acquire({ cost: 3 })).rejects.toMatchObject(tooMuch);
    await expect(limiter.execute(() => 1, { cost: 3 })).rejects.toMatchObject(tooMuch);
    for (const attempt of [
      () => limiter.tryAcquire(3),
      () => limiter.acquireSync({ cost: 2.5 }),
      () => limiter.reserve(3),
      () => limiter.timeUntilToken(3),
    ]) {
      expect(attempt).toThrow(expect.objectContaining(tooMuch));
      expect(attempt).not.toThrow(RateLimitExceededError);
      expect(attempt).toThrow(RateLimitError);
    }
    await clock.advance(0.1);
    expect(waiter.state).toBe("fulfilled");
  });

  test("a full queue refuses the next request at once", async () => {
    const { clock, limiter } = setUp({ maxQueue: 1 });
    limiter.tryAcquire();
    const waiter = watch(limiter.acquire());
    await expect(limiter.acquire()).rejects.toMatchObject({
      code: "ERR_RATE_LIMIT_EXCEEDED",
      retryAfter: 0.2,
    });
    expect(() => limiter.acquireSync()).toThrow(RateLimitExceededError);
    expect(() => limiter.reserve()).toThrow(RateLimitExceededError);
    await clock.advance(0.1);
    expect(waiter.state).toBe("fulfilled");
  });

  test("a wait longer than 2^31 ms works", async () => {
    const { clock, limiter } = setUp({ rate: 1, per: "30d" });
    limiter.tryAcquire();
    const waiter = watch(limiter.acquire({ timeout: "30d" }));
    await clock.advance("29d");
    expect(waiter.state).toBe("pending");
    await clock.advance("1d");
    expect(waiter.state).toBe("fulfilled");
  });

  test("a timer that fires early is set again", async () => {
    const clock = new ManualClock();
    let early = 2;
    const hasty = {
      now: () => clock.now(),
      wallNow: () => clock.wallNow(),
      sleepSync: (delay: number) => clock.sleepSync(delay),
      setTimer: (callback: () => void, delay: number) =>
        clock.setTimer(callback, early-- > 0 ? delay / 2 : delay),
    };
    const limiter = new RateLimiter({ rate: 10, burst: 1, clock: hasty });
    limiter.tryAcquire();
    const waiter = watch(limiter.acquire());
    await clock.advance(0.099);
    expect(waiter.state).toBe("pending");
    await clock.advance(0.001);
    expect(waiter.state).toBe("fulfilled");
    expect(early).toBe(-1);
  });

  test("snapshots are frozen, plain and current", async () => {
    const { clock, limiter } = setUp({ burst: 3 });
    limiter.tryAcquire();
    const snapshot = limiter.snapshot();
    expect(Object.isFrozen(snapshot) && Object.isFrozen(limiter.stats)).toBe(true);
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual({
      kind: "rate-limiter",
      name: "rate-limiter",
      rate: 10,
      per: 1,
      burst: 3,
      tokens: 2,
      totalAcquired: 1,
      totalRejected: 0,
      totalWaited: 0,
      queued: 0,
    });
    await clock.advance(1);
    expect(limiter.snapshot().tokens).toBe(3);
    expect(snapshot.tokens).toBe(2);
  });
});

describe("execute", () => {
  test("waits for its turn, passes the signal on and settles as the function does", async () => {
    const { clock, limiter } = setUp();
    const { signal } = new AbortController();
    await expect(limiter.execute((context) => context.signal === signal, { signal })).resolves.toBe(true);
    const second = watch(limiter.execute(() => Promise.reject(new Error("broken"))));
    await clock.advance(0.099);
    expect(second.state).toBe("pending");
    await clock.advance(0.001);
    expect(second.reason).toEqual(new Error("broken"));
  });

  test("never throws synchronously", async () => {
    const { limiter } = setUp();
    const thrower = (): never => {
      throw new Error("sync");
    };
    await expect(limiter.execute(thrower)).rejects.toThrow("sync");
    await expect(call(limiter, "execute", 1)).rejects.toThrow(TypeError);
    await expect(limiter.execute(() => 1, { timeout: -1 })).rejects.toThrow(/timeout/);
  });

  test("an abort while it waits keeps the function from running and takes nothing", async () => {
    const { clock, limiter } = setUp();
    limiter.tryAcquire();
    const controller = new CountingSignal();
    let ran = false;
    const run = (): void => {
      ran = true;
    };
    const waiting = watch(limiter.execute(run, { signal: controller.signal }));
    controller.controller.abort("stop");
    await clock.advance(0.1);
    expect(waiting).toEqual({ state: "rejected", reason: "stop" });
    expect(ran).toBe(false);
    expect(limiter.tokens).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  test("an abort between the turn and the function keeps it from running", async () => {
    const { clock, limiter } = setUp();
    limiter.tryAcquire();
    const controller = new CountingSignal();
    let ran = false;
    limiter.on("acquired", () => controller.controller.abort("late"));
    const waiting = watch(limiter.execute(() => (ran = true), { signal: controller.signal }));
    await clock.advance(0.1);
    expect(waiting).toEqual({ state: "rejected", reason: "late" });
    expect(ran).toBe(false);
  });

  test("an abort between the turn and the function gives the tokens back to the next waiter", async () => {
    const { clock, limiter } = setUp({ burst: 5 });
    limiter.tryAcquire(5);
    const controller = new CountingSignal();
    const first = limiter.on("acquired", () => controller.controller.abort("late"));
    const aborted = watch(limiter.execute(() => 1, { cost: 4, signal: controller.signal }));
    const next = watch(limiter.acquire({ cost: 3 }));
    await clock.advance(0.4);
    first[Symbol.dispose]();
    expect(aborted).toEqual({ state: "rejected", reason: "late" });
    expect(next.state).toBe("fulfilled");
    expect(limiter.tokens).toBeCloseTo(1);
    expect([clock.pendingTimers, controller.listeners]).toEqual([0, 0]);
  });

  test("an abort between the turn and the function gives back no more than the window's bound allows", async () => {
    const { clock, limiter } = setUp({ burst: 2 });
    limiter.tryAcquire(2);
    const controller = new CountingSignal();
    const waiting = watch(limiter.execute(() => 1, { cost: 2, signal: controller.signal }));
    // Served late: the bucket is full, and empty after it.
    clock.sleepSync(1000);
    expect(limiter.tryAcquire()).toBe(false);
    // The bucket is full again before the function had a chance: somebody takes what it held.
    clock.sleepSync(1000);
    expect(limiter.tryAcquire(2)).toBe(true);
    controller.controller.abort("late");
    await clock.advance(0);
    expect(waiting).toEqual({ state: "rejected", reason: "late" });
    expect(limiter.tokens).toBe(0);
  });

  test("an abort while the function runs rejects at once and leaves no listener", async () => {
    const { limiter } = setUp();
    const controller = new CountingSignal();
    const running = limiter.execute(() => new Promise(() => {}), { signal: controller.signal });
    controller.controller.abort("stop");
    await expect(running).rejects.toBe("stop");
  });
});

describe("a pause", () => {
  test("admits no request until it is over, while tokens flow in", async () => {
    const { clock, limiter } = setUp({ burst: 3 });
    limiter.tryAcquire(3);
    limiter.pauseFor(2);
    const order: string[] = [];
    ask(limiter, order, "abc");
    expect(limiter.timeUntilToken()).toBe(2.1);
    await clock.advance(1.999);
    expect(order).toEqual([]);
    expect(limiter.tokens).toBe(3);
    expect(limiter.tryAcquire()).toBe(false);
    await clock.advance(0.001);
    expect(order.join("")).toBe("abc");
    expect(clock.pendingTimers).toBe(0);
  });

  test("applies to a full bucket, too, says how long it lasts, and is not shortened by a shorter one", async () => {
    const { clock, limiter } = setUp();
    limiter.pauseFor("10s");
    limiter.pauseFor("1s");
    expect(limiter.timeUntilToken()).toBe(10);
    await expect(limiter.acquire({ timeout: 9.9 })).rejects.toMatchObject({ retryAfter: 10 });
    expect(clock.pendingTimers).toBe(0);
    await clock.advance(10);
    expect(limiter.tryAcquire()).toBe(true);
  });

  test.each<readonly [Duration | null | undefined, number]>([
    [7200, 7200],
    [86_400, 86_400],
    [30_000, 30_000],
    [0.5, 0.5],
    ["2h", 7200],
    [0, 0],
    [-1, 0],
    [-Infinity, 0],
    [Number.NaN, 0],
    [undefined, 0],
    [null, 0],
  ])("takes what an upstream asks as it stands: %o is %d s", (asked, seconds) => {
    const { limiter } = setUp();
    limiter.pauseFor(asked);
    expect(limiter.timeUntilToken()).toBe(seconds);
    expect(limiter.tryAcquire()).toBe(seconds === 0);
  });

  test.each([Infinity, Number.MAX_VALUE, 1e15])("of %d s lasts until a reset", async (seconds) => {
    const { clock, limiter } = setUp({ burst: 2 });
    limiter.pauseFor(seconds);
    const waiters = [limiter.acquire(), limiter.acquire(), limiter.acquire()].map((turn) => watch(turn));
    const hurried = watch(limiter.acquire({ timeout: "1d" }));
    expect(() => limiter.reserve()).toThrow(RateLimitExceededError);
    await clock.advance("300d");
    expect(waiters.map(({ state }) => state)).toEqual(["pending", "pending", "pending"]);
    expect(hurried.reason).toMatchObject({ code: "ERR_RATE_LIMIT_EXCEEDED" });
    limiter.reset();
    await clock.advance(1);
    expect(waiters.map(({ state }) => state)).toEqual(["fulfilled", "fulfilled", "fulfilled"]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("refuses at once the waiters whose timeout it makes impossible, and only those", async () => {
    const { clock, limiter } = setUp();
    limiter.tryAcquire();
    const short = watch(limiter.acquire({ timeout: 1 }));
    const long = watch(limiter.acquire({ timeout: 5.05 }));
    limiter.pauseFor(5);
    await clock.advance(0);
    expect(short.state).toBe("rejected");
    expect(short.reason).toMatchObject({ code: "ERR_RATE_LIMIT_EXCEEDED", retryAfter: 5 });
    await clock.advance(5);
    expect(long.state).toBe("fulfilled");
  });
});

describe("an update", () => {
  test("keeps the available tokens, up to the new burst", async () => {
    const { clock, limiter } = setUp({ burst: 10 });
    limiter.tryAcquire(4);
    limiter.update({ rate: 1 });
    expect(limiter.tokens).toBeCloseTo(6);
    await clock.advance(1);
    expect(limiter.tokens).toBeCloseTo(7);
    limiter.update({ burst: 3 });
    expect(limiter.tokens).toBe(3);
    limiter.update({ burst: 100 });
    expect(limiter.tokens).toBeCloseTo(3);
    expect(limiter).toMatchObject({ rate: 1, per: 1, burst: 100, maxQueue: undefined });
    expect(new RateLimiter({ maxQueue: 3 }).maxQueue).toBe(3);
  });

  test("lets a burst that was never given follow the rate", () => {
    const limiter = new RateLimiter({ rate: 5, clock: new ManualClock() });
    limiter.update({ rate: 20 });
    expect(limiter.burst).toBe(20);
    limiter.update({ per: "1m" });
    expect(limiter).toMatchObject({ rate: 20, per: 60, burst: 20 });
    limiter.update({ burst: 7 });
    limiter.update({ rate: 1 });
    expect(limiter.burst).toBe(7);
  });

  test("wakes the waiters at their new times, in order", async () => {
    const { clock, limiter } = setUp({ rate: 1 });
    limiter.tryAcquire();
    const order: string[] = [];
    ask(limiter, order, "ab");
    limiter.update({ rate: 100 });
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(0.02);
    expect(order.join("")).toBe("ab");
    expect(clock.pendingTimers).toBe(0);
  });

  test("refuses a waiter that costs more than the new burst and one whose timeout can no longer be met", async () => {
    const { clock, limiter } = setUp({ burst: 5 });
    limiter.tryAcquire(5);
    const tooMuch = watch(limiter.acquire({ cost: 5 }));
    const tooLate = watch(limiter.acquire({ timeout: 1 }));
    const fine = watch(limiter.acquire());
    limiter.update({ rate: 0.5, burst: 2 });
    await clock.advance(0);
    expect(tooMuch.reason).toMatchObject({ code: "ERR_RATE_LIMIT_COST" });
    expect(tooLate.reason).toMatchObject({ code: "ERR_RATE_LIMIT_EXCEEDED", retryAfter: 2 });
    await clock.advance(2);
    expect(fine.state).toBe("fulfilled");
  });

  test("may be followed by another in a listener of a refusal, on which later ones build", () => {
    const { limiter } = setUp({ burst: 3 });
    limiter.tryAcquire(3);
    watch(limiter.acquire({ cost: 2, timeout: 0.3 }));
    limiter.on("rejected", () => limiter.update({ rate: 20 }));
    limiter.update({ rate: 1 });
    limiter.update({ burst: 2 });
    expect([limiter.rate, limiter.burst]).toEqual([20, 2]);
  });

  test("that is wrong changes nothing", () => {
    const { limiter } = setUp();
    for (const wrong of [
      { rate: -1 },
      { per: -1 },
      { burst: Number.NaN },
      { rat: 1 },
      null,
      { rate: 1e13 },
    ]) {
      expect(() => call(limiter, "update", wrong)).toThrow(/rate|per|burst|options/);
    }
    expect(limiter).toMatchObject({ rate: 10, per: 1, burst: 1 });
  });
});

describe("reset and disposal", () => {
  test("a reset fills the bucket, ends a pause and serves the waiters as far as the tokens go", async () => {
    const { clock, limiter } = setUp({ burst: 2 });
    limiter.tryAcquire(2);
    limiter.pauseFor(60);
    const order: string[] = [];
    ask(limiter, order, "abc");
    limiter.reset();
    await clock.advance(0);
    expect(order.join("")).toBe("ab");
    await clock.advance(0.1);
    expect(order.join("")).toBe("abc");
    expect(limiter.stats.totalAcquired).toBe(4);
  });

  test("disposing refuses the waiters, leaves no timer and lets no request wait again", async () => {
    const { clock, limiter } = setUp();
    limiter.tryAcquire();
    const signal = new CountingSignal();
    const waiter = watch(limiter.acquire({ signal: signal.signal }));
    limiter[Symbol.dispose]();
    limiter[Symbol.dispose]();
    await clock.advance(0);
    expect(waiter.reason).toMatchObject({ code: "ERR_RATE_LIMIT_DISPOSED" });
    expect([clock.pendingTimers, signal.listeners]).toEqual([0, 0]);
    await expect(limiter.acquire()).rejects.toMatchObject({ code: "ERR_RATE_LIMIT_DISPOSED" });
    expect(() => limiter.acquireSync()).toThrow(RateLimitError);
    await clock.advance(1);
    expect(limiter.tryAcquire()).toBe(true);
  });
});

describe("acquireSync", () => {
  test("takes available tokens at once and otherwise blocks until its turn", () => {
    const { clock, limiter } = setUp();
    limiter.acquireSync();
    expect(clock.now()).toBe(0);
    limiter.acquireSync();
    expect(clock.now()).toBe(100);
    limiter.acquireSync({ timeout: 0.1 });
    expect(clock.now()).toBe(200);
    expect(limiter.stats).toEqual({ totalAcquired: 3, totalRejected: 0, totalWaited: 0.2, queued: 0 });
  });

  test("refuses at once when its turn cannot come in time", () => {
    const { clock, limiter } = setUp();
    limiter.acquireSync();
    expect(() => limiter.acquireSync({ timeout: 0.09 })).toThrow(
      expect.objectContaining({ code: "ERR_RATE_LIMIT_EXCEEDED", retryAfter: 0.1 }),
    );
    expect(clock.now()).toBe(0);
  });

  test("waits behind earlier requests, whose promises resolve once the thread is free", async () => {
    const { clock, limiter } = setUp();
    limiter.tryAcquire();
    const order: string[] = [];
    ask(limiter, order, "ab");
    limiter.acquireSync();
    expect(clock.now()).toBe(300);
    expect(order).toEqual([]);
    await clock.advance(0);
    expect(order.join("")).toBe("ab");
    expect(clock.pendingTimers).toBe(0);
  });

  test("sets no timer for itself", () => {
    const clock = new ManualClock();
    let timers = 0;
    const counting = {
      now: () => clock.now(),
      wallNow: () => clock.wallNow(),
      sleepSync: (delay: number) => clock.sleepSync(delay),
      setTimer: (callback: () => void, delay: number) => {
        timers++;
        return clock.setTimer(callback, delay);
      },
    };
    const limiter = new RateLimiter({ rate: 10, burst: 1, clock: counting });
    limiter.acquireSync();
    limiter.acquireSync();
    expect(timers).toBe(0);
  });

  test("is refused when a listener's update makes it impossible, and leaves no place behind", () => {
    const { clock, limiter } = setUp({ burst: 2 });
    limiter.tryAcquire(2);
    void limiter.acquire();
    limiter.on("acquired", () => limiter.update({ burst: 1 }));
    expect(() => limiter.acquireSync({ cost: 2 })).toThrow(
      expect.objectContaining({ code: "ERR_RATE_LIMIT_COST" }),
    );
    expect(limiter.stats.queued).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test("leaves no place behind when the clock throws", () => {
    const clock = new ManualClock();
    const broken = Object.assign(Object.create(clock) as ManualClock, {
      now: () => clock.now(),
      sleepSync() {
        throw new Error("not on this thread");
      },
    });
    const limiter = new RateLimiter({ rate: 10, burst: 1, clock: broken });
    limiter.acquireSync();
    expect(() => limiter.acquireSync()).toThrow("not on this thread");
    expect(limiter.stats.queued).toBe(0);
  });
});

describe("events", () => {
  test("report every admission and refusal, afterwards", async () => {
    const { clock, limiter } = setUp();
    const told: unknown[] = [];
    const first = limiter.on("acquired", (event) =>
      told.push({ ...event, total: limiter.stats.totalAcquired }),
    );
    const second = limiter.on("rejected", (event) => told.push(event));
    limiter.tryAcquire();
    limiter.tryAcquire();
    void limiter.acquire();
    await limiter.acquire({ timeout: 0 }).catch(() => {});
    await clock.advance(0.1);
    expect(told).toEqual([
      { cost: 1, waited: 0, total: 1 },
      { cost: 1, retryAfter: 0.1 },
      { cost: 1, retryAfter: 0.2 },
      { cost: 1, waited: 0.1, total: 2 },
    ]);
    first[Symbol.dispose]();
    second[Symbol.dispose]();
    limiter.tryAcquire();
    expect(told).toHaveLength(4);
  });

  test("a listener may call back into the limiter", async () => {
    const { clock, limiter } = setUp({ burst: 2 });
    let calls = 0;
    limiter.on("acquired", () => {
      if (calls++ < 3) void limiter.acquire();
    });
    limiter.tryAcquire();
    await clock.advance(1);
    expect(limiter.stats).toMatchObject({ totalAcquired: 4, queued: 0 });
    expect(clock.pendingTimers).toBe(0);
  });
});
