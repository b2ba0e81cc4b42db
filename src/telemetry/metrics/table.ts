import { metricsApart } from "./apart.js";
import { callMetrics } from "./calls.js";
import type { Metric } from "./definition.js";
import { httpMetrics } from "./http.js";
import { policyMetrics } from "./policies.js";
import { processMetrics } from "./processes.js";

/** All metrics, for OpenTelemetry and Prometheus alike. */
export const METRICS: readonly Metric[] = [
  ...callMetrics,
  ...policyMetrics,
  ...httpMetrics,
  ...processMetrics,
  ...metricsApart,
];
