import { describe, expect, test } from "vitest";
import { failuresWithin } from "../../../src/circuit-breaker/rates.js";
import { hasRedis, type Server, startServer } from "../servers/servers.js";
import { instance, joined, open, outcome, until } from "./instances.js";

const circuitKey = (name: string): string => `kstlib:circuit:{${name}}`;

describe.skipIf(!hasRedis)("a shared circuit whose store fails", () => {
  const pair = async (server: Server, options: object = {}) => {
    const given = { name: "api", maxAge: "300ms", ...options } as const;
    return [await joined(server, given), await joined(server, given)] as const;
  };

  test("hears of changes again after the subscription was cut", async () => {
    const server = await startServer();
    const [one, other] = await pair(server);
    await server.command("CLIENT", "KILL", "TYPE", "pubsub");
    await open(one);
    await until(() => other.state === "open");
    await one.reset();
    await until(() => other.state === "closed");
    expect(one.state).toBe("closed");
  });

  test("knows the state by asking while it may not subscribe", async () => {
    const server = await startServer();
    await server.command("ACL", "SETUSER", "default", "-subscribe");
    const [one, other] = [0, 1].map(() => instance(server.port, { name: "api", maxAge: "200ms" }));
    if (one === undefined || other === undefined) throw new Error("no instances");
    await until(() => one.isShared && other.isShared);
    await open(one);
    await until(() => other.state === "open");
    await server.command("ACL", "SETUSER", "default", "+subscribe");
    const subscribers = async () => await server.command("PUBSUB", "NUMSUB", `${circuitKey("api")}:changes`);
    await until(async () => String(await subscribers()).endsWith(",2"));
    expect(other.state).toBe("open");
  });

  test("is shared without the right to publish", async () => {
    const server = await startServer();
    await server.command("ACL", "SETUSER", "default", "-publish");
    const [one, other] = [0, 1].map(() => instance(server.port, { name: "api", maxAge: "200ms" }));
    if (one === undefined || other === undefined) throw new Error("no instances");
    await until(() => one.isShared && other.isShared);
    const outcomes: string[] = [];
    for (let call = 0; call < 5; call++) outcomes.push(await outcome(one), String(one.isShared));
    expect(outcomes.join(" ")).toBe("failed true failed true failed true refused true refused true");
    // It is subscribed and is told nothing, but its first failure is answered.
    await outcome(other);
    await until(() => other.state === "open");
  });

  test("rates are shared without the right to publish", async () => {
    const server = await startServer();
    await server.command("ACL", "SETUSER", "default", "-publish");
    const trip = failuresWithin({ failures: 4, duration: "10s" });
    const [one, other] = [0, 1].map(() => instance(server.port, { name: "api", maxAge: "200ms", trip }));
    if (one === undefined || other === undefined) throw new Error("no instances");
    await until(() => one.isShared && other.isShared);
    await Promise.all([one, one, other, other].map((breaker) => outcome(breaker)));
    await until(() => one.state === "open" || other.state === "open");
    // The one whose failures came first has been told nothing: its next call is answered. Alone it would need two more.
    for (const each of [one, other]) if (each.state === "closed") await outcome(each);
    await until(() => one.state === "open" && other.state === "open");
    expect([one.isShared, other.isShared]).toEqual([true, true]);
  });

  test("an open circuit survives that the store forgets everything, until its own time", async () => {
    const server = await startServer();
    const [one, other] = await pair(server);
    await open(one);
    await until(() => other.state === "open");
    await server.command("FLUSHALL");
    await until(async () => (await server.command("EXISTS", circuitKey("api"))) === 1);
    expect(await server.command("HGET", circuitKey("api"), "s")).toBe("open");
    expect(await outcome(one, () => 1)).toBe("refused");
    expect(await outcome(other, () => 1)).toBe("refused");
    const late = instance(server.port, { name: "api" });
    expect(await outcome(late, () => 1)).toBe("refused");
    expect(late.snapshot().remainingSeconds).toBeLessThan(60);
    expect(late.snapshot().remainingSeconds).toBeGreaterThan(40);
  });

  test("a failure that a new instance writes to an emptied store does not hide an open circuit", async () => {
    const server = await startServer();
    const [one] = await pair(server, { maxAge: "1m" });
    await open(one);
    await server.command("FLUSHALL");
    const late = instance(server.port, { name: "api" });
    await outcome(late);
    await until(() => late.state === "open");
    expect(one.state).toBe("open");
  });

  test("is known again to a server that was killed and is back, empty", async () => {
    const server = await startServer();
    const [one, other] = await pair(server);
    await open(one);
    await until(() => other.state === "open");
    await server.kill9();
    await until(() => !one.isShared && !other.isShared);
    expect(await outcome(one, () => 1)).toBe("refused");
    await server.restart();
    await until(() => one.isShared && other.isShared);
    await until(async () => (await server.command("HGET", circuitKey("api"), "s")) === "open");
    await one.reset();
    await until(() => other.state === "closed");
  });

  test("each instance goes on alone while the server is frozen, and what opened meanwhile is told to all", async () => {
    const server = await startServer();
    const [one, other] = await pair(server);
    await outcome(one, () => 1);
    server.freeze();
    // The first failures are decided without the store.
    await open(one);
    expect(one.isShared).toBe(false);
    expect(await outcome(other, () => 1)).toBe("success");
    expect(other.state).toBe("closed");
    server.thaw();
    await until(() => other.state === "open" && one.isShared);
    expect(one.state).toBe("open");
  });

  test("what closed while the store was away is closed for all", async () => {
    const server = await startServer();
    const [one, other] = await pair(server);
    await open(one);
    await until(() => other.state === "open");
    await server.kill9();
    await until(() => !one.isShared && !other.isShared);
    await one.reset();
    expect(one.state).toBe("closed");
    await server.restart();
    await until(() => other.state === "closed");
    expect(one.state).toBe("closed");
  });

  test("half-open while the store is away, it is a circuit of this instance", async () => {
    const server = await startServer();
    const [one, other] = await pair(server, { resetTimeout: "500ms" });
    await open(one);
    await until(() => other.state === "open");
    await server.kill9();
    await until(() => one.state === "half-open");
    expect(await outcome(one, () => 1)).toBe("success");
    expect(one.state).toBe("closed");
    const closed = performance.now();
    // Instances compare their times by those of the server, up to a round trip.
    await until(() => other.state === "half-open" && performance.now() > closed + 300);
    expect(await outcome(other)).toBe("failed");
    expect(other.state).toBe("open");
    await server.restart();
    // The later of the two: it has just found out that the service fails.
    await until(() => one.isShared && other.isShared && one.state !== "closed");
    expect(other.state).toBe(one.state);
  });

  test("scripts that the server has forgotten are sent again", async () => {
    const server = await startServer();
    const [one, other] = await pair(server);
    for (let round = 0; round < 5; round++) {
      await server.command("SCRIPT", "FLUSH");
      await open(one);
      await until(() => other.state === "open");
      await server.command("SCRIPT", "FLUSH");
      await other.reset();
      await until(() => one.state === "closed");
    }
    expect([one.isShared, other.isShared]).toEqual([true, true]);
  });

  test("a permit that comes too late is given back", async () => {
    const server = await startServer();
    const [one, other] = await pair(server, { resetTimeout: "100ms", probeTimeout: "1m", lease: "1m" });
    await open(one);
    await until(() => one.state === "half-open" && other.state === "half-open");
    server.freeze();
    let end: (value: number) => void = () => {};
    // Without an answer it decides alone.
    const call = outcome(one, () => new Promise<number>((resolve) => (end = resolve)));
    await until(
      () => !one.isShared && one.stats.totalCalls > one.stats.failedCalls + one.stats.successfulCalls,
    );
    server.thaw();
    await until(async () => (await outcome(other, () => 1)) === "success");
    end(1);
    expect(await call).toBe("success");
    await until(() => one.state === "closed");
    await until(() => other.state === "closed");
  });

  test("a permit goes back when its instance closes just as the store counts as away", async () => {
    const server = await startServer();
    const [one, other] = await pair(server, { resetTimeout: "100ms", probeTimeout: "1m", lease: "1m" });
    await open(one);
    await until(() => one.state === "half-open" && other.state === "half-open");
    let end: (value: number) => void = () => {};
    const call = outcome(one, () => new Promise<number>((resolve) => (end = resolve)));
    await until(() => one.stats.totalCalls > one.stats.failedCalls + one.stats.successfulCalls);
    await until(async () => (await outcome(other, () => 1)) === "refused");
    server.freeze();
    await until(() => !one.isShared && !other.isShared);
    server.thaw();
    await one.close();
    await until(() => other.isShared);
    // The lease of the permit would be over in a minute.
    await until(async () => (await outcome(other, () => 1)) === "success");
    end(1);
    expect(await call).toBe("success");
  });

  test("something else under its key, or a store that cannot be written to makes it a circuit of this instance", async () => {
    const server = await startServer();
    await server.command("SET", circuitKey("api"), "text");
    const breaker = instance(server.port, { name: "api", maxAge: "100ms" });
    await open(breaker);
    expect(breaker.isShared).toBe(false);
    expect(breaker.state).toBe("open");
    await server.command("DEL", circuitKey("api"));
    await until(() => breaker.isShared);
    expect(await server.command("HGET", circuitKey("api"), "s")).toBe("open");

    // A replica answers what is asked, and writes nothing.
    await server.command("REPLICAOF", "127.0.0.1", "1");
    const other = instance(server.port, { name: "other", maxAge: "100ms" });
    await open(other);
    expect([other.state, other.isShared]).toEqual(["open", false]);
    await server.command("REPLICAOF", "NO", "ONE");
    await until(() => other.isShared);
    expect(other.state).toBe("open");
  });

  test("a client that was closed, or never reached a server, makes it a circuit of this instance", async () => {
    const server = await startServer();
    const { Redis } = await import("ioredis");
    const client = new Redis(server.port);
    const breaker = await joined(server, { name: "api", client });
    client.disconnect();
    await open(breaker);
    expect(breaker.state).toBe("open");

    const port = server.port;
    await server.kill9();
    const lonely = instance(port, { name: "api" });
    await open(lonely);
    expect([lonely.state, lonely.isShared]).toEqual(["open", false]);
    await server.restart();
    await until(() => lonely.isShared);
  });

  test("every key expires, and so does that of an open circuit not before it may be needed", async () => {
    const server = await startServer();
    const [one] = await pair(server, { resetTimeout: "2d" });
    await open(one);
    const keys = await server.command("KEYS", "*");
    expect(keys).toEqual([circuitKey("api")]);
    expect(await server.command("PTTL", circuitKey("api"))).toBeGreaterThan(2 * 24 * 3600 * 1000);
  });
});
