import { DataPointType, type MetricData } from "@opentelemetry/sdk-metrics";
import { expect, test } from "vitest";
import { METRICS } from "../../src/telemetry/metrics/table.js";
import { otelMetrics, prometheusMetrics } from "../../src/telemetry/index.js";
import { prometheusName } from "../../src/telemetry/prometheus-text.js";
import { everyComponent } from "./every-component.js";
import { readText, type Sample, seriesOf } from "./read-text.js";
import { sdk } from "./sdk.js";

/** What OpenTelemetry has, as the samples of Prometheus that its rule makes of it. */
function samplesOf(data: MetricData): readonly Sample[] {
  const metric = METRICS.find(({ name }) => `kstlib.resilience.${name}` === data.descriptor.name);
  if (metric === undefined) throw new Error(`${data.descriptor.name} is not in the table`);
  expect([data.descriptor.unit, data.descriptor.description]).toEqual([metric.unit, metric.description]);
  const name = prometheusName(metric);
  if (data.dataPointType !== DataPointType.HISTOGRAM) {
    return data.dataPoints.map(({ attributes, value }) => ({
      name,
      labels: attributes as Record<string, string>,
      value: value as number,
    }));
  }
  return data.dataPoints.flatMap(({ attributes, value }) => {
    const labels = attributes as Record<string, string>;
    const { boundaries, counts } = value.buckets;
    let count = 0;
    const buckets = [...boundaries, Infinity].map((bound, index) => {
      count += counts[index] ?? 0;
      const le = bound === Infinity ? "+Inf" : String(bound);
      return { name: `${name}_bucket`, labels: { ...labels, le }, value: count };
    });
    const sum = { name: `${name}_sum`, labels, value: value.sum ?? 0 };
    return [...buckets, sum, { name: `${name}_count`, labels, value: value.count }];
  });
}

const bySeries = (samples: readonly Sample[]): Record<string, number> =>
  Object.fromEntries(samples.map((sample) => [seriesOf(sample), sample.value]));

test("OpenTelemetry gets the same figures as Prometheus, of every metric, after a run of all components", async () => {
  const { meterProvider, collect } = sdk();
  using _otel = otelMetrics({ meterProvider });
  using prometheus = prometheusMetrics();
  await using world = await everyComponent();
  const data = await collect();
  const families = readText(prometheus.text());
  const age = "kstlib_resilience_heartbeat_age_seconds";
  const isStill = ({ name }: { readonly name: string }): boolean => name !== age;

  const ofOtel = bySeries(data.flatMap(samplesOf).filter(isStill));
  const ofPrometheus = bySeries(families.flatMap(({ samples }) => samples).filter(isStill));
  expect(ofOtel).toEqual(ofPrometheus);
  expect(families.find(({ name }) => name === age)?.samples).toHaveLength(1);
  expect(families.map(({ name }) => name)).toEqual(METRICS.map(prometheusName));
  expect(world.components.length).toBeGreaterThan(15);
  await meterProvider.shutdown();
});
