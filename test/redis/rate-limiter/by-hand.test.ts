import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { SharedKeyedRateLimiter } from "../../../src/redis/rate-limiter/shared-keyed-rate-limiter.js";
import { SharedRateLimiter } from "../../../src/redis/rate-limiter/shared-rate-limiter.js";
import type { SharedKeyedRateLimiterOptions } from "../../../src/redis/rate-limiter/shared-options.js";
import { ManualClock } from "../../../src/testing/index.js";
import { clientNames, connect } from "../clients.js";
import { hasRedis, type Server, startServer } from "../servers/servers.js";
import { timedClient } from "./timed-client.js";

/** So slow that no token comes while a test runs. */
const SLOW = { name: "logins", rate: 2, per: "1h", onStoreError: "closed", storeTimeout: 100 } as const;

interface Setting {
  readonly server: Server;
  readonly clock: ManualClock;
  /** A process of its own, by a server whose time is that of the clock. */
  readonly make: (options?: Partial<SharedKeyedRateLimiterOptions>) => SharedKeyedRateLimiter;
}

async function setUp(): Promise<Setting> {
  const server = await startServer();
  const connection = new Redis(server.port);
  onTestFinished(() => connection.disconnect());
  const clock = new ManualClock();
  const make: Setting["make"] = (options) => {
    const client = timedClient(connection, clock);
    const limiter = new SharedKeyedRateLimiter({ client, clock, ...SLOW, ...options });
    onTestFinished(() => limiter.close());
    return limiter;
  };
  return { server, clock, make };
}

const outcomeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "admitted",
    (error: unknown) => String(error),
  );

const BLOCKED = expect.stringContaining("logins: this key is blocked; retry after");

/** Until the store has answered all that a process has asked up to now about a key. */
async function answered(limiter: SharedKeyedRateLimiter, key: string): Promise<void> {
  // It asks at the end of the tick.
  await new Promise(setImmediate);
  await limiter.timeUntilToken(key);
}

describe.skipIf(!hasRedis)("a key that is blocked", () => {
  test("is refused by all processes, also to who would wait, and ends by itself", async () => {
    const { clock, make } = await setUp();
    const [one, other] = [make(), make()];
    expect(await one.block("mallory", "15m")).toBe(true);
    for (const limiter of [one, other]) {
      expect(await limiter.tryAcquire("mallory")).toBe(false);
      expect(await outcomeOf(limiter.acquire("mallory"))).toEqual(BLOCKED);
      expect(await outcomeOf(limiter.reserve("mallory"))).toEqual(BLOCKED);
      expect(await limiter.timeUntilToken("mallory")).toBe(900);
      expect(await limiter.tokens("mallory")).toBe(2);
      expect(await limiter.tryAcquire("alice")).toBe(limiter === one);
      await limiter.tryAcquire("alice");
    }
    await clock.advance("15m");
    expect(await other.tryAcquire("mallory")).toBe(true);
  });

  test("refuses who waits: here at once, elsewhere within 5 s", async () => {
    const { clock, make } = await setUp();
    const [one, other] = [make(), make()];
    await one.tryAcquire("mallory", 2);
    const outcomes = [one, other].map((limiter) => outcomeOf(limiter.acquire("mallory")));
    await Promise.all([one, other].map((limiter) => answered(limiter, "mallory")));
    await one.block("mallory", "1h");
    expect(await outcomes[0]).toEqual(BLOCKED);
    expect(one.stats.queued).toBe(0);
    await clock.advance(4.9);
    expect(other.stats.queued).toBe(1);
    await clock.advance(0.1);
    expect(await outcomes[1]).toEqual(BLOCKED);
  });

  test("costs nobody who was refused more than a question a second", async () => {
    const { clock, make } = await setUp();
    const [one, other] = [make(), make()];
    await one.block("mallory", "1h");
    for (let second = 1; second <= 3; second++) {
      for (let attempt = 0; attempt < 5; attempt++) {
        expect(await other.tryAcquire("mallory")).toBe(false);
        expect(await outcomeOf(other.acquire("mallory"))).toEqual(BLOCKED);
      }
      expect(other.stats.totalCalls).toBe(second);
      await clock.advance(1);
    }
  });

  test("uses nothing that was taken ahead here, to its end", async () => {
    const { clock, make } = await setUp();
    const one = make({ rate: 20, lease: { tokens: 10, maxAge: "3h" } });
    expect(await one.tryAcquire("mallory")).toBe(true);
    await one.block("mallory", "1h");
    expect(await one.tryAcquire("mallory")).toBe(false);
    await clock.advance("59m");
    expect(await one.tryAcquire("mallory")).toBe(false);
  });

  test("without an end is blocked until its reset, and expires all the same", async () => {
    const { server, clock, make } = await setUp();
    const limiter = make();
    await limiter.block("mallory", Infinity);
    await clock.advance("1000d");
    expect(await outcomeOf(limiter.acquire("mallory"))).toEqual(BLOCKED);
    expect(await server.command("PTTL", "kstlib:limiter:{logins:mallory}")).toBeGreaterThan(0);
    await limiter.reset("mallory");
    expect(await limiter.tryAcquire("mallory")).toBe(true);
  });

  test.each([undefined, null, 0, -1, NaN])("for %s is not blocked", async (duration) => {
    const { server, make } = await setUp();
    expect(await make().block("mallory", duration)).toBe(true);
    expect(await server.command("DBSIZE")).toBe(0);
  });
});

