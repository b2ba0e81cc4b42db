// A circuit breaker around an asynchronous call: after two failures it refuses at once, without a request.
import assert from "node:assert/strict";
import { CircuitBreaker, CircuitOpenError } from "@kstlib/resilience";

let requests = 0;
async function fetchTicker(symbol) {
  requests++;
  throw new Error(`no connection to the exchange for ${symbol}`);
}

const breaker = new CircuitBreaker({ name: "exchange", maxFailures: 2, resetTimeout: 30 });
const lastPrice = 64_000;

async function price(symbol) {
  try {
    return await breaker.call(fetchTicker, symbol);
  } catch (error) {
    const why =
      error instanceof CircuitOpenError
        ? `circuit open for ${error.remainingSeconds.toFixed(0)} s`
        : error.message;
    console.log(`last known price ${lastPrice}: ${why}`);
    return lastPrice;
  }
}

for (let attempt = 1; attempt <= 4; attempt++) await price("BTC/USDT");
console.log(`${requests} requests for 4 calls, the circuit is ${breaker.state}`);

assert.equal(requests, 2);
assert.equal(breaker.state, "open");
assert.equal(breaker.stats.rejectedCalls, 2);
