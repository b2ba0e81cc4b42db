// @ts-check
// One bot of the fleet, a process of its own: it shares its limit and its circuit with the others through Redis, and
// tells the parent what it does. main.mjs starts it with its name, the exchange's port, the server's URL and the number
// of bots.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { CircuitOpenError, GracefulShutdown, Heartbeat } from "@kstlib/resilience";
import { RedisHeartbeatSink, SharedCircuitBreaker, SharedRateLimiter } from "@kstlib/resilience/redis";
import { createClient } from "redis";
import { ExchangeClient } from "./exchange-client.mjs";
import { CIRCUIT, LIMIT, now, SERVICE, STORE_TIMEOUT_MS } from "./settings.mjs";

const [name = "", port, url = "", bots] = process.argv.slice(2);

/** Tells the parent, if there is one. @param {object} message */
function tell(message) {
  if (process.connected) process.send?.(message);
}

const client = createClient({ url });
// The client connects again by itself; limiter, circuit and heartbeat go on meanwhile.
client.on("error", () => {});
await client.connect();

/** Tokens asked for and given, calls that the open circuit refused, and beats that Redis did not take. */
const counts = { asked: 0, granted: 0, spared: 0, missedBeats: 0 };
let lastFailure = "";

const storeTimeout = STORE_TIMEOUT_MS / 1000;
const limiter = new SharedRateLimiter({
  client,
  name: "exchange",
  ...LIMIT,
  storeTimeout,
  onStoreError: "local", // each bot keeps its share alone until Redis answers again
  localShare: Number(bots),
});
const breaker = new SharedCircuitBreaker({ client, name: "exchange-api", storeTimeout, ...CIRCUIT });
const exchange = new ExchangeClient(name, Number(port));
const shutdown = new GracefulShutdown();
const heartbeat = new Heartbeat({
  interval: "250ms",
  sinks: [new RedisHeartbeatSink({ client, service: SERVICE, instance: name })],
  drainOn: shutdown.signal,
  onMissedBeat: () => counts.missedBeats++, // expected while Redis is stopped
  metadata: () => ({ answered: exchange.counts.answered, circuit: breaker.state }),
});

async function trade() {
  while (!shutdown.isShuttingDown) {
    const asked = now();
    counts.asked++;
    await limiter.acquire();
    const granted = now();
    counts.granted++;
    try {
      await breaker.execute(() => exchange.look(asked, granted));
    } catch (error) {
      if (error instanceof CircuitOpenError) counts.spared++;
      else lastFailure = error instanceof Error ? error.message : String(error);
    }
  }
}

/** How late the machine has run this process, at most. */
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();

function status() {
  const heldUp = delay.max / 1e6;
  tell({ type: "status", ...counts, ...exchange.counts, circuit: breaker.state, heldUp });
}

breaker.on("stateChange", ({ from, to }) => {
  tell({ type: "circuit", from, to, failure: lastFailure, at: now() });
});
limiter.on("down", () => tell({ type: "store", isUp: false, at: now() }));
limiter.on("up", () => tell({ type: "store", isUp: true, at: now() }));

let trading = Promise.resolve();
shutdown.register("trading", () => trading, { priority: 10 }); // First: the call under way
shutdown.register("sharing", () => Promise.all([limiter.close(), breaker.close()]), { priority: 50 });
shutdown.register("heartbeat", () => heartbeat.stop(), { priority: 100 }); // Last: the heartbeat, and its connection
shutdown.register("connections", () => (exchange.close(), client.destroy()), { priority: 110 });
shutdown.on("complete", ({ report: { ok, seconds } }) => {
  status();
  tell({ type: "ended", ok, seconds });
});
shutdown.install();

// A rule of the demo only: without its parent there is no market to trade on.
process.on("disconnect", () => process.exit(1));
process.on("message", (message) => {
  if (message === "begin") {
    delay.reset();
    trading = trade();
  }
  // Windows has no SIGTERM that can be caught; there the parent sends a message.
  if (message === "stop") void shutdown.trigger("told to stop").then(() => process.exit());
});
heartbeat.start();
setInterval(status, 100).unref();
tell({ type: "started" });
