import { afterEach, describe, expect, test, vi } from "vitest";
import { RateLimitError, RateLimitExceededError } from "../../../src/rate-limiter/errors.js";
import type { SharedRateLimiterOptions } from "../../../src/redis/rate-limiter/shared-options.js";
import { sharedRateLimiter } from "../../../src/redis/rate-limiter/shared-decorator.js";
import { SharedRateLimiter } from "../../../src/redis/rate-limiter/shared-rate-limiter.js";
import { StoreError } from "../../../src/redis/store/store-error.js";
import { ManualClock } from "../../../src/testing/index.js";
import { connect } from "../clients.js";
import { hasRedis, type Server, startServer } from "../servers/servers.js";

const limiters: SharedRateLimiter[] = [];

afterEach(async () => {
  await Promise.all(limiters.splice(0).map((limiter) => limiter.close()));
});

interface Setting {
  readonly server: Server;
  readonly client: object;
  readonly make: (options?: Partial<SharedRateLimiterOptions>) => SharedRateLimiter;
}

async function setUp(name: string = "ioredis 6"): Promise<Setting> {
  const server = await startServer();
  const client = await connect(name, server.port);
  return {
    server,
    client,
    make(options) {
      // On a busy machine an answer may take long.
      const base = { client, name: "api", onStoreError: "closed", storeTimeout: 10 } as const;
      const limiter = new SharedRateLimiter({ ...base, ...options });
      limiters.push(limiter);
      return limiter;
    },
  };
}

/** So slow that no token comes while a test runs. */
const SLOW = { rate: 1, per: "1h" } as const;

const tries = (limiter: SharedRateLimiter, count: number): Promise<readonly boolean[]> =>
  Promise.all(Array.from({ length: count }, () => limiter.tryAcquire()));

const reasonOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((reason: unknown) => reason);

