// The garbage that decisions leave on the heap. The young generation is made too large to be collected meanwhile.
import { performance, PerformanceObserver } from "node:perf_hooks";
import { RateLimiter } from "@kstlib/resilience";
import { quick, report } from "../measure.mjs";

const COUNT = quick ? 1_000_000 : 10_000_000;
const drained = new RateLimiter({ rate: 1, per: "7d", burst: 1 });
drained.tryAcquire();

let collections = 0;
new PerformanceObserver((list) => (collections += list.getEntries().length)).observe({ entryTypes: ["gc"] });

function refuse(n) {
  let admitted = 0;
  for (let i = 0; i < n; i++) admitted += drained.tryAcquire() ? 1 : 0;
  return admitted;
}

function read(n) {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += performance.now();
  return sum;
}

/** Bytes an operation, after the code was compiled; a bare clock reading may leave a boxed number itself. */
async function bytes(work) {
  for (let i = 0; i < 20; i++) work(100_000);
  await new Promise((resolve) => setTimeout(resolve, 50));
  globalThis.gc();
  await new Promise((resolve) => setTimeout(resolve, 50));
  collections = 0;
  const before = process.memoryUsage().heapUsed;
  const result = work(COUNT);
  const after = process.memoryUsage().heapUsed;
  await new Promise((resolve) => setTimeout(resolve, 50));
  if (Number.isNaN(result)) throw new Error("no number");
  return { perOperation: (after - before) / COUNT, collections };
}

const reading = await bytes(read);
const refusal = await bytes(refuse);
report([
  {
    id: "refusal",
    label: "heap a refusal beyond performance.now()",
    value: Math.max(0, refusal.perOperation - reading.perOperation),
    unit: "B",
    max: 0.01,
  },
  { id: "reading", label: "heap a performance.now()", value: reading.perOperation, unit: "B" },
  {
    id: "gc",
    label: `collections in ${COUNT / 1e6} million refusals`,
    value: refusal.collections,
    unit: "",
    max: 0,
  },
]);
process.exit(0);
