/// <reference lib="esnext.disposable" preserve="true" />
export type {
  OtelHistogram,
  OtelInstrumentOptions,
  OtelMeter,
  OtelMeterProvider,
  OtelObserver,
  OtelSpan,
  OtelTrace,
} from "./otel-api.js";
export { otelMetrics, type OtelMetricsOptions } from "./otel-metrics.js";
export { otelSpanEvents, type OtelSpanEventsOptions } from "./otel-span-events.js";
export {
  type MetricsHandler,
  type MetricsRequest,
  type MetricsResponse,
  PrometheusMetrics,
  prometheusMetrics,
} from "./prometheus-metrics.js";
