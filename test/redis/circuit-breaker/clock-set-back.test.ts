import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callsLua } from "../../../src/redis/circuit-breaker/calls-lua.js";
import { circuitLua } from "../../../src/redis/circuit-breaker/circuit-lua.js";
import { type Reply, replyOf } from "../../../src/redis/circuit-breaker/told.js";
import { hasRedis, type Server, startServer } from "../servers/servers.js";

const SECOND = 1_000_000;
/** In the year 2096, so that no key expires meanwhile by the server's own clock. */
const ORIGIN = 4e15;

const GIVEN_TIME = "local now = tonumber(table.remove(ARGV))";
const circuit = circuitLua(GIVEN_TIME);
const calls = callsLua.replace(/^local time = .*\nlocal now = .*\n/, `${GIVEN_TIME}\n`);

// One failure opens the circuit for 10 s, then one probe has 20 s, and a lease of 5 s.
const RULES = [1, 10 * SECOND, 1, 10 * SECOND, 1, 1, 1, 20 * SECOND, 5 * SECOND, 1, "me"];

describe.skipIf(!hasRedis)("a shared circuit whose server's clock is set back", () => {
  let server: Server;
  let client: Redis;
  let key = "";
  let count = 0;
  beforeAll(async () => {
    server = await startServer();
    client = new Redis(server.port);
  });
  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });

  /** Asks the circuit, at a time after the origin in seconds. */
  const ask = async (
    at: number,
    operation: string,
    ...words: readonly (string | number)[]
  ): Promise<Reply> => {
    const args = [operation, 0, ...RULES, ...words, ORIGIN + at * SECOND];
    const reply = replyOf(await client.eval(circuit, 1, key, ...args));
    if (reply === undefined) throw new TypeError("no reply of the circuit");
    return reply;
  };
  const begin = (): void => {
    key = `circuit-${++count}`;
  };

  test("stays open no longer than it was to", async () => {
    begin();
    await ask(0, "count", 0, 1);
    expect(await ask(4, "read")).toMatchObject({ state: "open", wait: 6000 });
    expect(await ask(-3600, "read")).toMatchObject({ state: "open", wait: 10_000 });
    expect(await ask(-3597, "read")).toMatchObject({ state: "open", wait: 7000 });
    expect(await ask(-3590, "read")).toMatchObject({ state: "half-open", wait: 0 });
  });

  test("gives the permit of a dead prober to others when its lease ends", async () => {
    begin();
    await ask(0, "count", 0, 1);
    expect(await ask(10, "admit", 0, 1)).toMatchObject({ result: 1 });
    expect(await ask(-3600, "admit", 1, 1)).toMatchObject({ result: 0, wait: 5000 });
    expect(await ask(-3595, "admit", 1, 1)).toMatchObject({ state: "half-open", result: 1 });
  });

  test("judges a trip rule by the calls since then", async () => {
    begin();
    // One rule, over ten buckets of a second; a push each second.
    const push = (at: number, ...bucket: readonly number[]) =>
      client.eval(
        calls,
        2,
        key,
        `${key}:calls`,
        7,
        "me",
        1,
        SECOND,
        1,
        SECOND,
        10,
        ...bucket,
        ORIGIN + at * SECOND,
      );
    expect(await push(0, 1, 0, 5, 5)).toEqual([10 * SECOND, 0, 1, 5, 5]);
    expect(await push(1)).toEqual([9 * SECOND, 1, 1, 5, 5]);
    expect(await push(-3600, 1, 0, 3, 1)).toEqual([10 * SECOND, 0, 1, 3, 1]);
    expect(await push(-3599)).toEqual([9 * SECOND, 1, 1, 3, 1]);
    expect(await push(-3590)).toEqual([0, 1, 0, 0, 0]);
  });
});
