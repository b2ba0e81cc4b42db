// cockatiel: retry around a breaker around a timeout.
import { setTimeout as sleep } from "node:timers/promises";
import * as cockatiel from "cockatiel";

const isNoRefusal = (error) => !(error instanceof cockatiel.BrokenCircuitError);
const retry = cockatiel.retry(cockatiel.handleWhen(isNoRefusal), {
  maxAttempts: 2,
  backoff: new cockatiel.ConstantBackoff(10),
});
const breaker = cockatiel.circuitBreaker(cockatiel.handleAll, {
  breaker: new cockatiel.ConsecutiveBreaker(3),
  halfOpenAfter: 1000,
});
const timeout = cockatiel.timeout(2000, cockatiel.TimeoutStrategy.Aggressive);
const policy = cockatiel.wrap(retry, breaker, timeout);

retry.onRetry(({ attempt }) => console.log(`retry ${attempt}`));
timeout.onTimeout(() => console.log("timed out"));
breaker.onBreak(() => console.log("open"));
breaker.onHalfOpen(() => console.log("half-open"));
breaker.onReset(() => console.log("closed"));

const script = ["reset", "answer", "hang", "reset", "reset", "answer"];
function service({ signal }) {
  const next = script.shift();
  console.log(`request: ${next}, given up: ${signal.aborted}`);
  if (next === "hang") return new Promise(() => {});
  return next === "answer" ? next : Promise.reject(new Error(next));
}
async function ask() {
  const outcome = await policy
    .execute(service)
    .catch((error) => (isNoRefusal(error) ? error.message : "refused"));
  console.log(`call: ${outcome}`);
}

for (let call = 1; call <= 3; call++) await ask();
await sleep(1100);
await ask();
