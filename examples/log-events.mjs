// Logs what happens to the components of a registry, one line each.
import assert from "node:assert/strict";
import { logEvents, Registry } from "@kstlib/resilience";

const lines = [];
const log = (line) => {
  console.log(line);
  lines.push(line);
};
// In a service: `console`, or the result of `pino()`.
const logger = { debug: log, info: log, warn: log, error: log };

const registry = new Registry({ circuitBreaker: { maxFailures: 2, resetTimeout: "50ms" } });
const logging = logEvents(logger, registry);

// Created after the log, and logged nevertheless.
const breaker = registry.circuitBreaker("payments");
for (let call = 1; call <= 2; call++) {
  await breaker.call(() => Promise.reject(new Error("down"))).catch(() => undefined);
}
await new Promise((resolve) => setTimeout(resolve, 60));
await breaker.call(() => "well");
logging[Symbol.dispose]();

assert.deepEqual(lines, [
  "[resilience] circuit-breaker payments: closed -> open (tripped)",
  "[resilience] circuit-breaker payments: open -> half-open (reset-timeout)",
  "[resilience] circuit-breaker payments: half-open -> closed (recovered)",
]);
