// What metrics cost: a call that nobody hears of, one that OpenTelemetry or Prometheus hears of, and a scrape.
import { channel } from "node:diagnostics_channel";
import { Bulkhead, CircuitBreaker, RateLimiter } from "@kstlib/resilience";
import { otelMetrics, prometheusMetrics } from "@kstlib/resilience/telemetry";
import { measure, median, peer, quick, report } from "../measure.mjs";

const sdk = await peer("@opentelemetry/sdk-metrics", () => import("@opentelemetry/sdk-metrics"));
const breaker = new CircuitBreaker({ name: "bench" });
const limiter = new RateLimiter({ name: "bench", rate: 1e9, burst: 1e9 });
let count = 0;
const work = async () => {
  count += 1;
  return count;
};

// All that a call does more since it can be heard: this look, once.
// Of several, so that it is not done once for the whole loop.
const audiences = Array.from({ length: 8 }, (_, index) => ({
  listeners: [],
  channel: channel(`kstlib.resilience.bench.unheard${index}`),
}));
const look = await measure(
  {
    bare(n) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += audiences[i & 7] === undefined ? 1 : i;
      return sum;
    },
    look(n) {
      let sum = 0;
      for (let i = 0; i < n; i++) {
        const audience = audiences[i & 7];
        sum += audience.listeners.length > 0 || audience.channel.hasSubscribers ? 1 : i;
      }
      return sum;
    },
  },
  { size: 1_000_000 },
);

const calls = async (n) => {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += await breaker.call(work);
  return sum;
};
const requests = (n) => {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += limiter.tryAcquire() ? 1 : 0;
  return sum;
};
const bare = async (n) => {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += await work();
  return sum;
};
const size = 10_000;

/** Nanoseconds that a call and a request take beyond a bare await, and at all. */
async function costs() {
  const times = await measure({ bare, calls, requests }, { size });
  return {
    call: median(times.calls.map((time, batch) => time - times.bare[batch])),
    request: median(times.requests),
  };
}

const unheard = await costs();
const ofOtel = [];
if (sdk.module) {
  const { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } =
    sdk.module;
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e9 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  const metrics = otelMetrics({ meterProvider });
  ofOtel.push(await costs());
  metrics[Symbol.dispose]();
}
const metrics = prometheusMetrics();
const ofPrometheus = await costs();

const components = Array.from({ length: 250 }, (_, index) => {
  const made = [
    new CircuitBreaker({ name: `breaker ${index}` }),
    new CircuitBreaker({ name: `other breaker ${index}` }),
    new RateLimiter({ name: `limiter ${index}`, rate: 10 }),
    new Bulkhead({ name: `bulkhead ${index}` }),
  ];
  return made;
});
for (const [one, other, requested, bulkhead] of components) {
  for (const circuit of [one, other]) {
    await circuit.call(work);
    await circuit.call(() => Promise.reject(new Error("down"))).catch(() => {});
  }
  requested.tryAcquire();
  await bulkhead.call(work);
}
let length = 0;
const scrapes = [];
for (let scrape = 0; scrape < (quick ? 20 : 60); scrape++) {
  const start = performance.now();
  length += metrics.text().length;
  if (scrape >= 5) scrapes.push(performance.now() - start);
}
if (length === 0) throw new Error("there is no text");

const [otel] = ofOtel;
const heard = (id, label, value) =>
  value === undefined
    ? { id, label, missing: sdk.missing }
    : { id, label, value: value.after - value.before, unit: "ns", max: 1000 };
report([
  {
    id: "unheard",
    label: "a look whether anybody hears",
    value: median(look.look.map((time, batch) => time - look.bare[batch])),
    unit: "ns",
    max: 3,
  },
  heard(
    "otel-call",
    "a call of a breaker, heard by OpenTelemetry",
    otel && { after: otel.call, before: unheard.call },
  ),
  heard(
    "otel-request",
    "a request of a limiter, heard by OpenTelemetry",
    otel && { after: otel.request, before: unheard.request },
  ),
  heard("prometheus-call", "a call of a breaker, heard by Prometheus", {
    after: ofPrometheus.call,
    before: unheard.call,
  }),
  { id: "scrape", label: "a scrape of 1,000 components", value: median(scrapes), unit: "ms", max: 20 },
]);
process.exit(0);
