// The memory of a million keys beyond the key strings themselves.
import { KeyedRateLimiter } from "@kstlib/resilience";
import { peer, quick, report } from "../measure.mjs";

const COUNT = quick ? 100_000 : 1_000_000;
const keyOf = (index) => `customer:${index}`;

/** Everything that the process holds for JavaScript: `external` includes the array buffers. */
function held() {
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

// Limiters keep the strings, or copies of them: weighed by themselves, flat, without their places in the array.
const beforeStrings = held();
const strings = Array.from({ length: COUNT }, (_, index) => JSON.parse(JSON.stringify(keyOf(index))));
const stringBytes = (held() - beforeStrings) / COUNT - 8;
strings.length = 0;

async function fill(make, take) {
  // A small one first, so that neither compiled code nor the first tables are counted.
  const small = make(1000);
  for (let i = 0; i < 1000; i++) await take(small, keyOf(i));
  const before = held();
  const limiter = make(COUNT);
  const start = performance.now();
  for (let i = 0; i < COUNT; i++) {
    const pending = take(limiter, keyOf(i));
    if (pending !== undefined) await pending;
  }
  const nanoseconds = ((performance.now() - start) * 1e6) / COUNT;
  const bytes = (held() - before) / COUNT - stringBytes;
  // Referenced until here, so that it is not collected before it is measured.
  return { bytes, nanoseconds, limiter, small };
}

const ours = await fill(
  (maxKeys) => new KeyedRateLimiter({ rate: 100, per: "1h", burst: 100, maxKeys }),
  (limiter, key) => {
    if (!limiter.tryAcquire(key)) throw new Error("a fresh key was refused");
  },
);

const rows = [
  { id: "bytes", label: `bytes a key, ${COUNT / 1e6} million keys`, value: ours.bytes, unit: "B", max: 60 },
  { id: "time", label: "first decision of a key", value: ours.nanoseconds, unit: "ns" },
];

const flexible = await peer("rate-limiter-flexible", () => import("rate-limiter-flexible"));
if (flexible.missing === undefined) {
  const { RateLimiterMemory } = flexible.module.default ?? flexible.module;
  const theirs = await fill(
    () => new RateLimiterMemory({ points: 100, duration: 3600 }),
    (limiter, key) => limiter.consume(key),
  );
  rows.push(
    {
      id: "flexible-bytes",
      label: "bytes a key / rate-limiter-flexible's",
      value: ours.bytes / theirs.bytes,
      unit: "x",
      max: 1,
    },
    {
      id: "flexible-time",
      label: "first decision / rate-limiter-flexible's",
      value: ours.nanoseconds / theirs.nanoseconds,
      unit: "x",
      max: 1,
    },
  );
} else {
  rows.push({ id: "flexible-bytes", label: "beside rate-limiter-flexible", missing: flexible.missing });
}
report(rows);
process.exit(0);
