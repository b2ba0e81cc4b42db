// A whole call protected by one object: a service that loses every third request, then hangs, then recovers.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { resilient } from "@kstlib/resilience";

let mood = "flaky";
let requests = 0;
const service = createServer((request, response) => {
  requests++;
  if (mood === "hanging") return; // no answer
  if (mood === "flaky" && requests % 3 === 0) return request.socket.destroy();
  response.end(String(requests));
}).listen(0, "127.0.0.1");
await once(service, "listening");
const url = `http://127.0.0.1:${service.address().port}`;

const api = resilient({
  name: "prices",
  fallback: { to: "no price", lastGood: { maxAge: "1m" } },
  totalTimeout: "1s",
  retry: { attempts: 3, delay: "10ms" },
  circuitBreaker: { maxFailures: 3, resetTimeout: "300ms" },
  timeout: "200ms",
});
const ask = () => api.execute(async ({ signal }) => (await fetch(url, { signal })).text());

for (let call = 1; call <= 6; call++) await ask();
console.log(`flaky: 6 calls, ${requests} requests, ${api.fallback.stats.fallbacks} fallbacks`);
assert.equal(api.fallback.stats.fallbacks, 0);

mood = "hanging";
const before = requests;
const start = performance.now();
for (let call = 1; call <= 20; call++) await ask();
const { fromLastGood } = api.fallback.stats;
console.log(`hanging: 20 calls, ${requests - before} requests, ${fromLastGood} times the last good price`);
console.log(`circuit ${api.circuitBreaker.state} after ${((performance.now() - start) / 1000).toFixed(1)} s`);
assert.equal(fromLastGood, 20);

mood = "well";
await sleep(400);
const price = await ask();
console.log(`well again: a fresh price, circuit ${api.circuitBreaker.state}`);
assert.equal(price, String(requests));
service.closeAllConnections();
service.close();
