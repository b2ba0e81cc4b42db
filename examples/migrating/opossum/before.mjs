// opossum: a breaker that opens, answers by its fallback, probes, and closes.
import { setTimeout as sleep } from "node:timers/promises";
import CircuitBreaker from "opossum";

let isUp = false;
let requests = 0;
async function price(pair) {
  requests++;
  if (!isUp) throw new Error("down");
  return `price of ${pair}`;
}

const breaker = new CircuitBreaker(price, {
  timeout: 2000,
  errorThresholdPercentage: 50,
  rollingCountTimeout: 10_000,
  volumeThreshold: 4,
  resetTimeout: 1000,
});
breaker.fallback((pair, error) =>
  error.code === "EOPENBREAKER" ? `refused: ${pair}` : `old price of ${pair}`,
);
breaker.on("open", () => console.log("open"));
breaker.on("halfOpen", () => console.log("half-open"));
breaker.on("close", () => console.log("closed"));

const ask = async () => console.log(await breaker.fire("BTC"));
for (let call = 1; call <= 5; call++) await ask();
while (!breaker.halfOpen) await sleep(10);
await ask(); // the probe fails
isUp = true;
while (!breaker.halfOpen) await sleep(10);
await ask();
console.log(`${requests} requests`);
