// undici: a pool of connections to one service, asked every few seconds until the process is told to end.
import { setTimeout as sleep } from "node:timers/promises";
import { GracefulShutdown } from "@kstlib/resilience";
import { resilienceInterceptor } from "@kstlib/resilience/http";
import { Pool } from "undici";

const { SERVICE_URL, EVERY_MS = 5000, TIMEOUT = 2 } = process.env;
const protection = resilienceInterceptor({
  name: "prices",
  totalTimeout: 5 * TIMEOUT, // reading the body included
  retry: { attempts: 3, delay: "100ms" },
  circuitBreaker: { maxFailures: 5, resetTimeout: "2s" },
  timeout: Number(TIMEOUT), // of each attempt, in seconds
});
const pool = new Pool(SERVICE_URL, { connections: 10 });
const prices = pool.compose(protection);

const shutdown = new GracefulShutdown({ timeout: "25s" });
shutdown.register("polling", () => polling, { priority: 10 }); // the request under way may end
shutdown.register("pool", () => pool.close(), { priority: 20 });
shutdown.install();

async function price(pair) {
  const { statusCode, body } = await prices.request({ method: "GET", path: `/${pair}` });
  if (statusCode === 200) return body.json();
  await body.dump(); // a body that nobody reads holds its connection
  throw new Error(`status ${statusCode}`);
}

async function poll() {
  while (!shutdown.isShuttingDown) {
    await price("BTC").then(
      (value) => console.log("BTC", value),
      (error) => console.log(`no price: ${error.name}: ${error.message}`),
    );
    await sleep(Number(EVERY_MS), undefined, { signal: shutdown.signal }).catch(() => {});
  }
}
const polling = poll();
