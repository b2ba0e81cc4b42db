// The same with this package.
import { setTimeout as sleep } from "node:timers/promises";
import { CircuitBreaker, isRefusal, pipeline, Retry, Timeout } from "@kstlib/resilience";

const retry = new Retry({ attempts: 3, delay: "10ms" });
const breaker = new CircuitBreaker({ maxFailures: 3, resetTimeout: "1s" });
const timeout = new Timeout({ timeout: "2s" });
const policy = pipeline(retry, breaker, timeout);

retry.on("retry", ({ attempt }) => console.log(`retry ${attempt}`));
timeout.on("timeout", () => console.log("timed out"));
breaker.on("stateChange", ({ to }) => console.log(to));

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
    .catch((error) => (isRefusal(error) ? "refused" : error.message));
  console.log(`call: ${outcome}`);
}

for (let call = 1; call <= 3; call++) await ask();
await sleep(1100);
await ask();
