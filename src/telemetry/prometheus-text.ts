import { type Metric, PREFIX } from "./metrics/definition.js";
import type { Family, Series } from "./series.js";

const UNITS: Readonly<Record<string, string>> = { s: "_seconds" };

/** The name of a metric by OpenTelemetry's rule for Prometheus: no dots, the unit, `_total` for a sum that only grows. */
export function prometheusName({ name, unit, type }: Metric): string {
  const plain = `${PREFIX}${name}`.replaceAll(/[^a-zA-Z0-9_]/g, "_");
  return `${plain}${UNITS[unit] ?? ""}${type === "counter" ? "_total" : ""}`;
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", '"': '\\"' };

function escaped(text: string): string {
  return text.replaceAll(/[\\\n"]/g, (character) => ESCAPES[character] ?? character);
}

function labelsOf(series: Series): string {
  return (series.text ??= Object.entries(series.attributes)
    .map(([key, value]) => `${key}="${escaped(value)}"`)
    .join(","));
}

/** No value is below 0 without an end: gauges are finite, and sums only grow. */
const told = (value: number): string => (value === Infinity ? "+Inf" : String(value));

function histogramLines(name: string, bounds: readonly string[], series: Series): string {
  const labels = labelsOf(series);
  let lines = "";
  let count = 0;
  for (const [index, ofBucket] of series.counts.entries()) {
    count += ofBucket;
    lines += `${name}_bucket{${labels},le="${bounds[index]}"} ${count}\n`;
  }
  return `${lines}${name}_sum{${labels}} ${told(series.value)}\n${name}_count{${labels}} ${count}\n`;
}

/** The series of the families in the text format 0.0.4; those without a series are left out. */
export function prometheusText(families: readonly Family[]): string {
  let text = "";
  for (const family of families) {
    const { metric } = family;
    const name = prometheusName(metric);
    // Written once, not for each series.
    const bounds = metric.type === "histogram" ? [...metric.buckets, Infinity].map(told) : [];
    let lines = "";
    for (const series of family) {
      lines +=
        metric.type === "histogram"
          ? histogramLines(name, bounds, series)
          : `${name}{${labelsOf(series)}} ${told(series.value)}\n`;
    }
    if (lines === "") continue;
    // Descriptions are those of the table: nothing in them is to be escaped.
    text += `# HELP ${name} ${metric.description}\n# TYPE ${name} ${metric.type}\n${lines}`;
  }
  return text;
}
