// A service that is down is called through two others, all with retries: how many requests does it get for 1,000 calls?
import assert from "node:assert/strict";
import { pipeline, Retry, RetryBudget } from "@kstlib/resilience";
import { ManualClock } from "@kstlib/resilience/testing";

const CALLS = 1000; // within a second

/** Three nested retries of three attempts each, as in a client, a gateway and a service in between. */
async function requestsOf(budgetOf) {
  const clock = new ManualClock();
  const retries = Array.from(
    { length: 3 },
    () => new Retry({ attempts: 3, delay: 0, clock, ...budgetOf(clock) }),
  );
  const api = pipeline(...retries);
  let requests = 0;
  const service = () => {
    requests++;
    return Promise.reject(new Error("down"));
  };
  for (let call = 1; call <= CALLS; call++) {
    await clock.advance("1ms");
    await api.execute(service).catch(() => {}); // the service's own error
  }
  return requests;
}

const without = await requestsOf(() => ({}));
console.log(`without a budget: ${without} requests, ${without / CALLS} for each call`);
assert.equal(without, 27 * CALLS);

let shared;
const within = await requestsOf((clock) => ({ budget: (shared ??= new RetryBudget({ clock })) }));
console.log(`with one budget: ${within} requests, ${within / CALLS} for each call`);
// A fifth of the calls, plus 10 a second over its 10 s.
assert.ok(within <= 1.2 * CALLS + 100);
console.log(`${shared.stats.suppressed} attempts suppressed`);