describe.skipIf(!hasRedis)("a shared rate limiter", () => {
  test("decides all requests of a tick in one call, in order, for all instances together", async () => {
    const { make } = await setUp();
    const [one, other] = [make({ ...SLOW, burst: 5 }), make({ ...SLOW, burst: 5 })];
    expect(await tries(one, 3)).toEqual([true, true, true]);
    expect(await tries(other, 4)).toEqual([true, true, false, false]);
    expect(one.stats).toMatchObject({ totalAcquired: 3, totalRejected: 0, totalCalls: 1 });
    expect(other.stats).toMatchObject({ totalAcquired: 2, totalRejected: 2, totalCalls: 1 });
  });

  test("remembers a refusal, so that a flood of refused requests costs no calls", async () => {
    const { make } = await setUp();
    const limiter = make({ ...SLOW, burst: 1 });
    await limiter.tryAcquire();
    for (let round = 0; round < 10; round++) expect(await limiter.tryAcquire()).toBe(false);
    expect(limiter.stats.totalCalls).toBe(1);
  });

  test("takes costs in the order of the calls", async () => {
    const { make } = await setUp();
    const limiter = make({ ...SLOW, burst: 10 });
    const costs = [1, 5, 1, 5, 3, 0.5];
    expect(await Promise.all(costs.map((cost) => limiter.tryAcquire(cost)))).toEqual([
      true,
      true,
      true,
      false,
      true,
      false,
    ]);
  });

  test("lets requests wait for their turns, first in, first out, and times them", async () => {
    const { make } = await setUp();
    const limiter = make({ rate: 100, burst: 1 });
    const order: number[] = [];
    const waited: number[] = [];
    using _acquired = limiter.on("acquired", (event) => waited.push(event.waited));
    await Promise.all(
      Array.from({ length: 8 }, async (_, turn) => {
        await limiter.acquire();
        order.push(turn);
      }),
    );
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(waited.at(-1)).toBeGreaterThanOrEqual(0.07);
    expect(limiter.stats).toMatchObject({ totalAcquired: 8, queued: 0 });
  });

  test("serves waiters of different costs in order, and nobody overtakes them", async () => {
    const { make } = await setUp();
    const limiter = make({ rate: 200, burst: 5 });
    const order: number[] = [];
    const wait = async (cost: number): Promise<void> => {
      await limiter.acquire({ cost });
      order.push(cost);
    };
    const waits = [5, 3, 1, 4, 1, 2].map(wait);
    await Promise.all(waits.slice(0, 1));
    expect(await limiter.tryAcquire(0.1)).toBe(false);
    await Promise.all(waits);
    expect(order).toEqual([5, 3, 1, 4, 1, 2]);
  });

  test("refuses at once who does not wait, as long as somebody waits", async () => {
    const { make, server } = await setUp();
    const clock = new ManualClock();
    const [one, other] = [make({ ...SLOW, burst: 1 }), make({ ...SLOW, burst: 1, clock })];
    await one.acquire();
    // Two calls, both in flight when the first is answered.
    server.freeze();
    const waiting = reasonOf(other.acquire());
    await new Promise(setImmediate);
    const refused = other.tryAcquire();
    await new Promise(setImmediate);
    server.thaw();
    expect(await refused).toBe(false);
    // Refusals are not remembered that long.
    await clock.advance("2s");
    expect(await other.tryAcquire()).toBe(false);
    expect(other.stats).toMatchObject({ queued: 1, totalCalls: 2 });
    await other.close();
    await waiting;
    expect(clock.pendingTimers).toBe(0);
  }, 5000);

  test("refuses at once whose turn cannot come in time", async () => {
    const { make } = await setUp();
    const limiter = make({ ...SLOW, burst: 1 });
    const rejected = vi.fn<(event: object) => void>();
    using _rejected = limiter.on("rejected", rejected);
    await limiter.acquire();
    const error = await reasonOf(limiter.acquire({ timeout: "1m" }));
    expect(error).toBeInstanceOf(RateLimitExceededError);
    expect(error).toMatchObject({ refused: true, code: "ERR_RATE_LIMIT_EXCEEDED" });
    const { retryAfter } = error as RateLimitExceededError;
    expect(retryAfter).toBeGreaterThan(3590);
    expect(retryAfter).toBeLessThanOrEqual(3600);
    expect(rejected.mock.calls).toEqual([[{ cost: 1, retryAfter }]]);
  });

  test("has places for maxQueue waiters", async () => {
    const { make } = await setUp();
    const limiter = make({ ...SLOW, burst: 1, maxQueue: 2 });
    const requests = Array.from({ length: 4 }, () => reasonOf(limiter.acquire()));
    await requests[0];
    expect(await requests[3]).toMatchObject({
      message: expect.stringContaining("all 2 places to wait are taken"),
    });
    expect(await reasonOf(limiter.acquire())).toBeInstanceOf(RateLimitExceededError);
    expect(limiter.stats.queued).toBe(2);
  });

  test("gives up a wait when its signal is aborted, and takes nothing for it", async () => {
    const { make } = await setUp();
    const limiter = make({ rate: 20, burst: 1 });
    await limiter.acquire();
    const controller = new AbortController();
    const aborted = reasonOf(limiter.acquire({ signal: controller.signal }));
    const next = limiter.acquire();
    controller.abort(new Error("enough"));
    expect(await aborted).toMatchObject({ message: "enough" });
    await next;
    expect(limiter.stats).toMatchObject({ totalAcquired: 2, queued: 0 });
  });

  test("gives back what was taken for a call that was aborted in flight", async () => {
    const { make } = await setUp();
    const limiter = make({ ...SLOW, burst: 2 });
    const controller = new AbortController();
    const aborted = reasonOf(limiter.execute(() => 1, { signal: controller.signal }));
    setImmediate(() => controller.abort(new Error("enough")));
    expect(await aborted).toMatchObject({ message: "enough" });
    await vi.waitFor(async () => expect(await limiter.timeUntilToken(2)).toBeLessThan(0.1), 60_000);
  });

  test("a reservation that is cancelled after the limiter was closed goes back", async () => {
    const { make, client } = await setUp();
    const [limiter, other] = [make({ ...SLOW, burst: 5 }), make({ ...SLOW, burst: 5 })];
    const reservation = await limiter.reserve(5);
    await limiter.close();
    expect(await other.tryAcquire()).toBe(false);
    reservation.cancel();
    await vi.waitUntil(() => other.tryAcquire(5), 60_000);
    // Nor does it matter when the client is closed as well.
    const late = make({ ...SLOW, name: "late", burst: 5 });
    const held = await late.reserve(1);
    await late.close();
    Reflect.get(client, "disconnect").call(client);
    held.cancel();
  });

  test("gives back what a reservation has not used, and takes what it used beyond", async () => {
    const { make } = await setUp();
    const limiter = make({ rate: 10, per: "1h", burst: 10 });
    const reservation = await limiter.reserve(8);
    expect(reservation).toMatchObject({ cost: 8, delay: 0 });
    expect(await reasonOf(limiter.reserve(5))).toBeInstanceOf(RateLimitExceededError);
    reservation.commit(3);
    await vi.waitFor(async () => expect(await limiter.timeUntilToken(7)).toBeLessThan(1), 60_000);
    const cancelled = await limiter.reserve(4);
    cancelled.cancel();
    await vi.waitFor(async () => expect(await limiter.timeUntilToken(7)).toBeLessThan(1), 60_000);
    const overdrawn = await limiter.reserve(1);
    overdrawn.commit(5);
    await vi.waitFor(async () => expect(await limiter.timeUntilToken(3)).toBeGreaterThan(350), 60_000);
  });

  test("admits nobody in any instance during a pause", async () => {
    const { make } = await setUp();
    const [one, other] = [make({ rate: 100 }), make({ rate: 100 })];
    expect(await one.pauseFor("1h")).toBe(true);
    expect(await one.tryAcquire()).toBe(false);
    expect(await other.tryAcquire()).toBe(false);
    expect(await other.timeUntilToken()).toBeGreaterThan(3500);
    expect(await one.pauseFor(undefined)).toBe(true);
    expect(await reasonOf(one.acquire({ timeout: 5 }))).toBeInstanceOf(RateLimitExceededError);
  });

  test("needs the tokens of all tiers, and takes from all or none", async () => {
    const { make } = await setUp();
    const tiers = [
      { rate: 2, per: "1h" },
      { rate: 3, per: "2h" },
    ] as const;
    const limiter = make({ tiers });
    expect(await tries(limiter, 4)).toEqual([true, true, false, false]);
    expect(limiter.snapshot()).toMatchObject({ rate: 2, per: 3600, burst: 2 });
    expect(await limiter.timeUntilToken()).toBeGreaterThan(1790);
  });

  test("changes its limits", async () => {
    const { make } = await setUp();
    const limiter = make({ rate: 10, burst: 2 });
    await limiter.acquire();
    await limiter.acquire();
    const [small, big] = [limiter.acquire(), reasonOf(limiter.acquire({ cost: 2 }))];
    limiter.update({ rate: 1000, burst: 1 });
    expect(limiter.snapshot()).toMatchObject({ rate: 1000, per: 1, burst: 1 });
    await small;
    expect(await big).toMatchObject({ code: "ERR_RATE_LIMIT_COST" });
  });

  test("is closed once: waiters are refused, and nothing is left", async () => {
    const { make, server } = await setUp();
    const limiter = make({ ...SLOW, burst: 1 });
    await limiter.acquire();
    const waiting = reasonOf(limiter.acquire());
    await vi.waitFor(() => expect(limiter.stats.queued).toBe(1), 60_000);
    await Promise.all([limiter.close(), limiter.close()]);
    expect(await waiting).toMatchObject({ code: "ERR_RATE_LIMIT_DISPOSED" });
    expect(await reasonOf(limiter.tryAcquire())).toBeInstanceOf(RateLimitError);
    expect(await reasonOf(limiter.acquire())).toBeInstanceOf(RateLimitError);
    expect(limiter.stats.queued).toBe(0);
    expect(await server.command("PTTL", "kstlib:limiter:{api}")).toBeGreaterThan(0);
  });

  test("wraps, calls and executes functions", async () => {
    const { make } = await setUp();
    const limiter = make({ ...SLOW, burst: 4 });
    const wrapped = limiter.wrap((text: string) => text.length);
    expect(await wrapped("abc")).toBe(3);
    expect(wrapped.limiter).toBe(limiter);
    expect(await limiter.call((a: number, b: number) => a + b, 1, 2)).toBe(3);
    const failure = new Error("its own");
    expect(await reasonOf(limiter.execute(() => Promise.reject(failure)))).toBe(failure);
    expect(limiter.stats.totalAcquired).toBe(3);
  });

  test("decorates functions and methods", async () => {
    const { client } = await setUp();
    const limited = sharedRateLimiter({ client, name: "calls", ...SLOW, burst: 2, blocking: false });
    const double = limited(async (value: number) => value * 2);
    class Api {
      @limited
      async get(path: string): Promise<string> {
        return `GET ${path}`;
      }
    }
    limiters.push(double.limiter);
    expect(await double(2)).toBe(4);
    expect(await new Api().get("/time")).toBe("GET /time");
    expect(await reasonOf(double(2))).toBeInstanceOf(RateLimitExceededError);
  });

  test("fails with a StoreError for what is no bucket, and never as if the limit were met", async () => {
    const { make, server } = await setUp();
    await server.command("LPUSH", "kstlib:limiter:{api}", "x");
    const limiter = make();
    const requests = [limiter.tryAcquire(), limiter.acquire(), limiter.timeUntilToken()];
    for (const error of await Promise.all(requests.map(reasonOf))) {
      expect(error).toBeInstanceOf(StoreError);
      expect(error).not.toBeInstanceOf(RateLimitError);
    }
    expect(limiter.stats).toMatchObject({ totalStoreErrors: 2, totalRejected: 0 });
  });
});
