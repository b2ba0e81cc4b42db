// cockatiel: retry around a breaker around a timeout.
import { setTimeout as sleep } from "node:timers/promises";
import * as cockatiel from "cockatiel";

const { handleAll, TimeoutStrategy } = cockatiel;
const retry = cockatiel.retry(cockatiel.handleWhen((error) => !(error instanceof cockatiel.BrokenCircuitError)), {
  maxAttempts: 2,
  backoff: new cockatiel.ConstantBackoff(10),
});
const breaker = cockatiel.circuitBreaker(handleAll, {
  breaker: new cockatiel.ConsecutiveBreaker(3),
  halfOpenAfter: 300,
});
const policy = cockatiel.wrap(retry, breaker, cockatiel.timeout(100, TimeoutStrategy.Aggressive));
retry.onRetry(({ attempt }) => console.log(`retry ${attempt}`));
breaker.onBreak(() => console.log("open"));
breaker.onHalfOpen(() => console.log("half-open"));
breaker.onReset(() => console.log("closed"));

let requests = 0;
async function ask(service) {
  try {
    console.log(await policy.execute(({ signal }) => service(signal, ++requests)));
  } catch (error) {
    if (error instanceof cockatiel.TaskCancelledError) console.log("timed out");
    else if (error instanceof cockatiel.BrokenCircuitError) console.log("refused");
    else throw error;
  }
}
await ask((_signal, request) => (request === 1 ? Promise.reject(new Error("reset")) : `answer ${request}`));
await ask(() => new Promise(() => {})); // hangs
await ask(() => "never called");
await sleep(350);
await ask((_signal, request) => `answer ${request}`);
