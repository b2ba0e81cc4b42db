// The circuit breaker as a decorator of a method, and as a wrapper of a function.
import assert from "node:assert/strict";
import { circuitBreaker, CircuitOpenError } from "@kstlib/resilience";

class PaymentApi {
  requests = 0;

  @circuitBreaker({ maxFailures: 3, resetTimeout: 30 })
  async charge(amount: number): Promise<string> {
    this.requests++;
    throw new Error(`no answer for ${amount} EUR`);
  }
}

const api = new PaymentApi();
const errors: unknown[] = [];
for (let attempt = 1; attempt <= 5; attempt++) {
  await api.charge(10 * attempt).catch((error: unknown) => errors.push(error));
}
console.log(`${api.requests} requests for 5 calls; the last error: ${String(errors.at(-1))}`);
assert.equal(api.requests, 3);
assert.ok(errors.at(-1) instanceof CircuitOpenError);

const callExternalApi = circuitBreaker({ maxFailures: 3 })((endpoint: string) => `answer of ${endpoint}`);
const answer = await callExternalApi("/status");
console.log(`${answer}; its circuit is ${callExternalApi.breaker.state}`);
assert.equal(answer, "answer of /status");
assert.equal(callExternalApi.breaker.stats.successfulCalls, 1);
