// Metrics of all components, for Prometheus, by one line at start-up. Run it with `node examples/telemetry.mjs`.
import { once } from "node:events";
import http from "node:http";
import { RateLimiter, resilient } from "@kstlib/resilience";
import { prometheusMetrics } from "@kstlib/resilience/telemetry";

// For OpenTelemetry it is `otelMetrics()`, with the same names.
const metrics = prometheusMetrics();

const server = http.createServer(metrics.handler()).listen(0, "127.0.0.1");
await once(server, "listening");

const payments = resilient({
  name: "payments",
  retry: { attempts: 3, delay: "5ms" },
  circuitBreaker: { name: "payments", maxFailures: 3 },
});
const exchange = new RateLimiter({ name: "exchange", rate: 10, burst: 2 });

for (let order = 0; order < 5; order++) await payments.execute(async () => "paid");
let attempts = 0;
const failing = async () => {
  attempts++;
  throw new Error("the bank does not answer");
};
await payments.execute(failing).catch(() => {});
await payments
  .execute(failing)
  .catch(({ code }) => console.log(`the last call: ${code} after ${attempts} attempts`));
for (let request = 0; request < 3; request++) exchange.tryAcquire();

const response = await fetch(`http://127.0.0.1:${server.address().port}/metrics`);
const text = await response.text();
const shown =
  /^kstlib_resilience_(circuit_breaker_calls|circuit_breaker_state|retry_retries|rate_limiter_requests)/;
for (const line of text.split("\n").filter((one) => shown.test(one))) console.log(line);
console.log(response.headers.get("content-type"));

server.close();
server.closeAllConnections();
metrics[Symbol.dispose]();
