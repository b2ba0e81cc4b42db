// Health probes on a port of their own, from start-up to the end of the drain: what Kubernetes would see.
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { CircuitBreaker, GracefulShutdown } from "@kstlib/resilience";

// preStopDelay keeps serving for a while, no longer ready, so that a load balancer can notice.
const shutdown = new GracefulShutdown({ timeout: 10, preStopDelay: 2 });

// The health port opens first and closes last.
const health = http.createServer(shutdown.healthHandler()).listen(0, "127.0.0.1");
shutdown.registerServer("health", health, { priority: 1000 });
await once(health, "listening");
const { port } = health.address();

async function probes(when) {
  const told = {};
  for (const path of ["/startupz", "/livez", "/readyz"]) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    const { status } = await response.json();
    told[path] = response.status;
    console.log(`${when}: ${path} ${response.status} ${status}`);
  }
  return told;
}

const caches = new EventEmitter();
const warmUp = once(caches, "warm");
shutdown.addCheck("warm-up", warmUp, { for: "startup" });
assert.deepEqual(await probes("while it starts"), { "/startupz": 503, "/livez": 200, "/readyz": 503 });
caches.emit("warm");
await warmUp;

const database = new CircuitBreaker({ name: "database", maxFailures: 1, resetTimeout: 2 });
shutdown.addCheck("database", database);
shutdown.addCheck(
  "disk",
  async ({ signal }) => {
    await sleep(10, undefined, { signal }); // a query that is aborted when its time is up
  },
  { timeout: 2 },
);
assert.deepEqual(await probes("started"), { "/startupz": 200, "/livez": 200, "/readyz": 200 });

const down = () => Promise.reject(new Error("connection refused"));
await database.call(down).catch(() => {});
const { checks } = await shutdown.readiness();
console.log("the process itself knows why:", checks.find(({ ok }) => !ok)?.message);
const text = await (await fetch(`http://127.0.0.1:${port}/readyz?verbose`)).text();
console.log(text.trimEnd());
assert.match(text, /^\[-\]database failed: reason withheld$/m, "the reason is not public");

// Half-open counts as ready: the breaker needs a call to probe.
while (database.state === "open") await sleep(50);
assert.equal((await probes("half-open"))["/readyz"], 200);

const done = shutdown.trigger("end of the example");
assert.deepEqual(await probes("draining"), { "/startupz": 200, "/livez": 200, "/readyz": 503 });
assert.ok((await done).ok);
