import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { realClock } from "../../../src/kernel/clock.js";
import { KeyedRateLimiter } from "../../../src/rate-limiter/keyed-rate-limiter.js";
import { SharedKeyedRateLimiter } from "../../../src/redis/rate-limiter/shared-keyed-rate-limiter.js";
import { hasRedis, startServer } from "../servers/servers.js";
import { Draw } from "./rational-bucket.js";
import { timedClient } from "./timed-client.js";

/** What an operation does; what it tells is compared. */
interface Operation {
  readonly name:
    | "tryAcquire"
    | "acquire"
    | "giveBack"
    | "block"
    | "pauseFor"
    | "reset"
    | "tokens"
    | "timeUntilToken";
  readonly user: string;
  readonly tenant: string;
  readonly amount: number;
}

/** The methods that both have. */
interface Limiter {
  tryAcquire(key: string, cost: number): unknown;
  acquire(key: string, options: object): Promise<void>;
  giveBack(key: string, tokens: number): unknown;
  block(key: string, duration: number): unknown;
  pauseFor(key: string, duration: number): unknown;
  reset(key: string): unknown;
  tokens(key: string): unknown;
  timeUntilToken(key: string, cost: number): unknown;
}

/** Runs an operation; what is done by hand tells nothing in memory. */
async function run(limiter: Limiter, { name, user, amount }: Operation): Promise<unknown> {
  switch (name) {
    case "acquire": {
      const refusal = (error: unknown): string => String(error).replace(/;.*/, "");
      return limiter.acquire(user, { cost: amount, timeout: 0 }).then(() => "admitted", refusal);
    }
    case "block":
    case "pauseFor":
      await limiter[name](user, amount);
      return undefined;
    case "giveBack":
      await limiter.giveBack(user, amount);
      return undefined;
    case "reset":
      await limiter.reset(user);
      return undefined;
    case "tokens":
      return limiter.tokens(user);
    case "timeUntilToken":
      return limiter.timeUntilToken(user, amount);
    default:
      return limiter.tryAcquire(user, amount);
  }
}

/** The server counts in whole microseconds. */
const isSame = (one: unknown, other: unknown): boolean =>
  one === other || Math.abs(Number(one) - Number(other)) < 1e-5;

const NAMES = [
  "tryAcquire",
  "tryAcquire",
  "tryAcquire",
  "tryAcquire",
  "acquire",
  "giveBack",
  "block",
  "pauseFor",
  "reset",
  "reset",
  "tokens",
  "timeUntilToken",
] as const;

function drawOperation(draw: Draw, burst: number): Operation {
  const name = draw.of<Operation["name"]>(NAMES);
  const amount = draw.of([1, 1, 2, 0.5, draw.from(1, burst)]);
  return {
    name,
    user: `user ${draw.from(1, 2)}`,
    tenant: `tenant ${draw.from(1, 2)}`,
    amount: name === "giveBack" ? amount * 1.5 : Math.min(amount, burst),
  };
}

async function setUp(): Promise<{ clock: typeof realClock & { reading: number }; client: object }> {
  const server = await startServer();
  const connection = new Redis(server.port);
  onTestFinished(() => connection.disconnect());
  const clock = { ...realClock, reading: 0, now: (): number => clock.reading };
  return { clock, client: timedClient(connection, clock) };
}

const OWN = { name: "limiter", onStoreError: "closed", storeTimeout: 10 } as const;

