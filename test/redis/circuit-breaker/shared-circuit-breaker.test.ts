import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { CircuitOpenError } from "../../../src/circuit-breaker/errors.js";
import type { SharedCircuitBreakerOptions } from "../../../src/redis/circuit-breaker/options.js";
import { SharedCircuitBreaker } from "../../../src/redis/circuit-breaker/shared-circuit-breaker.js";
import { hasRedis, type Server, startServer } from "../servers/servers.js";

const down = (): Promise<never> => Promise.reject(new Error("down"));

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

  const instance = (
    options: Omit<SharedCircuitBreakerOptions, "client" | "name"> = {},
  ): SharedCircuitBreaker => {
    const client = new Redis(server.port);
    client.on("error", () => {});
    const breaker = new SharedCircuitBreaker({
      client,
      name,
      maxFailures: 3,
      resetTimeout: "1m",
      ...options,
    });
    onTestFinished(async () => {
      await breaker.close();
      client.disconnect();
    });
    return breaker;
  };
  const fail = (breaker: SharedCircuitBreaker): Promise<string> =>
    breaker.call(down).then(
      () => "success",
      (error: unknown) => (error instanceof CircuitOpenError ? "refused" : "failed"),
    );

  test("what one instance finds open is open for the others", async () => {
    const [one, other] = [instance(), instance()];
    expect(await other.call(() => "fine")).toBe("fine");
    expect([await fail(one), await fail(one), await fail(one), await fail(one)]).toEqual([
      "failed",
      "failed",
      "failed",
      "refused",
    ]);
    expect(one.state).toBe("open");
    await vi.waitFor(() => expect(other.state).toBe("open"));
    expect(await fail(other)).toBe("refused");
    expect(other.snapshot().remainingSeconds).toBeGreaterThan(50);
  });
});
