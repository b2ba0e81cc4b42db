// What resilientFetch adds to a fetch on loopback: beside ky, and p-retry and opossum around fetch. The server is another
// process. Every subject reads the body; a request that takes too long is aborted, or its connection would stay in use.
import { fork } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { fileURLToPath } from "node:url";
import { resilientFetch } from "@kstlib/resilience/http";
import { median, peer, quick, report } from "../measure.mjs";

if (process.send !== undefined) {
  const server = http.createServer((_request, response) => response.end("x".repeat(100)));
  server.listen(0, "127.0.0.1", () => process.send(server.address().port));
  process.once("disconnect", () => process.exit());
  await once(process, "disconnect");
}

const child = fork(fileURLToPath(import.meta.url), []);
const [port] = await once(child, "message");
const url = `http://127.0.0.1:${port}/`;

const ky = await peer("ky", () => import("ky"));
const pRetry = await peer("p-retry", () => import("p-retry"));
const opossum = await peer("opossum", () => import("opossum"));

const policies = { retry: { attempts: 3 }, circuitBreaker: true, timeout: "2s" };
const typical = resilientFetch(policies);
const whole = resilientFetch({ ...policies, totalTimeout: "10s" });

const subjects = {
  fetch: () => fetch(url),
  signal: () => fetch(url, { signal: new AbortController().signal }),
  typical: () => typical(url),
  whole: () => whole(url),
};
if (ky.module) {
  const options = { timeout: 2000, retry: 2 };
  subjects.ky = () => ky.module.default(url, options);
}
if (pRetry.module && opossum.module) {
  const Breaker = opossum.module.default;
  const breaker = new Breaker((signal) => fetch(url, { signal }), { timeout: 2000 });
  const attempt = async () => {
    const controller = new AbortController();
    try {
      return await breaker.fire(controller.signal);
    } catch (error) {
      controller.abort();
      throw error;
    }
  };
  subjects.around = () => pRetry.module.default(attempt, { retries: 2 });
}

/**
 * Microseconds of each request of each subject, one request of each in turns. By chance: in an order that repeats, each would
 * always have the same one before it, which leaves the caches to it.
 */
const times = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
const entries = Object.entries(subjects);
// By then V8 has compiled most of it: a request is a single call of each function, so that this takes thousands.
const [warmUp, counted] = quick ? [300, 1500] : [4000, 6000];
for (let round = 0; round < warmUp + counted; round++) {
  for (let left = entries.length; left > 0; left--) {
    const at = Math.floor(Math.random() * left);
    const [entry] = entries.splice(at, 1);
    entries.push(entry);
    const [name, subject] = entry;
    const start = performance.now();
    const response = await subject();
    await response.text();
    if (round >= warmUp) times[name].push((performance.now() - start) * 1000);
  }
}
child.disconnect();

const added = (name) => median(times[name]) - median(times.fetch);
const against = (id, label, name, found, limit) =>
  found.module
    ? { id, label, value: added("typical") / added(name), unit: "x", ...limit }
    : { id, label, missing: found.missing };

report([
  { id: "fetch", label: "fetch", value: median(times.fetch), unit: "µs" },
  { id: "signal", label: "a signal adds", value: added("signal"), unit: "µs" },
  {
    id: "added",
    label: "resilientFetch: retry, breaker, timeout add",
    value: added("typical"),
    unit: "µs",
    max: 15,
  },
  { id: "whole", label: "with totalTimeout, body included, add", value: added("whole"), unit: "µs" },
  against("ky", "added / by ky", "ky", ky, { max: 0.5 }),
  against("around", "added / by p-retry and opossum", "around", opossum, { max: 0.5 }),
]);
process.exit(0);
