import { getActiveResourcesInfo } from "node:process";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { SharedCircuitBreaker } from "../../../src/redis/circuit-breaker/shared-circuit-breaker.js";
import { hasRedis, type Server, startServer } from "../servers/servers.js";
import { instance, joined, open, outcome, until } from "./instances.js";

describe.skipIf(!hasRedis)("a shared circuit by hand", () => {
  let server: Server;
  let count = 0;
  let name = "";
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    name = `by-hand-${++count}`;
  });

  test("reset closes it for all, and a call under way then says nothing about it", async () => {
    const [one, other] = [await joined(server, { name }), await joined(server, { name })];
    let fail: (reason: Error) => void = () => {};
    const call = outcome(one, () => new Promise((_resolve, reject) => (fail = reject)));
    await open(other);
    await until(() => one.state === "open");
    await other.reset();
    expect(other.state).toBe("closed");
    await until(() => one.state === "closed");
    fail(new Error("late"));
    expect(await call).toBe("failed");
    expect(await outcome(one, () => 1)).toBe("success");
    expect([one.failureCount, other.failureCount]).toEqual([0, 0]);
  });

  test("a state that is restored is that of all", async () => {
    const [one, other] = [await joined(server, { name }), await joined(server, { name })];
    const state = { version: 1, state: "open", failureCount: 4, reopenings: 2, remainingSeconds: 30 };
    await one.restore({ ...state, exportedAt: Date.now() });
    await until(() => other.state === "open");
    expect(other.export()).toMatchObject({ state: "open", failureCount: 4, reopenings: 2 });
    expect(other.snapshot().remainingSeconds).toBeGreaterThan(20);
    await expect(one.restore({ state: "ajar" })).rejects.toThrow(TypeError);
    expect(one.state).toBe("open");
  });

  test("a reset before the store has answered for the first time is one for all", async () => {
    const one = await joined(server, { name });
    await open(one);
    await instance(server.port, { name }).reset();
    await until(() => one.state === "closed");
    expect(await outcome(one, () => 1)).toBe("success");
  });

  test("isolation is of one instance, and what happened meanwhile holds afterwards", async () => {
    const [one, other] = [await joined(server, { name }), await joined(server, { name })];
    const isolation = one.isolate();
    expect(await outcome(one, () => 1)).toBe("refused");
    expect(await outcome(other, () => 1)).toBe("success");
    await open(other);
    const reopened = await joined(server, { name });
    expect(reopened.state).toBe("open");
    expect(one.state).toBe("isolated");
    isolation[Symbol.dispose]();
    await until(() => one.state === "open");
    expect(one.snapshot().remainingSeconds).toBeGreaterThan(50);
  });

  test("an instance in mode observe refuses nothing, and its failures count for all", async () => {
    const [one, other] = [await joined(server, { name, mode: "observe" }), await joined(server, { name })];
    for (let call = 0; call < 3; call++) expect(await outcome(one)).toBe("failed");
    await until(() => one.state === "open" && other.state === "open");
    expect(await outcome(one, () => 1)).toBe("success");
    expect(one.stats.wouldRejectCalls).toBe(1);
    one.setMode("enforce");
    expect(await outcome(one, () => 1)).toBe("refused");
    one.setMode("off");
    expect(await outcome(one, () => 1)).toBe("success");
    expect(() => one.setMode("on" as "off")).toThrow(RangeError);
  });

  test("an update holds for what this instance decides", async () => {
    const one = await joined(server, { name });
    one.update({ maxFailures: 1, resetTimeout: "2m" });
    await outcome(one);
    await until(() => one.state === "open");
    expect(one.snapshot().remainingSeconds).toBeGreaterThan(100);
    expect(() => one.update({ halfOpenMaxCalls: 1001 })).toThrow(
      new RangeError("halfOpenMaxCalls of a SharedCircuitBreaker must be at most 1000; got 1001."),
    );
  });

  test("a function says how long it stays open, and is asked by the instance that opens it", async () => {
    const asked: unknown[] = [];
    const resetTimeout = (info: { readonly reopenings: number; readonly cause: unknown }) => {
      asked.push([info.reopenings, String(info.cause)]);
      return info.reopenings === 0 ? ("100ms" as const) : ("30m" as const);
    };
    const silent = (): never => {
      throw new Error("asked for nothing");
    };
    const [one, other] = [
      await joined(server, { name, resetTimeout }),
      await joined(server, { name, resetTimeout: silent }),
    ];
    await open(one);
    await until(() => one.state === "half-open" && other.state === "half-open");
    expect(await outcome(one)).toBe("failed");
    await until(() => (other.snapshot().remainingSeconds ?? 0) > 1000);
    expect(asked).toEqual([
      [0, "Error: down"],
      [1, "Error: down"],
    ]);
  });

  test("a reset timeout that grows does so for all, and the jitter adds to it", async () => {
    const resetTimeout = { initial: "50ms", factor: 1000, max: "100s" } as const;
    const options = { name, resetTimeout, jitter: 0.5, random: () => 1 } as const;
    const [one, other] = [await joined(server, options), await joined(server, options)];
    await open(one);
    await until(() => one.state === "half-open" && other.state === "half-open");
    expect(await outcome(other)).toBe("failed");
    await until(() => one.state === "open");
    expect(one.snapshot().remainingSeconds).toBeGreaterThan(70);
    expect(one.export().reopenings).toBe(1);
  });

  test("the prefix of a client leaves the messages of its circuit its own", async () => {
    const make = async (keyPrefix: string) => {
      const client = new Redis(server.port, { keyPrefix });
      const breaker = new SharedCircuitBreaker({ client, name, maxFailures: 3 });
      onTestFinished(async () => {
        await breaker.close();
        client.disconnect();
      });
      await breaker.call(() => 0);
      const channel = `${keyPrefix}kstlib:circuit:{${name}}:changes`;
      await until(async () => !String(await server.command("PUBSUB", "NUMSUB", channel)).endsWith(",0"));
      return breaker;
    };
    const [mine, same, theirs] = [await make("a:"), await make("a:"), await make("b:")];
    await open(mine);
    await until(() => same.state === "open");
    expect(theirs.state).toBe("closed");
    expect(await outcome(theirs, () => 1)).toBe("success");
  });

  test("after close nothing is left, the permit of a probe is free, and calls go on alone", async () => {
    const options = { name, resetTimeout: "50ms", probeTimeout: "1m", lease: "1m" } as const;
    const client = new Redis(server.port);
    onTestFinished(() => client.disconnect());
    await client.ping();
    const other = await joined(server, options);
    const timers = () => getActiveResourcesInfo().filter((type) => type === "Timeout").length;
    const subscriptions = async (): Promise<number> => {
      const list = String(await server.command("CLIENT", "LIST", "TYPE", "pubsub"));
      return list.split("\n").filter((line) => line.includes("sub=1")).length;
    };
    const [timersBefore, subscriptionsBefore] = [timers(), await subscriptions()];

    const one = await joined(server, { ...options, client });
    await open(one);
    await until(() => one.state === "half-open" && other.state === "half-open");
    let end: (value: number) => void = () => {};
    const probe = one.call(() => new Promise<number>((resolve) => (end = resolve)));
    await until(() => one.stats.totalCalls > one.stats.failedCalls + one.stats.successfulCalls);
    await vi.waitFor(async () => expect(await outcome(other, () => 1)).toBe("refused"), 60_000);

    await one[Symbol.asyncDispose]();
    await one.close();
    await until(async () => (await subscriptions()) === subscriptionsBefore);
    expect(timers()).toBeLessThanOrEqual(timersBefore);
    expect(client.status).toBe("ready");
    await vi.waitFor(async () => expect(await outcome(other, () => 1)).toBe("success"), 60_000);
    await until(() => other.state === "closed");
    end(1);
    expect(await probe).toBe(1);
    expect(one.isShared).toBe(false);
    await one.reset();
    expect(await outcome(one, () => 1)).toBe("success");
    await open(one);
    expect([one.state, other.state]).toEqual(["open", "closed"]);
  });

  test("printed, it shows its snapshot", async () => {
    const one = await joined(server, { name });
    expect(JSON.parse(JSON.stringify(one))).toMatchObject({ kind: "circuit-breaker", name, state: "closed" });
    expect(one.wrap(async () => 1).breaker).toBe(one);
  });
});
