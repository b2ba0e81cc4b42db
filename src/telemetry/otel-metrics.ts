import { disposable } from "../kernel/disposable.js";
import { type OptionRules, resolveOptions, type SettingsFor } from "../kernel/options.js";
import { Collector } from "./collector.js";
import { type Histogram, type Metric, PREFIX } from "./metrics/definition.js";
import {
  type OtelHistogram,
  type OtelInstrumentOptions,
  type OtelMeter,
  type OtelMeterProvider,
  type OtelObserver,
  registeredMeterProvider,
} from "./otel-api.js";
import { withMethod } from "./otel-options.js";
import { add, type Family, type Series } from "./series.js";
import { Containment } from "./subscribe.js";

/** Options of {@link otelMetrics}. */
export interface OtelMetricsOptions {
  /** What makes the meter. Default: the one that an SDK has registered, now or later. */
  readonly meterProvider?: OtelMeterProvider | undefined;
}

type Settings = SettingsFor<OtelMetricsOptions, { meterProvider: OtelMeterProvider | undefined }>;

export const otelMetricsRules: OptionRules<Settings> = {
  meterProvider: withMethod<OtelMeterProvider>("getMeter", "a meter provider of OpenTelemetry"),
};

/** The instruments of one meter. */
class Instruments implements Disposable {
  readonly #meter: OtelMeter;
  readonly #histograms = new Map<Metric, OtelHistogram>();
  readonly #observables: readonly (readonly [Family, object])[];
  readonly #tell: (observer: OtelObserver) => void;

  constructor(provider: OtelMeterProvider, collector: Collector) {
    const meter = provider.getMeter("@kstlib/resilience");
    this.#meter = meter;
    const observables: (readonly [Family, object])[] = [];
    for (const family of collector.families) {
      const { metric } = family;
      const name = `${PREFIX}${metric.name}`;
      const options: OtelInstrumentOptions = { unit: metric.unit, description: metric.description };
      if (metric.type === "histogram") {
        const advice = { explicitBucketBoundaries: [...metric.buckets] };
        this.#histograms.set(metric, meter.createHistogram(name, { ...options, advice }));
      } else if (metric.type === "counter") {
        observables.push([family, meter.createObservableCounter(name, options)]);
      } else observables.push([family, meter.createObservableGauge(name, options)]);
    }
    this.#observables = observables;
    this.#tell = (observer) => {
      collector.readGauges();
      for (const [family, instrument] of this.#observables) {
        for (const { value, attributes } of family) observer.observe(instrument, value, attributes);
      }
    };
    meter.addBatchObservableCallback(this.#tell, this.#list());
  }

  record(histogram: Histogram, series: Series, seconds: number): void {
    this.#histograms.get(histogram)?.record(seconds, series.attributes);
  }

  [Symbol.dispose](): void {
    this.#meter.removeBatchObservableCallback(this.#tell, this.#list());
  }

  #list(): object[] {
    return this.#observables.map(([, instrument]) => instrument);
  }
}

/**
 * Counts what all components of the process do, for OpenTelemetry. One line at start-up is enough: the state of components
 * is reported whenever they were made, what they do from now on. It has no timer and keeps no component alive. Call it once.
 *
 * Without `meterProvider` it reports to the one that an SDK has registered; if that comes later, from the first event after
 * it.
 *
 * @returns a `Disposable` that ends the counting.
 * @throws TypeError for an unknown option, or a provider without `getMeter`.
 * @example
 * ```ts
 * import { MeterProvider } from "@opentelemetry/sdk-metrics";
 * import { otelMetrics } from "@kstlib/resilience/telemetry";
 *
 * const meterProvider = new MeterProvider({ readers: [] });
 * using _metrics = otelMetrics({ meterProvider });
 * ```
 */
export function otelMetrics(options?: OtelMetricsOptions): Disposable {
  const { meterProvider } = resolveOptions("otelMetrics", otelMetricsRules, options);
  const containment = new Containment("otelMetrics");
  let instruments: Instruments | undefined;
  let isRefused = false;
  const collector = new Collector(containment, (metric, series, amount) => {
    connect();
    if (metric.type === "counter") add(metric, series, amount);
    else instruments?.record(metric, series, amount);
  });
  function connect(): void {
    if (instruments !== undefined || isRefused) return;
    try {
      const provider = meterProvider ?? registeredMeterProvider();
      if (provider !== undefined) instruments = new Instruments(provider, collector);
    } catch (error) {
      isRefused = true;
      containment.failed(error);
    }
  }
  connect();
  return disposable(() => {
    collector[Symbol.dispose]();
    try {
      instruments?.[Symbol.dispose]();
    } catch (error) {
      containment.failed(error);
    }
  });
}
