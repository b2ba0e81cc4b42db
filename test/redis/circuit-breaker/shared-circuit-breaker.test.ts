import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { CircuitOpenError } from "../../../src/circuit-breaker/errors.js";
import { SharedCircuitBreaker } from "../../../src/redis/circuit-breaker/shared-circuit-breaker.js";
import { clientNames, connect } from "../clients.js";
import { hasRedis, type Server, startServer } from "../servers/servers.js";
import { instance, joined, open, outcome, scripts, until } from "./instances.js";

describe.skipIf(!hasRedis)("a circuit of several instances", () => {
  let server: Server;
  let count = 0;
  let name = "";
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    name = `circuit-${++count}`;
  });

  test("what one instance finds open is open for the others, and its next call is refused", async () => {
    const [one, other] = [await joined(server, { name }), await joined(server, { name })];
    expect(await outcome(other, () => "fine")).toBe("success");
    const ends = [await outcome(one), await outcome(one), await outcome(one), await outcome(one)];
    expect(ends).toEqual(["failed", "failed", "failed", "refused"]);
    expect(one.state).toBe("open");
    await until(() => other.state === "open");
    expect(await outcome(other)).toBe("refused");
    expect(other.snapshot().remainingSeconds).toBeGreaterThan(50);
    expect(other.failureCount).toBe(3);
  });

  test.each(clientNames.filter((client) => client !== "valkey-glide"))("works with %s", async (client) => {
    const [one, other] = [await connect(client, server.port), await connect(client, server.port)].map(
      (each) => new SharedCircuitBreaker({ client: each, name, maxFailures: 2, resetTimeout: "300ms" }),
    );
    if (one === undefined || other === undefined) throw new Error("no instances");
    onTestFinished(async () => {
      await one.close();
      await other.close();
    });
    const states: string[] = [];
    other.on("stateChange", ({ from, to, reason }) => states.push(`${from} -> ${to} (${reason})`));
    expect(await outcome(other, () => 1)).toBe("success");
    await open(one);
    // It is open for so short a time that nobody may see it.
    await until(() => states.length > 0);
    // Each knows by its own clock when the time is over.
    await until(() => one.state === "half-open" && other.state === "half-open");
    expect(await outcome(one, () => 1)).toBe("success");
    await until(() => other.state === "closed");
    expect(states).toEqual([
      "closed -> open (tripped)",
      "open -> half-open (reset-timeout)",
      "half-open -> closed (recovered)",
    ]);
  });

  test("failures of all instances add up, and a success of any one ends them", async () => {
    const [one, other] = [await joined(server, { name }), await joined(server, { name })];
    await outcome(one);
    await until(() => other.failureCount === 1);
    await outcome(other);
    expect(await outcome(other, () => 1)).toBe("success");
    await until(() => one.failureCount === 0);
    for (const each of [one, other, one]) await outcome(each);
    await until(() => one.state === "open" && other.state === "open");
  });

  test("a healthy call asks nothing", async () => {
    const breaker = await joined(server, { name });
    const before = await scripts(server);
    for (let call = 0; call < 1000; call++) await breaker.call(() => call);
    expect(await scripts(server)).toBe(before);
    expect(breaker.stats.successfulCalls).toBe(1001);
  });

  test("an instance that starts while the circuit is open makes no call", async () => {
    await open(await joined(server, { name }));
    const late = instance(server.port, { name });
    expect(await outcome(late, () => 1)).toBe("refused");
  });

  test("one bad instance among healthy ones does not open the circuit for all", async () => {
    const [bad, good] = [await joined(server, { name }), await joined(server, { name })];
    for (let call = 0; call < 50; call++) {
      await outcome(bad);
      await until(() => good.failureCount > 0);
      await outcome(good, () => 1);
      await until(() => bad.failureCount === 0);
    }
    expect([bad.state, good.state]).toEqual(["closed", "closed"]);
  });

  test("with a quorum of two, the failures of one instance do not open it", async () => {
    const [one, other] = [
      await joined(server, { name, quorum: 2 }),
      await joined(server, { name, quorum: 2 }),
    ];
    for (let call = 0; call < 10; call++) expect(await outcome(one)).toBe("failed");
    await until(() => one.failureCount === 10);
    expect(one.state).toBe("closed");
    await outcome(other);
    await until(() => one.state === "open");
  });

  test("synchronous calls are never probes", async () => {
    const breaker = await joined(server, { name, resetTimeout: "50ms" });
    await open(breaker);
    await until(() => breaker.state === "half-open");
    expect(() => breaker.callSync(() => 1)).toThrow(CircuitOpenError);
    expect(await outcome(breaker, () => 1)).toBe("success");
    // It has recovered, and the next call knows it.
    expect(await outcome(breaker, () => 1)).toBe("success");
    expect(breaker.state).toBe("closed");
    expect(breaker.callSync(() => 1)).toBe(1);
    expect(breaker.executeSync(() => 2)).toBe(2);
    expect(breaker.wrapSync((value: number) => value)(3)).toBe(3);
  });

  test("a probe that takes too long counts as failed, though its lease is renewed", async () => {
    const [one, other] = [
      await joined(server, { name, resetTimeout: "50ms", probeTimeout: "1500ms", lease: "3s" }),
      await joined(server, { name, resetTimeout: "50ms", probeTimeout: "1500ms", lease: "3s" }),
    ];
    await open(one);
    await until(() => one.state === "half-open");
    const reasons: string[] = [];
    other.on("stateChange", ({ reason }) => reasons.push(reason));
    let end: (value: number) => void = () => {};
    const probe = one.call(() => new Promise<number>((resolve) => (end = resolve)));
    await until(() => reasons.includes("probe-timeout"));
    // It succeeds all the same, which shows that the service has recovered.
    end(7);
    expect(await probe).toBe(7);
    await until(() => other.state === "closed");
    expect(reasons.at(-1)).toBe("recovered");
  });

  test("several probes are counted over all instances", async () => {
    const halfOpen = { calls: 4, failureRate: 0.5 };
    const [one, other] = [
      await joined(server, { name, resetTimeout: "50ms", probeTimeout: "1m", halfOpen }),
      await joined(server, { name, resetTimeout: "50ms", probeTimeout: "1m", halfOpen }),
    ];
    await open(one);
    await until(() => other.state === "half-open");
    const ends: (() => void)[] = [];
    const calls = Array.from({ length: 10 }, (_, index) =>
      outcome(index % 2 === 0 ? one : other, () => new Promise<void>((resolve) => ends.push(resolve))),
    );
    await until(() => ends.length === 4);
    expect(await Promise.all([one, other].map((each) => outcome(each)))).toEqual(["refused", "refused"]);
    for (const end of ends) end();
    const all = await Promise.all(calls);
    expect(all.filter((end) => end === "success")).toHaveLength(4);
    expect(all.filter((end) => end === "refused")).toHaveLength(6);
    await until(() => one.state === "closed" && other.state === "closed");
  });

  test("a caller that gives up while it waits for a permit gets its reason, and the permit goes back", async () => {
    const breaker = await joined(server, { name, resetTimeout: "50ms", probeTimeout: "1m" });
    await open(breaker);
    await until(() => breaker.state === "half-open");
    const controller = new AbortController();
    const run = vi.fn<() => number>();
    const call = breaker.execute(run, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    await until(() => breaker.stats.ignoredCalls === 1);
    expect(run).not.toHaveBeenCalled();
    expect(await outcome(breaker, () => 1)).toBe("success");
  });

  test("a permit in hand is the only one, and what is iterated is one call", async () => {
    const [one, other] = [
      await joined(server, { name, resetTimeout: "50ms", probeTimeout: "1m" }),
      await joined(server, { name, resetTimeout: "50ms", probeTimeout: "1m" }),
    ];
    await open(one);
    await until(() => other.state === "half-open");
    const permit = await one.tryPermit();
    expect(permit).toBeDefined();
    expect(await other.tryPermit()).toBeUndefined();
    permit?.release();
    await vi.waitFor(async () => {
      const items: number[] = [];
      for await (const item of other.iterate(() => [1, 2])) items.push(item);
      expect(items).toEqual([1, 2]);
    }, 60_000);
    await until(() => one.state === "closed");
  });

  test("what a listener and a predicate throw holds no permit", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    onTestFinished(() => warned.mockRestore());
    const isFailure = (): boolean => {
      throw new Error("predicate");
    };
    const breaker = await joined(server, { name, resetTimeout: "50ms", probeTimeout: "1m", isFailure });
    breaker.on("stateChange", () => {
      throw new Error("listener");
    });
    for (let round = 0; round < 3; round++) {
      await open(breaker);
      await until(() => breaker.state === "half-open");
      // The predicate that throws makes it a failure.
      expect(await outcome(breaker, () => 1)).toBe("success");
      await until(() => breaker.state === "open");
    }
    expect(warned).toHaveBeenCalled();
  });
});
