// Some errors say nothing about the health of a service; excluded errors do not count.
import assert from "node:assert/strict";
import { CircuitBreaker } from "@kstlib/resilience";

class ValidationError extends Error {}

const breaker = new CircuitBreaker({
  maxFailures: 3,
  // Classes, or functions that judge the error.
  excludedErrors: [ValidationError, (error) => error instanceof Error && error.message.startsWith("404")],
});

async function failWith(error) {
  const call = breaker.call(async () => {
    throw error;
  });
  await assert.rejects(call, error);
}

for (let order = 1; order <= 10; order++) await failWith(new ValidationError(`order ${order} has no price`));
await failWith(new Error("404 no such symbol"));
console.log(`after 11 mistakes of the caller: ${breaker.state}, ${breaker.stats.ignoredCalls} calls ignored`);
assert.equal(breaker.state, "closed");
assert.equal(breaker.stats.ignoredCalls, 11);

for (let attempt = 1; attempt <= 3; attempt++) await failWith(new Error("503 service unavailable"));
console.log(`after 3 failures of the service: ${breaker.state}`);
assert.equal(breaker.state, "open");