describe.skipIf(!hasRedis)("a key that is reset or refilled", () => {
  test.each(["reset", "giveBack"] as const)(
    "by %s is admitted here at once, elsewhere in a second",
    async (by) => {
      const { clock, make } = await setUp();
      const [one, other] = [make(), make()];
      await one.tryAcquire("alice", 2);
      for (const limiter of [one, other]) expect(await limiter.tryAcquire("alice")).toBe(false);
      expect(await one[by]("alice")).toBe(true);
      expect(await one.tryAcquire("alice")).toBe(true);
      await one[by]("alice");
      await clock.advance(0.999);
      expect(await other.tryAcquire("alice")).toBe(false);
      await clock.advance(0.001);
      expect(await other.tryAcquire("alice")).toBe(true);
    },
  );

  test.each(["reset", "giveBack"] as const)(
    "by %s serves who waits: here at once, elsewhere within 5 s",
    async (by) => {
      const { clock, make } = await setUp();
      const [one, other] = [make(), make()];
      await one.tryAcquire("alice", 2);
      const outcomes = [one, other].map((limiter) => outcomeOf(limiter.acquire("alice", { cost: 1 })));
      await Promise.all([one, other].map((limiter) => answered(limiter, "alice")));
      await one[by]("alice", 2 as never);
      expect(await outcomes[0]).toBe("admitted");
      await clock.advance(4.9);
      expect(other.stats.queued).toBe(1);
      await clock.advance(0.1);
      expect(await outcomes[1]).toBe("admitted");
    },
  );

  test.each(["block", "pauseFor"] as const)(
    "by reset is not held by another process that did %s",
    async (by) => {
      const { clock, make } = await setUp();
      const [one, other] = [make(), make()];
      await one[by]("alice", "1h");
      await other.reset("alice");
      expect(await other.tryAcquire("alice")).toBe(true);
      expect(await one.tryAcquire("alice")).toBe(false);
      await clock.advance(1);
      expect(await one.tryAcquire("alice")).toBe(true);
    },
  );

  test("has no more than a full bucket, whatever was taken ahead or is owed", async () => {
    const { make } = await setUp();
    const leasing = make({ rate: 20, lease: { tokens: 10, maxAge: "1h" } });
    await leasing.tryAcquire("alice");
    await leasing.reset("alice");
    let admitted = 0;
    while (await leasing.tryAcquire("alice")) admitted++;
    expect(admitted).toBe(20);

    const limiter = make({ name: "debts", rate: 5 });
    const reservation = await limiter.reserve("alice", 5);
    reservation.commit(9);
    await answered(limiter, "alice");
    expect(limiter.stats.queued).toBe(1);
    await limiter.reset("alice");
    expect(await limiter.tokens("alice")).toBe(5);
    expect(limiter.stats.queued).toBe(0);
  });

  test("leaves what was used beyond a reservation to be paid when it is blocked, or has no places to wait", async () => {
    const { clock, make } = await setUp();
    const limiter = make({ rate: 5, maxQueue: 0 });
    await limiter.tryAcquire("alice", 4);
    const reservation = await limiter.reserve("alice", 1);
    reservation.commit(3);
    await answered(limiter, "alice");
    expect(await outcomeOf(limiter.acquire("alice"))).toContain("places to wait");
    await limiter.block("alice", 1);
    await limiter.giveBack("alice", 5);
    await answered(limiter, "alice");
    expect(limiter.stats.queued).toBe(1);
    await clock.advance(1);
    await answered(limiter, "alice");
    expect(limiter.stats.queued).toBe(0);
    expect(await limiter.tokens("alice")).toBeCloseTo(3, 1);
  });

  test("is not refused for a cheap request by what a dear one was told", async () => {
    const { make } = await setUp();
    const limiter = make({ rate: 7, per: "1m", burst: 2 });
    await limiter.tryAcquire("alice");
    expect(await limiter.tryAcquire("alice", 2)).toBe(false);
    expect(await limiter.tryAcquire("alice")).toBe(true);
  });
});

