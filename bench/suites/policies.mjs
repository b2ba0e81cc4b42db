// What policies cost when all goes well: over the bare call, and beside cockatiel, opossum and p-retry.
import { CircuitBreaker, pipeline, Retry, Timeout } from "@kstlib/resilience";
import { measure, median, peer, report } from "../measure.mjs";

// Each has a length of its own: Node keeps one list for all timers of a length, and a subject that finds the list of
// another saves most of what its timers cost.
const LENGTHS = { ours: 2000, cockatiel: 3000, opossum: 4000 };

let count = 0;
const work = async () => {
  count += 1;
  return count;
};

/** A subject that makes one call after the other. */
const calls = (call) => async (n) => {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += await call();
  return sum;
};

const retry = new Retry();
const one = pipeline(retry);
const three = pipeline(new Retry(), new CircuitBreaker(), new Timeout({ timeout: LENGTHS.ours / 1000 }));
const subjects = {
  bare: calls(work),
  retry: calls(() => retry.execute(work)),
  one: calls(() => one.execute(work)),
  three: calls(() => three.execute(work)),
  withSignal: calls(() => three.execute(async ({ attempt }) => attempt)),
};

const cockatiel = await peer("cockatiel", () => import("cockatiel"));
const opossum = await peer("opossum", () => import("opossum"));
const pRetry = await peer("p-retry", () => import("p-retry"));
if (cockatiel.module) {
  const peers = cockatiel.module;
  const ofPeer = peers.retry(peers.handleAll, { maxAttempts: 2, backoff: new peers.ExponentialBackoff() });
  const breaker = { halfOpenAfter: 60_000, breaker: new peers.ConsecutiveBreaker(5) };
  const whole = peers.wrap(
    ofPeer,
    peers.circuitBreaker(peers.handleAll, breaker),
    peers.timeout(LENGTHS.cockatiel, peers.TimeoutStrategy.Aggressive),
  );
  subjects.cockatielRetry = calls(() => ofPeer.execute(work));
  subjects.cockatiel = calls(() => whole.execute(work));
}
if (opossum.module) {
  const circuit = new opossum.module.default(work, { timeout: LENGTHS.opossum });
  subjects.opossum = calls(() => circuit.fire());
}
if (pRetry.module) {
  const { default: again } = pRetry.module;
  subjects.pRetry = calls(() => again(work, { retries: 2 }));
}

/** Measures the named subjects beside the bare call, and no other: what cockatiel leaves the collector would count for all. */
async function timesOf(...names) {
  globalThis.gc();
  const chosen = ["bare", ...names].map((name) => [name, subjects[name]]);
  const times = await measure(Object.fromEntries(chosen), { size: 10_000 });
  /** How much longer than a bare call: the median of the differences, batch by batch. */
  return (name, base = "bare") => median(times[name].map((time, batch) => time - times[base][batch]));
}
const over = await timesOf("retry", "one", "three", "withSignal");
async function beside(found, id, ours, other, label, max) {
  if (found.missing !== undefined) return { id, label, missing: found.missing };
  const both = await timesOf(ours, other);
  return { id, label, value: both(ours) / both(other), unit: "x", max };
}

/** Bytes of the heap that a million calls leave, per call. */
async function leftPerCall() {
  const loop = subjects.three;
  await loop(100_000);
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  await loop(1_000_000);
  globalThis.gc();
  return Math.max(0, process.memoryUsage().heapUsed - before) / 1_000_000;
}

const [whole, parts] = ["retry + breaker + timeout", "retry + breaker + timeout / "];
report([
  { id: "retry", label: "retry over a bare call", value: over("retry"), unit: "ns" },
  { id: "three", label: `${whole} over a bare call`, value: over("three"), unit: "ns" },
  { id: "signal", label: `${whole}, with a context`, value: over("withSignal"), unit: "ns" },
  {
    id: "pipeline",
    label: "pipeline of one over its policy",
    value: over("one", "retry"),
    unit: "ns",
    max: 15,
  },
  await beside(opossum, "opossum", "three", "opossum", `${parts}opossum with timeout`, 0.3),
  await beside(cockatiel, "cockatiel", "three", "cockatiel", `${parts}cockatiel`, 0.5),
  await beside(cockatiel, "cockatielRetry", "retry", "cockatielRetry", "retry / cockatiel's", 0.5),
  await beside(pRetry, "pRetry", "retry", "pRetry", "retry / p-retry", 0.3),
  { id: "left", label: "heap left by a call, of a million", value: await leftPerCall(), unit: "B", max: 0.5 },
]);
