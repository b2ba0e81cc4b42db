import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { SharedKeyedRateLimiter } from "../../../src/redis/rate-limiter/shared-keyed-rate-limiter.js";
import type { OnStoreError } from "../../../src/redis/rate-limiter/shared-options.js";
import { ManualClock } from "../../../src/testing/index.js";
import { connect } from "../clients.js";
import { hasRedis, type Server, startServer } from "../servers/servers.js";
import { timedClient } from "./timed-client.js";

interface Setting {
  readonly server: Server;
  readonly clock: ManualClock;
  readonly limiter: SharedKeyedRateLimiter;
  /** Of another process. */
  readonly other: SharedKeyedRateLimiter;
  /** What becomes of a call that the server leaves unanswered. */
  readonly unanswered: <Result>(call: Promise<Result>) => Promise<Result | string>;
}

const outcomeOf = <Result>(call: Promise<Result>): Promise<Result | string> =>
  call.catch((error: unknown) => String(error));

async function setUp(onStoreError: OnStoreError): Promise<Setting> {
  const server = await startServer();
  const connection = new Redis(server.port);
  onTestFinished(() => connection.disconnect());
  const clock = new ManualClock();
  const make = (): SharedKeyedRateLimiter => {
    const limiter = new SharedKeyedRateLimiter({
      client: timedClient(connection, clock),
      clock,
      name: "logins",
      rate: 2,
      per: "1h",
      onStoreError,
      storeTimeout: 0.25,
    });
    onTestFinished(async () => {
      server.thaw();
      await limiter.close();
    });
    return limiter;
  };
  const [limiter, other] = [make(), make()];
  // Nothing is connected before the first call is answered.
  await limiter.tokens("alice");
  return {
    server,
    clock,
    limiter,
    other,
    async unanswered(call) {
      const outcome = outcomeOf(call);
      await new Promise(setImmediate);
      await clock.advance(0.25);
      return outcome;
    },
  };
}

