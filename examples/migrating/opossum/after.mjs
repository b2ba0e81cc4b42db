// The same with this package.
import { setTimeout as sleep } from "node:timers/promises";
import { failureRate, isRefusal, resilient } from "@kstlib/resilience";

let isUp = false;
let requests = 0;
async function price(pair) {
  requests++;
  if (!isUp) throw new Error("down");
  return `price of ${pair}`;
}

function instead({ reason }, _context, pair) {
  return isRefusal(reason) ? `refused: ${pair}` : `old price of ${pair}`;
}
const api = resilient({
  fallback: { to: instead },
  circuitBreaker: {
    trip: failureRate({ threshold: 0.5, window: { duration: "10s" }, minCalls: 4 }),
    resetTimeout: "1s",
  },
  timeout: "2s",
});
api.circuitBreaker.on("stateChange", ({ to }) => console.log(to));

const ask = async () => console.log(await api.call(price, "BTC"));
for (let call = 1; call <= 5; call++) await ask();
while (api.circuitBreaker.state !== "half-open") await sleep(10);
await ask(); // the probe fails
isUp = true;
while (api.circuitBreaker.state !== "half-open") await sleep(10);
await ask();
console.log(`${requests} requests`);