describe.skipIf(!hasRedis)("a shared keyed limiter", () => {
  test.each([
    ["one process, at any time", 1, 0],
    // What a process was told is believed for a second.
    ["two processes, a second apart", 2, 1000],
  ])("does what one in memory does: %s", async (_, processes, apart) => {
    const { clock, client } = await setUp();
    const draw = new Draw(processes);
    const differing: unknown[] = [];
    let [admitted, refused] = [0, 0];
    for (let trace = 0; trace < 25; trace++) {
      const rate = draw.of([1, 2, 3, 7, 10, 60]);
      const per = draw.of([1, 10, 60]) * processes ** 3;
      const limits = { rate, per, burst: draw.of([1, 2, 5, rate]) };
      const memory = new KeyedRateLimiter({ ...limits, name: "limiter", clock });
      const shared = Array.from({ length: processes }, () => {
        return new SharedKeyedRateLimiter({ ...OWN, keyPrefix: `${trace}:`, client, clock, ...limits });
      });
      const token = (per * 1000) / rate;
      for (let step = 0; step < 300; step++) {
        const past = draw.of([
          0,
          0,
          0,
          1,
          Math.floor(token),
          Math.ceil(token),
          draw.from(1, 300),
          draw.from(1, 5000),
        ]);
        clock.reading += apart + past;
        const operation = drawOperation(draw, limits.burst);
        const expected = await run(memory, operation);
        const told = await run(
          draw.of(shared as [SharedKeyedRateLimiter, ...SharedKeyedRateLimiter[]]),
          operation,
        );
        if (told === true) admitted++;
        if (told === false) refused++;
        if (!isSame(told, expected)) differing.push({ trace, step, limits, operation, expected, told });
      }
      await Promise.all(shared.map((limiter) => limiter.close()));
    }
    expect(differing.slice(0, 3)).toEqual([]);
    expect(Math.min(admitted, refused)).toBeGreaterThan(100);
  });

  test("with tiers of several keys does what a limiter for each would do, all or none", async () => {
    const { clock, client } = await setUp();
    const draw = new Draw(3);
    const differing: unknown[] = [];
    for (let trace = 0; trace < 25; trace++) {
      const [user, tenant] = [
        { rate: draw.of([1, 3, 7]), per: 10, burst: draw.of([2, 5]) },
        { rate: draw.of([2, 10]), per: 7, burst: draw.of([3, 6]) },
      ];
      const both = {
        user: new KeyedRateLimiter({ ...user, name: "limiter", clock }),
        tenant: new KeyedRateLimiter({ ...tenant, name: "limiter", clock }),
      };
      const tiers = [
        { by: "user", ...user },
        { by: "tenant", ...tenant },
      ] as const;
      const shared = new SharedKeyedRateLimiter({ ...OWN, keyPrefix: `${trace}:`, client, clock, tiers });
      for (let step = 0; step < 120; step++) {
        clock.reading += draw.of([0, 1, 333, draw.from(1, 3000)]);
        const operation = drawOperation(draw, shared.burst);
        const { name, amount } = operation;
        const key = { user: operation.user, tenant: operation.tenant };
        const parts = [
          [both.user, key.user],
          [both.tenant, key.tenant],
        ] as const;
        const wait = Math.max(
          ...parts.map(([limiter, part]) => limiter.timeUntilToken(part, Math.min(amount, shared.burst))),
        );
        let [expected, told]: unknown[] = [];
        if (name === "tryAcquire" || name === "acquire") {
          if (wait === 0) for (const [limiter, part] of parts) limiter.tryAcquire(part, amount);
          expected = wait === 0;
          told = await shared.tryAcquire(key, amount);
        } else if (name === "timeUntilToken") {
          expected = wait;
          told = await shared.timeUntilToken(key, amount);
        } else if (name === "tokens") {
          expected = Math.min(...parts.map(([limiter, part]) => limiter.tokens(part)));
          told = await shared.tokens(key);
        } else if (name === "giveBack") {
          for (const [limiter, part] of parts) limiter.giveBack(part, amount);
          await shared.giveBack(key, amount);
        } else {
          const by = draw.of<"user" | "tenant">(["user", "tenant"]);
          const half = { [by]: key[by] };
          if (name === "reset") {
            both[by].reset(key[by]);
            await shared.reset(half);
          } else {
            both[by][name](key[by], amount / 4);
            await shared[name](half, amount / 4);
          }
        }
        if (!isSame(told, expected)) differing.push({ trace, step, tiers, operation, expected, told });
      }
      await shared.close();
    }
    expect(differing.slice(0, 3)).toEqual([]);
  });
});
