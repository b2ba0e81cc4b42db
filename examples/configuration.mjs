// Settings from kstlib.conf.yml: for all instances, for named ones, and overridden in code.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { CircuitBreaker, configure, RateLimiter } from "@kstlib/resilience";
import { loadConfig } from "@kstlib/resilience/config";

// Or `import "@kstlib/resilience/auto"`, which looks in $KSTLIB_CONFIG, ./kstlib.conf.yml and the user's folder.
const config = loadConfig({ path: fileURLToPath(new URL("kstlib.conf.yml", import.meta.url)) });
const restore = configure(config);

const fail = () => Promise.reject(new Error("down"));
async function failuresUntilOpen(breaker) {
  for (let failures = 0; ; failures++) {
    if (breaker.state === "open") return failures;
    await breaker.call(fail).catch(() => undefined);
  }
}

const any = await failuresUntilOpen(new CircuitBreaker());
const payment = await failuresUntilOpen(new CircuitBreaker({ name: "payment-api" }));
const override = await failuresUntilOpen(new CircuitBreaker({ name: "payment-api", maxFailures: 1 }));
console.log(
  `failures that open the circuit: ${any} for any, ${payment} for payment-api, ${override} where the code says so`,
);
assert.deepEqual([any, payment, override], [5, 3, 1]);

const { rate, per, burst } = new RateLimiter({ name: "exchange" });
console.log(`the exchange: ${rate} calls per ${per} s, ${burst} at once`);
assert.deepEqual([rate, per, burst], [1200, 60, 50]);

restore[Symbol.dispose]();
assert.equal(await failuresUntilOpen(new CircuitBreaker({ maxFailures: 2 })), 2);
