import { describe, expect, test } from "vitest";
import { RateLimitError, RateLimitExceededError } from "../../src/rate-limiter/errors.js";
import { KeyedRateLimiter } from "../../src/rate-limiter/keyed-rate-limiter.js";
import { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import { call, watch } from "./admissions.js";

function setUp(burst = 5): { clock: ManualClock; limiter: RateLimiter } {
  const clock = new ManualClock();
  return { clock, limiter: new RateLimiter({ rate: 10, burst, clock }) };
}

describe("a reservation", () => {
  test("takes what is available at once and is promised the rest for later, each behind the one before", () => {
    const { clock, limiter } = setUp();
    expect([3, 3, 1, 5].map((cost) => limiter.reserve(cost).delay)).toEqual([0, 0.1, 0.2, 0.7]);
    expect(limiter.stats).toMatchObject({ totalAcquired: 4, queued: 3 });
    // Nobody has to be woken.
    expect(clock.pendingTimers).toBe(0);
  });

  test("is not overtaken, and is served without a timer", async () => {
    const { clock, limiter } = setUp();
    limiter.tryAcquire(3);
    limiter.reserve(4);
    expect(limiter.tokens).toBe(2);
    expect(limiter.tryAcquire()).toBe(false);
    expect(limiter.timeUntilToken()).toBeCloseTo(0.3);
    await clock.advance(1);
    expect(limiter.tokens).toBe(5);
    expect(limiter.stats.queued).toBe(0);
  });

  test("is refused when no time can be promised, so that no request has to wait behind it", () => {
    const { limiter } = setUp();
    limiter.pauseFor(Infinity);
    expect(() => limiter.reserve()).toThrow(RateLimitExceededError);
    limiter.reset();
    expect([limiter.stats.queued, limiter.tryAcquire()]).toEqual([0, true]);
    limiter.reserve().commit(1e300);
    expect(() => limiter.reserve()).toThrow(RateLimitExceededError);
  });

  test("that would wait longer than its timeout is refused, and takes no token", () => {
    const { limiter } = setUp();
    limiter.tryAcquire(5);
    const refused = expect.objectContaining({ code: "ERR_RATE_LIMIT_EXCEEDED", retryAfter: 0.2 });
    expect(() => limiter.reserve(2, { timeout: "199ms" })).toThrow(refused);
    expect(() => limiter.reserve(2, { timeout: 0 })).toThrow(refused);
    expect(limiter.stats).toMatchObject({ totalRejected: 2, queued: 0 });
    expect(limiter.reserve(2, { timeout: 0.2 }).delay).toBe(0.2);
    expect(limiter.reserve(1, {}).delay).toBe(0.3);
  });

  test("is refused for its timeout in a keyed limiter, too, which keeps no place for it", () => {
    const clock = new ManualClock();
    const limiter = new KeyedRateLimiter({ rate: 10, burst: 1, maxKeys: 1, clock });
    limiter.tryAcquire("a");
    expect(() => limiter.reserve("a", 1, { timeout: 0.05 })).toThrow(RateLimitExceededError);
    expect(limiter.stats).toMatchObject({ queued: 0, totalEvicted: 0 });
    expect(limiter.tryAcquire("b")).toBe(true);
    expect(limiter.reserve("b", 1, { timeout: 0.1 }).delay).toBe(0.1);
  });

  test.each([
    [{ timeout: -1 }, /^timeout/],
    [{ timeout: Number.NaN }, /^timeout/],
    [{ timeout: null }, /^timeout/],
    [{ maxWait: 1 }, /maxWait/],
    [null, /options of reserve/],
    [5, /options of reserve/],
  ])("of options %o is an error and takes nothing", (options, message) => {
    const { clock, limiter } = setUp();
    expect(() => call(limiter, "reserve", 1, options)).toThrow(message);
    const keyed = new KeyedRateLimiter({ clock });
    expect(() => call(keyed, "reserve", "a", 1, options)).toThrow(message);
    expect([limiter.tokens, keyed.size]).toEqual([5, 0]);
  });

  test("makes a waiter behind it wait, with one timer", async () => {
    const { clock, limiter } = setUp(1);
    limiter.tryAcquire();
    expect(limiter.reserve().delay).toBe(0.1);
    const waiter = watch(limiter.acquire());
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(0.199);
    expect(waiter.state).toBe("pending");
    await clock.advance(0.001);
    expect(waiter.state).toBe("fulfilled");
    expect(clock.pendingTimers).toBe(0);
  });

  test("cancelled at once gives everything back", () => {
    const { limiter } = setUp();
    limiter.reserve(5).cancel();
    expect(limiter.tokens).toBe(5);
    expect(limiter.tryAcquire(5)).toBe(true);
  });

  test("cancelled before its time never took anything, and the waiters move up", async () => {
    const { clock, limiter } = setUp();
    limiter.tryAcquire(5);
    const reservation = limiter.reserve(5);
    const waiter = watch(limiter.acquire());
    await clock.advance(0.1);
    expect(waiter.state).toBe("pending");
    reservation.cancel();
    await clock.advance(0);
    expect(waiter.state).toBe("fulfilled");
    expect(clock.pendingTimers).toBe(0);
    expect(limiter.stats.queued).toBe(0);
  });

  test("committed for less gives the rest back, before its time and after", () => {
    const now = setUp();
    now.limiter.reserve(5).commit(2);
    expect(now.limiter.tokens).toBe(3);
    const later = setUp();
    later.limiter.tryAcquire(5);
    const reservation = later.limiter.reserve(4);
    reservation.commit(1);
    expect(later.limiter.timeUntilToken(1)).toBeCloseTo(0.4);
    expect(later.limiter.timeUntilToken(5)).toBeCloseTo(0.6);
  });

  test("gives back only what the bucket could have held in the meantime", async () => {
    const { clock, limiter } = setUp();
    const reservation = limiter.reserve(5);
    // The bucket has become full again: somebody takes it all, and the cancelled tokens would make ten at once.
    await clock.advance(10);
    expect(limiter.tryAcquire(5)).toBe(true);
    reservation.cancel();
    expect(limiter.tokens).toBe(0);
    expect(limiter.tryAcquire()).toBe(false);
  });

  test("gives back the part that was still missing when other tokens were taken", async () => {
    const { clock, limiter } = setUp();
    const reservation = limiter.reserve(5);
    await clock.advance(0.3);
    limiter.tryAcquire(1);
    expect(limiter.tokens).toBeCloseTo(2);
    reservation.cancel();
    expect(limiter.tokens).toBeCloseTo(4);
  });

  test("of two given back, the second gets no more than is missing after the first", async () => {
    const { clock, limiter } = setUp();
    const first = limiter.reserve(3);
    const second = limiter.reserve(2);
    await clock.advance(0.2);
    limiter.tryAcquire(2);
    first.cancel();
    expect(limiter.tokens).toBeCloseTo(3);
    second.cancel();
    expect(limiter.tokens).toBeCloseTo(3);
  });

  test("wakes a waiter for the tokens it gives back", async () => {
    const { clock, limiter } = setUp();
    const reservation = limiter.reserve(5);
    const waiter = watch(limiter.acquire({ cost: 2 }));
    reservation.commit(3);
    await clock.advance(0);
    expect(waiter.state).toBe("fulfilled");
    expect(clock.pendingTimers).toBe(0);
  });

  test("is never served earlier than promised, nor is a later request let in before it when an earlier one leaves", async () => {
    const { clock, limiter } = setUp(1);
    limiter.tryAcquire();
    const controller = new AbortController();
    void limiter.acquire({ signal: controller.signal }).catch(() => {});
    const reservation = limiter.reserve();
    expect(reservation.delay).toBe(0.2);
    controller.abort();
    await clock.advance(0.15);
    // A token is there, but taken now it would make two in 50 ms.
    expect(limiter.tryAcquire()).toBe(false);
    await clock.advance(0.05);
    expect(limiter.timeUntilToken()).toBeCloseTo(0.1);
  });

  test("keeps its time through a pause, new limits and a reset", async () => {
    const { clock, limiter } = setUp(1);
    limiter.tryAcquire();
    expect(limiter.reserve().delay).toBe(0.1);
    const waiter = watch(limiter.acquire());
    limiter.pauseFor(0.15);
    limiter.update({ rate: 1 });
    await clock.advance(0.2);
    expect(waiter.state).toBe("pending");
    limiter.reset();
    await clock.advance(0);
    expect(waiter.state).toBe("fulfilled");
  });

  test("whose time came while the thread was blocked counts before a late waiter", async () => {
    const { clock, limiter } = setUp(1);
    limiter.tryAcquire();
    const waiter = watch(limiter.acquire());
    expect(limiter.reserve().delay).toBe(0.2);
    clock.sleepSync(250);
    await clock.advance(0);
    expect(waiter.state).toBe("pending");
    await clock.advance(0.05);
    expect(waiter.state).toBe("fulfilled");
  });

  test("refuses a late waiter that misses its deadline because of it", async () => {
    const { clock, limiter } = setUp(1);
    limiter.tryAcquire();
    const waiter = watch(limiter.acquire({ timeout: 0.2 }));
    limiter.reserve();
    clock.sleepSync(250);
    await clock.advance(0);
    expect(waiter.reason).toBeInstanceOf(RateLimitExceededError);
    expect(clock.pendingTimers).toBe(0);
  });

  test("counts at its time when a pause holds the waiters back", () => {
    const { limiter } = setUp(1);
    limiter.tryAcquire();
    void limiter.acquire();
    expect(limiter.reserve().delay).toBe(0.2);
    limiter.pauseFor(0.5);
    // The reservation at 0.2, the waiter at 0.5.
    expect(limiter.timeUntilToken()).toBeCloseTo(0.6);
  });

  test("and later requests move back when the waiter before it is late", async () => {
    const { clock, limiter } = setUp(1);
    limiter.tryAcquire();
    const waiter = watch(limiter.acquire());
    limiter.reserve();
    clock.sleepSync(150);
    await clock.advance(0);
    expect(waiter.state).toBe("fulfilled");
    expect(limiter.timeUntilToken()).toBeCloseTo(0.2);
  });

  test("is settled once: a second commit is an error, a cancel after it does nothing", () => {
    const { limiter } = setUp();
    const reservation = limiter.reserve(2);
    reservation.commit();
    reservation.cancel();
    expect(() => reservation.commit()).toThrow(expect.objectContaining({ code: "ERR_RATE_LIMIT_SETTLED" }));
    expect(() => reservation.commit()).toThrow(RateLimitError);
    expect(limiter.tokens).toBe(3);
  });

  test("committed for more than was reserved is charged for all of it, also above the burst, before its time and after", async () => {
    const now = setUp();
    now.limiter.reserve(2).commit(12);
    expect([now.limiter.tokens, now.limiter.timeUntilToken()]).toEqual([0, 0.8]);
    const later = setUp();
    later.limiter.tryAcquire(5);
    const reservation = later.limiter.reserve(2);
    reservation.commit(4);
    expect(later.limiter.timeUntilToken()).toBe(0.5);
    await later.clock.advance(0.4);
    expect([later.limiter.tokens, later.limiter.timeUntilToken()]).toEqual([0, 0.1]);
    const afterwards = setUp();
    afterwards.limiter.tryAcquire(5);
    const due = afterwards.limiter.reserve(2);
    await afterwards.clock.advance(0.2);
    due.commit(4);
    expect(afterwards.limiter.timeUntilToken()).toBe(0.3);
  });

  test("committed for more makes the waiters wait, and refuses at once those that are too late because of it", async () => {
    const { clock, limiter } = setUp();
    const reservation = limiter.reserve(5);
    const patient = watch(limiter.acquire());
    const hurried = watch(limiter.acquire({ timeout: 0.2 }));
    reservation.commit(7);
    await clock.advance(0);
    expect(hurried.reason).toMatchObject({ code: "ERR_RATE_LIMIT_EXCEEDED", retryAfter: 0.4 });
    await clock.advance(0.299);
    expect(patient.state).toBe("pending");
    await clock.advance(0.001);
    expect(patient.state).toBe("fulfilled");
    expect(clock.pendingTimers).toBe(0);
  });

  test("whose debt is not paid keeps it through updates, and through a pause, until a reset", async () => {
    const { clock, limiter } = setUp();
    limiter.reserve(5).commit(15);
    const waits = [limiter.timeUntilToken()];
    for (const limits of [
      {},
      { rate: 10 },
      { rate: 10, burst: 5 },
      { rate: 1 },
      { burst: 3 },
      { per: "1s" },
    ] as const) {
      limiter.update(limits);
      waits.push(limiter.timeUntilToken());
    }
    expect(waits).toEqual([1.1, 1.1, 1.1, 1.1, 11, 11, 11]);
    limiter.pauseFor(4);
    await clock.advance(4);
    expect(limiter.timeUntilToken()).toBe(7);
    limiter.reset();
    expect(limiter.tokens).toBe(3);
  });

  test("of many promised at a rate that was lowered later costs their time however often it is updated", async () => {
    for (const again of [undefined, {}, { rate: 10 }, { rate: 10, burst: 10 }]) {
      const clock = new ManualClock();
      const limiter = new RateLimiter({ rate: 100, burst: 10, clock });
      limiter.tryAcquire(10);
      for (let promised = 0; promised < 50; promised++) limiter.reserve();
      limiter.update({ rate: 10 });
      await clock.advance(0.5);
      if (again !== undefined) limiter.update(again);
      expect(limiter.timeUntilToken()).toBeCloseTo(4.6);
    }
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, "1", null])(
    "cannot be committed for %s, and counts as used when somebody tried",
    (actual) => {
      const { limiter } = setUp();
      {
        using reservation = limiter.reserve(2);
        expect(() => call(reservation, "commit", actual)).toThrow(
          /actualCost must be a number of 0 or more; got/,
        );
      }
      expect(limiter.tokens).toBe(3);
    },
  );

  test("is given back at the end of its scope unless it was committed", () => {
    const { limiter } = setUp();
    {
      using _forgotten = limiter.reserve(5);
      expect(limiter.tokens).toBe(0);
    }
    expect(limiter.tokens).toBe(5);
    {
      using kept = limiter.reserve(5);
      kept.commit();
    }
    expect(limiter.tokens).toBe(0);
  });

  test("that is still pending outlives the limiter's disposal without harm", () => {
    const { limiter } = setUp();
    limiter.tryAcquire(5);
    const reservation = limiter.reserve(5);
    limiter[Symbol.dispose]();
    reservation.cancel();
    expect(limiter.tokens).toBe(0);
  });

  test("100,000 in a row are quick to make", () => {
    const { limiter } = setUp(1);
    for (let index = 0; index < 100_000; index++) limiter.reserve();
    expect(limiter.timeUntilToken()).toBeCloseTo(10_000);
  });
});