describe.skipIf(!hasRedis)("a shared limiter without keys", () => {
  test("is reset for all processes, and tells its tokens, also those of tiers", async () => {
    const server = await startServer();
    const client = await connect("redis 6", server.port);
    const tiers = [
      { rate: 4, per: "1h" },
      { rate: 6, per: "2h" },
    ] as const;
    const [one, other] = [1, 2].map(() => {
      const limiter = new SharedRateLimiter({
        client,
        name: "api",
        onStoreError: "closed",
        storeTimeout: 10,
        tiers,
      });
      onTestFinished(() => limiter.close());
      return limiter;
    });
    expect(await one?.tokens()).toBe(4);
    expect(await one?.tryAcquire(3)).toBe(true);
    expect(await other?.tokens()).toBeCloseTo(1, 1);
    await one?.pauseFor("1h");
    const waits = other?.acquire({ cost: 4 });
    await expect.poll(() => other?.stats.queued).toBe(1);
    expect(await other?.reset()).toBe(true);
    await waits;
    expect(await one?.tokens()).toBeCloseTo(0, 1);
  });
});

describe.skipIf(!hasRedis).each(clientNames)("by a client of %s", (name) => {
  test("keys are blocked, refilled, reset and asked about", async () => {
    const server = await startServer();
    const client = await connect(name, server.port);
    const limiter = new SharedKeyedRateLimiter({ ...SLOW, storeTimeout: 10, client, rate: 7 });
    onTestFinished(() => limiter.close());
    await limiter.tryAcquire("a", 7);
    expect(await limiter.tokens("a")).toBeCloseTo(0, 1);
    expect(await limiter.giveBack("a", 2.5)).toBe(true);
    expect(await limiter.tokens("a")).toBeCloseTo(2.5, 1);
    expect(await limiter.block("a", "1h")).toBe(true);
    expect(await outcomeOf(limiter.acquire("a"))).toEqual(BLOCKED);
    expect(await limiter.reset("a")).toBe(true);
    expect(await limiter.tokens("a")).toBe(7);
    expect(await limiter.tryAcquire("a", 7)).toBe(true);
  });
});
