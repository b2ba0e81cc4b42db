// Health probes on their own port, from start-up to the end of the drain, as Kubernetes would see them.
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { CircuitBreaker, GracefulShutdown, Health } from "@kstlib/resilience";

// preStopDelay keeps serving for a while, no longer ready, so that a load balancer can notice.
const shutdown = new GracefulShutdown({ timeout: 10, preStopDelay: 2 });
const health = new Health({ drainOn: shutdown.signal });
health.on("change", ({ name, ok, message }) => console.log("check:", name, ok ? "passes" : message));

// The health port opens first and closes last.
const server = http.createServer(health.handler()).listen(0, "127.0.0.1");
shutdown.registerServer("health", server, { priority: 1000 });
await once(server, "listening");
const { port } = server.address();

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
health.addCheck("warm-up", warmUp, { for: "startup" });
assert.deepEqual(await probes("while it starts"), { "/startupz": 503, "/livez": 200, "/readyz": 503 });
caches.emit("warm");
await warmUp;

const database = new CircuitBreaker({ name: "database", maxFailures: 1, resetTimeout: 2 });
health.addCheck("database", database);
health.addCheck(
  "disk",
  async ({ signal }) => {
    await sleep(10, undefined, { signal }); // a query that is aborted when its time is up
  },
  { timeout: 2 },
);
assert.deepEqual(await probes("started"), { "/startupz": 200, "/livez": 200, "/readyz": 200 });

const down = () => Promise.reject(new Error("connection refused"));
await database.call(down).catch(() => {});
const { checks } = await health.readiness();
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
