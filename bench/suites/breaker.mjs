// The cost of a closed circuit: over the bare call, and compared with cockatiel and opossum.
import { CircuitBreaker, realClock } from "@kstlib/resilience";
import { measure, median, peer, ratio, report } from "../measure.mjs";

let count = 0;
const work = (step) => {
  count += step;
  return count;
};
const asyncWork = async () => {
  count += 1;
  return count;
};

const breaker = new CircuitBreaker({ name: "bench" });

const sync = await measure(
  {
    bare(n) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += work(i);
      return sum;
    },
    ours(n) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += breaker.callSync(work, i);
      return sum;
    },
  },
  { size: 200_000, batches: 61 },
);

const cockatiel = await peer("cockatiel", () => import("cockatiel"));
const opossum = await peer("opossum", () => import("opossum"));
const subjects = {
  async bare(n) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += await asyncWork();
    return sum;
  },
  async ours(n) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += await breaker.call(asyncWork);
    return sum;
  },
};
if (cockatiel.module) {
  const { circuitBreaker, ConsecutiveBreaker, handleAll } = cockatiel.module;
  const policy = circuitBreaker(handleAll, { halfOpenAfter: 60_000, breaker: new ConsecutiveBreaker(5) });
  subjects.cockatiel = async (n) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += await policy.execute(asyncWork);
    return sum;
  };
}
if (opossum.module) {
  // Its timeout would cost a timer a call: it is faster without one.
  const circuit = new opossum.module.default(asyncWork, { timeout: false });
  subjects.opossum = async (n) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += await circuit.fire();
    return sum;
  };
}
const async = await measure(subjects, { size: 20_000 });

/** How much longer than a bare await: the median of the differences, batch by batch. */
const over = (times) => median(times.map((time, batch) => time - async.bare[batch]));
const beside = (other, id, label, max) =>
  other.missing === undefined
    ? { id, label, value: over(async.ours) / over(async[id]), unit: "x", max }
    : { id, label, missing: other.missing };

let readings = 0;
const countingClock = {
  ...realClock,
  now() {
    readings++;
    return realClock.now();
  },
  wallNow() {
    readings++;
    return realClock.wallNow();
  },
};
const counted = new CircuitBreaker({ clock: countingClock });
readings = 0;
for (let i = 0; i < 10_000; i++) {
  await counted.call(asyncWork);
  counted.callSync(work, i);
}

report([
  {
    id: "sync",
    label: "callSync over a bare call",
    value: median(sync.ours.map((time, batch) => time - sync.bare[batch])),
    unit: "ns",
    max: 10,
  },
  { id: "async", label: "await call(fn) / await fn()", value: ratio(async.ours, async.bare), unit: "x" },
  { id: "async-ns", label: "call over a bare await", value: over(async.ours), unit: "ns" },
  beside(cockatiel, "cockatiel", "overhead / overhead of cockatiel", 0.6),
  beside(opossum, "opossum", "overhead / overhead of opossum", 0.2),
  { id: "clock", label: "clock readings in 20,000 calls", value: readings, unit: "", max: 0 },
]);
process.exit(0);
