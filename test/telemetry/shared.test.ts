import { describe, expect, test } from "vitest";
import { SharedCircuitBreaker } from "../../src/redis/circuit-breaker/shared-circuit-breaker.js";
import { SharedKeyedRateLimiter } from "../../src/redis/rate-limiter/shared-keyed-rate-limiter.js";
import { SharedRateLimiter } from "../../src/redis/rate-limiter/shared-rate-limiter.js";
import { prometheusMetrics } from "../../src/telemetry/index.js";
import { connect } from "../redis/clients.js";
import { hasRedis, startServer } from "../redis/servers/servers.js";

describe.skipIf(!hasRedis)("what processes share through Redis", () => {
  test("has the metrics of what is alone, in each process those of its own calls", async () => {
    const { port } = await startServer();
    const client = await connect("ioredis 6", port);
    using metrics = prometheusMetrics();
    const options = { client, name: "shared", storeTimeout: 10 };
    await using limiter = new SharedRateLimiter({ ...options, rate: 1, per: "1h", burst: 1 });
    await using keyed = new SharedKeyedRateLimiter({ ...options, rate: 1, per: "1h", burst: 1 });
    await using breaker = new SharedCircuitBreaker({ ...options, lease: 60, maxFailures: 1 });
    for (let request = 0; request < 2; request++) {
      await limiter.tryAcquire();
      await keyed.tryAcquire("secret");
    }
    const opened = new Promise((resolve) => breaker.on("stateChange", resolve));
    await breaker.call(() => Promise.reject(new Error("down"))).catch(() => {});
    await opened;
    const lines = metrics
      .text()
      .split("\n")
      .filter((line) => !line.startsWith("#") && !/_duration_/.test(line));
    expect(lines.filter((line) => line !== "")).toEqual(
      [
        'circuit_breaker_calls_total{name="shared",outcome="failure"} 1',
        'circuit_breaker_state{name="shared",state="closed"} 0',
        'circuit_breaker_state{name="shared",state="open"} 1',
        'circuit_breaker_state{name="shared",state="half-open"} 0',
        'circuit_breaker_state{name="shared",state="isolated"} 0',
        'circuit_breaker_transitions_total{name="shared",state="open"} 1',
        'rate_limiter_requests_total{name="shared",outcome="acquired"} 1',
        'rate_limiter_requests_total{name="shared",outcome="rejected"} 1',
        'rate_limiter_queued{name="shared"} 0',
        'keyed_rate_limiter_requests_total{name="shared",outcome="acquired"} 1',
        'keyed_rate_limiter_requests_total{name="shared",outcome="rejected"} 1',
        'keyed_rate_limiter_queued{name="shared"} 0',
      ].map((line) => `kstlib_resilience_${line}`),
    );
  });
});
