import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { allOf } from "../../../src/circuit-breaker/combined.js";
import { failureRate, failuresWithin, slowCallRate } from "../../../src/circuit-breaker/rates.js";
import { hasRedis, type Server, startServer } from "../servers/servers.js";
import { instance, joined, outcome, scripts, until } from "./instances.js";

const window = { duration: "10s" } as const;

describe.skipIf(!hasRedis)("trip rules over the calls of all instances", () => {
  let server: Server;
  let count = 0;
  let name = "";
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    name = `rates-${++count}`;
  });

  test("a window of calls cannot be shared", () => {
    const trip = failureRate({ threshold: 0.5, window: { calls: 20 } });
    expect(() => instance(server.port, { name, trip })).toThrow(
      new TypeError(
        'trip of a SharedCircuitBreaker must be a rule over a time; got one over the last 20 calls, which have no order over several machines. Use window: { duration: "30s" }.',
      ),
    );
    const both = allOf(trip, failuresWithin({ failures: 2, duration: "10s" }));
    expect(() => instance(server.port, { name, trip: both })).toThrow(TypeError);
  });

  test("opens by the share of failures in all calls, which no instance has seen alone", async () => {
    const trip = failureRate({ threshold: 0.5, window, minCalls: 20 });
    const [one, other] = [await joined(server, { name, trip }), await joined(server, { name, trip })];
    // Each has too few calls to decide.
    for (let call = 0; call < 12; call++) await outcome(one);
    for (let call = 0; call < 8; call++) await outcome(other, () => 1);
    await until(() => one.state === "open" && other.state === "open");
    expect(one.stats.failedCalls).toBe(12);
  });

  test("failures while it is still being asked whether something fails are told as well", async () => {
    const trip = failuresWithin({ failures: 3, duration: "10s" });
    const one = instance(server.port, { name, trip });
    // Right after the first answer of the store, with the first push under way.
    await Promise.all([outcome(one), outcome(one), outcome(one)]);
    await until(() => one.state === "open");
    expect(one.isShared).toBe(true);
  });

  test("the calls of healthy instances, made before anything failed, count", async () => {
    const trip = failureRate({ threshold: 0.5, window, minCalls: 10 });
    const [bad, good] = [await joined(server, { name, trip }), await joined(server, { name, trip })];
    // With the one call of each that made it join.
    for (let call = 0; call < 100; call++) await outcome(good, () => 1);
    for (let call = 0; call < 20; call++) await outcome(bad);
    await until(() => bad.stats.window[0]?.calls === 122 && good.stats.window[0]?.calls === 122);
    expect(bad.stats.window).toEqual([{ rule: "failureRate", calls: 122, counted: 20, rate: 20 / 122 }]);
    // More than the time in which all decide.
    const before = await scripts(server);
    await until(async () => {
      await outcome(good, () => 1);
      return (await scripts(server)) > before + 6;
    });
    expect([bad.state, good.state]).toEqual(["closed", "closed"]);
    const { successfulCalls } = good.stats;
    for (let call = 0; call < successfulCalls; call++) await outcome(bad);
    await until(() => bad.state === "open" && good.state === "open");
  });

  test("asks nothing while nothing fails", async () => {
    const trip = failureRate({ threshold: 0.5, window });
    const breaker = await joined(server, { name, trip });
    const before = await scripts(server);
    for (let call = 0; call < 1000; call++) await breaker.call(() => call);
    expect(await scripts(server)).toBe(before);
  });

  test("a quorum counts the instances that have seen failures", async () => {
    const trip = failuresWithin({ failures: 5, duration: "10s" });
    const options = { name, trip, quorum: 2 } as const;
    const [one, other] = [await joined(server, options), await joined(server, options)];
    for (let call = 0; call < 10; call++) await outcome(one);
    await until(() => other.failureCount === 10);
    expect([one.state, other.state]).toEqual(["closed", "closed"]);
    await outcome(other);
    await until(() => one.state === "open" && other.state === "open");
  });

  test("slow calls count, and a slow probe opens the circuit again", async () => {
    const trip = slowCallRate({ threshold: 0.5, window, minCalls: 4, slowerThan: "1ms" });
    const options = { name, trip, resetTimeout: "50ms" } as const;
    const [one, other] = [await joined(server, options), await joined(server, options)];
    const slow = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 5));
    for (let call = 0; call < 8; call++) await outcome(one, slow);
    await until(() => other.state === "open");
    await until(() => other.state === "half-open");
    const reasons: string[] = [];
    one.on("stateChange", ({ reason }) => reasons.push(reason));
    expect(await outcome(other, slow)).toBe("success");
    await until(() => reasons.includes("probe-failed"));
    expect(await server.command("KEYS", `*${name}*`)).toHaveLength(2);
    for (const key of (await server.command("KEYS", "*")) as string[]) {
      expect(await server.command("PTTL", key)).toBeGreaterThan(0);
    }
  });

  test("counts anew after the circuit has closed, and alone while the store is away", async () => {
    const own = await startServer();
    const trip = failuresWithin({ failures: 3, duration: "10s" });
    const options = { name, trip, resetTimeout: "50ms", maxAge: "200ms" } as const;
    const [one, other] = [await joined(own, options), await joined(own, options)];
    for (let call = 0; call < 3; call++) await outcome(one);
    await until(() => other.state === "open");
    await until(() => other.state === "half-open");
    expect(await outcome(other, () => 1)).toBe("success");
    await until(() => one.state === "closed" && other.state === "closed");
    await outcome(one);
    expect(one.failureCount).toBe(1);
    await own.kill9();
    await until(() => !one.isShared);
    for (let call = 0; call < 3; call++) await outcome(one);
    expect(one.state).toBe("open");
  });
});
