// The same with this package.
import { setTimeout as sleep } from "node:timers/promises";
import { CircuitBreaker, CircuitOpenError, pipeline, Retry, Timeout, TimeoutExceededError } from "@kstlib/resilience";

const retry = new Retry({ attempts: 3, delay: "10ms" });
const breaker = new CircuitBreaker({ maxFailures: 3, resetTimeout: "300ms" });
const policy = pipeline(retry, breaker, new Timeout({ timeout: "100ms" }));
retry.on("retry", ({ attempt }) => console.log(`retry ${attempt}`));
breaker.on("stateChange", ({ to }) => console.log(to));

let requests = 0;
async function ask(service) {
  try {
    console.log(await policy.execute(({ signal }) => service(signal, ++requests)));
  } catch (error) {
    if (error instanceof TimeoutExceededError) console.log("timed out");
    else if (error instanceof CircuitOpenError) console.log("refused");
    else throw error;
  }
}
await ask((_signal, request) => (request === 1 ? Promise.reject(new Error("reset")) : `answer ${request}`));
await ask(() => new Promise(() => {})); // hangs
await ask(() => "never called");
await sleep(350);
await ask((_signal, request) => `answer ${request}`);
