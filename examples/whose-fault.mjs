// The event loop is blocked for longer than the timeout while healthy calls are under way. Is the service blamed?
import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";
import { CircuitBreaker, pipeline, Timeout } from "@kstlib/resilience";
import * as cockatiel from "cockatiel";
import Opossum from "opossum";

// A healthy service on its own thread: /price takes 200 ms, /report 20 ms, and /hang never answers.
const service = new Worker(
  `const server = require("node:http").createServer(({ url }, response) => {
     if (url !== "/hang") setTimeout(() => response.end("well"), url === "/price" ? 200 : 20);
   }).listen(0, "127.0.0.1", () => require("node:worker_threads").parentPort.postMessage(server.address().port));`,
  { eval: true },
);
const port = await new Promise((resolve) => service.once("message", resolve));
const ask = async (path, signal) => (await fetch(`http://127.0.0.1:${port}${path}`, { signal })).text();

/** Work that blocks the thread for longer than the timeout. */
function digest() {
  for (const end = performance.now() + 1000; performance.now() < end;);
}

/** How many of ten calls are answered when the thread is blocked while they are under way. */
async function answeredWhileBlocked(call) {
  await Promise.all(Array.from({ length: 11 }, () => ask("/price"))); // opens the connections
  const report = ask("/report").then(digest);
  const calls = await Promise.allSettled(Array.from({ length: 10 }, call));
  await report;
  return calls.filter(({ status }) => status === "fulfilled").length;
}

const cockatielBreaker = cockatiel.circuitBreaker(cockatiel.handleAll, {
  halfOpenAfter: 30_000,
  breaker: new cockatiel.ConsecutiveBreaker(5),
});
const cockatielTimeout = cockatiel.timeout(400, cockatiel.TimeoutStrategy.Aggressive);
const wrapped = cockatiel.wrap(cockatielBreaker, cockatielTimeout);
const withCockatiel = await answeredWhileBlocked(() =>
  wrapped.execute(({ signal }) => ask("/price", signal)),
);
const { CircuitState } = cockatiel;
console.log(`cockatiel: ${withCockatiel} of 10 answered, circuit ${CircuitState[cockatielBreaker.state]}`);

const opossum = new Opossum(() => ask("/price"), { timeout: 400, volumeThreshold: 5, resetTimeout: 30_000 });
const withOpossum = await answeredWhileBlocked(() => opossum.fire());
console.log(`opossum: ${withOpossum} of 10 answered, circuit ${opossum.opened ? "open" : "closed"}`);
opossum.shutdown();

const breaker = new CircuitBreaker({ maxFailures: 5, resetTimeout: "30s" });
const api = pipeline(breaker, new Timeout({ timeout: "400ms" }));
const call = (path) => api.execute(({ signal }) => ask(path, signal));
const ours = await answeredWhileBlocked(() => call("/price"));
console.log(`this package: ${ours} of 10 answered, circuit ${breaker.state}`);
assert.equal(breaker.state, "closed");

// Where no answer has arrived, the timeouts say that they were late, and the breaker ignores them.
const due = await answeredWhileBlocked(() => call("/hang"));
console.log(`this package, blocked, no answers: ${due} of 10 answered, circuit ${breaker.state}`);
assert.equal(breaker.state, "closed");

// Without a blocked thread the same timeouts open the circuit.
await Promise.allSettled(Array.from({ length: 10 }, () => call("/hang")));
console.log(`this package, not blocked, no answers: circuit ${breaker.state}`);
assert.equal(breaker.state, "open");
await service.terminate();