describe.skipIf(!hasRedis)("while the server does not answer", () => {
  test.each(["open", "local"] as const)(
    "a block that this process knows holds on, and nobody else is refused (%s)",
    async (onStoreError) => {
      const { server, clock, limiter, unanswered } = await setUp(onStoreError);
      expect(await limiter.block("mallory", "1h")).toBe(true);
      await clock.advance(2);
      server.freeze();
      expect(await unanswered(limiter.tryAcquire("mallory"))).toBe(false);
      for (let minute = 1; minute < 60; minute += 20) {
        expect(await outcomeOf(limiter.acquire("mallory"))).toContain("this key is blocked");
        expect(await limiter.tryAcquire("mallory")).toBe(false);
        expect(await limiter.tryAcquire(`alice ${minute}`)).toBe(true);
        await clock.advance("20m");
      }
      expect(await limiter.tryAcquire("mallory")).toBe(true);
    },
  );

  test("who waits for the end of a pause waits on, whatever admits the others", async () => {
    const { server, clock, limiter, unanswered } = await setUp("open");
    await limiter.pauseFor("bob", "1h");
    await clock.advance(2);
    server.freeze();
    expect(await unanswered(limiter.tryAcquire("bob"))).toBe(false);
    const waiting = limiter.acquire("bob");
    await clock.advance("30m");
    expect(limiter.stats.queued).toBe(1);
    await clock.advance("30m");
    await waiting;
    expect(limiter.stats.queued).toBe(0);
  });

  test("a block that another process has ended does not hold on", async () => {
    const { clock, limiter, server, other, unanswered } = await setUp("open");
    await limiter.block("mallory", "1h");
    await other.reset("mallory");
    await clock.advance(1);
    expect(await limiter.tryAcquire("mallory")).toBe(true);
    server.freeze();
    expect(await unanswered(limiter.tryAcquire("mallory"))).toBe(true);
  });

  test("a block that the server has set too late to say so is ended by another process as any other", async () => {
    const { server, clock, limiter, other, unanswered } = await setUp("open");
    server.freeze();
    expect(await unanswered(limiter.block("mallory", "1h"))).toBe(false);
    server.thaw();
    await expect.poll(() => limiter.isUp).toBe(true);
    expect(await other.reset("mallory")).toBe(true);
    await clock.advance(1);
    expect(await limiter.tryAcquire("mallory")).toBe(true);
  });

  test("nor does one that another process has ended in the bucket of this process", async () => {
    const { server, clock, limiter, other, unanswered } = await setUp("local");
    server.freeze();
    expect(await unanswered(limiter.tryAcquire("mallory"))).toBe(true);
    server.thaw();
    await expect.poll(() => limiter.isUp).toBe(true);
    expect(await limiter.block("mallory", "1h")).toBe(true);
    await other.reset("mallory");
    await clock.advance(1);
    expect(await limiter.tryAcquire("mallory")).toBe(true);
    server.freeze();
    expect(await unanswered(limiter.tryAcquire("mallory"))).toBe(true);
    expect(await limiter.tryAcquire("mallory")).toBe(true);
    expect(await limiter.tryAcquire("mallory")).toBe(false);
  });

  test("they say so and hold in this process, and a reset there ends it", async () => {
    const { server, limiter, unanswered } = await setUp("open");
    server.freeze();
    expect(await unanswered(limiter.block("mallory", "1h"))).toBe(false);
    expect(await limiter.tryAcquire("mallory")).toBe(false);
    expect(await limiter.giveBack("mallory")).toBe(false);
    expect(await limiter.tryAcquire("mallory")).toBe(false);
    expect(await limiter.reset("mallory")).toBe(false);
    expect(await limiter.tryAcquire("mallory")).toBe(true);
  });

  test("the buckets of this process are refilled and reset", async () => {
    const { server, limiter, unanswered } = await setUp("local");
    server.freeze();
    const admitted = async (): Promise<number> => {
      let count = 0;
      while (await limiter.tryAcquire("alice")) count++;
      return count;
    };
    expect(await unanswered(limiter.tryAcquire("alice"))).toBe(true);
    expect(await admitted()).toBe(1);
    await limiter.giveBack("alice");
    expect(await admitted()).toBe(1);
    await limiter.block("alice", "1h");
    await limiter.reset("alice");
    expect(await admitted()).toBe(2);
  });

  test("requests fail as ever where nobody is to be admitted then, and so does the question for tokens", async () => {
    const { server, clock, limiter, unanswered } = await setUp("closed");
    await limiter.block("mallory", "1h");
    await clock.advance(2);
    server.freeze();
    expect(await unanswered(limiter.tryAcquire("mallory"))).toContain("StoreError");
    expect(await outcomeOf(limiter.tokens("mallory"))).toContain("StoreError");
  });
});

describe.skipIf(!hasRedis)("what is wrong", () => {
  test("with a key, a number or a time is an error; what is no bucket harms nothing", async () => {
    const server = await startServer();
    const client = await connect("redis 6", server.port);
    const limiter = new SharedKeyedRateLimiter({ client, name: "logins", storeTimeout: 10 });
    await expect(limiter.reset(undefined as never)).rejects.toThrow("key must be a string; got undefined.");
    await expect(limiter.tokens(7 as never)).rejects.toThrow("key must be a string; got 7.");
    await expect(limiter.giveBack(7 as never)).rejects.toThrow("key must be a string; got 7.");
    await expect(limiter.giveBack("a", 0)).rejects.toThrow(RangeError);
    await expect(limiter.giveBack("a", "1" as never)).rejects.toThrow(TypeError);
    await expect(limiter.block("a", "soon" as never)).rejects.toThrow(TypeError);
    await expect(limiter.block(7 as never, 1)).rejects.toThrow("key must be a string; got 7.");

    await server.command("SET", "kstlib:limiter:{logins:text}", "x");
    expect(await limiter.block("text", 1)).toBe(false);
    expect(await limiter.giveBack("text")).toBe(false);
    expect(await limiter.reset("text")).toBe(false);
    await expect(limiter.tokens("text")).rejects.toThrow("no bucket under");

    await limiter.close();
    await expect(limiter.tokens("a")).rejects.toMatchObject({ code: "ERR_RATE_LIMIT_DISPOSED" });
    expect([await limiter.block("a", 1), await limiter.giveBack("a"), await limiter.reset("a")]).toEqual([
      false,
      false,
      false,
    ]);
  });
});
