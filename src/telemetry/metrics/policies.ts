import { isRefusal } from "../../kernel/refusal.js";
import type {
  AdaptiveLimiterEvents,
  AdaptiveLimiterSnapshot,
} from "../../policies/adaptive-limiter/adaptive-limiter.js";
import type { BulkheadEvents, BulkheadSnapshot } from "../../policies/bulkhead/bulkhead.js";
import type { ChaosEvents } from "../../policies/chaos/chaos.js";
import type { FallbackEvents } from "../../policies/fallback/fallback.js";
import type { HedgeEvents } from "../../policies/hedge/report.js";
import type { PipelineEvents } from "../../policies/pipeline/pipeline.js";
import type { RetryEvents } from "../../policies/retry/report.js";
import type { RetryBudgetEvents, RetryBudgetSnapshot } from "../../policies/retry/retry-budget.js";
import type { SingleFlightEvents } from "../../policies/single-flight/single-flight.js";
import type { TimeoutEvents } from "../../policies/timeout/timeout.js";
import { from, type Metric, one, SECONDS } from "./definition.js";

function outcomeOf({ outcome, isAborted }: PipelineEvents["settled"]): string {
  if (outcome.status === "fulfilled") return "success";
  if (isAborted) return "ignored";
  if (!isRefusal(outcome.reason)) return "failure";
  // A server that puts a request off has answered it.
  return outcome.reason.code === "ERR_HTTP_STATUS" ? "failure" : "rejected";
}

/** What a bulkhead and an adaptive limiter have in common. */
function admissionMetrics(name: string, kind: string): readonly Metric[] {
  return [
    {
      type: "counter",
      name: `${name}.calls`,
      unit: "{call}",
      description: "Calls that were admitted or refused.",
      attribute: { key: "outcome", values: ["admitted", "rejected"] },
      events: from<BulkheadEvents>(kind, { admitted: () => "admitted", rejected: () => "rejected" }),
    },
    {
      type: "histogram",
      name: `${name}.wait.duration`,
      unit: "s",
      description: "How long admitted calls waited.",
      events: from<BulkheadEvents>(kind, { admitted: one }, { admitted: ({ waited }) => waited }),
      buckets: SECONDS,
    },
    {
      type: "gauge",
      name: `${name}.running`,
      unit: "{call}",
      description: "Calls under way.",
      kinds: [kind],
      read: ({ running }: BulkheadSnapshot) => running,
    },
    {
      type: "gauge",
      name: `${name}.queued`,
      unit: "{call}",
      description: "Calls that wait.",
      kinds: [kind],
      read: ({ queued }: BulkheadSnapshot) => queued,
    },
    {
      type: "gauge",
      name: `${name}.limit`,
      unit: "{call}",
      description: "How many calls may run at once.",
      kinds: [kind],
      read: (snapshot: BulkheadSnapshot | AdaptiveLimiterSnapshot) =>
        snapshot.kind === "bulkhead" ? snapshot.maxConcurrent : snapshot.limit,
    },
  ];
}

/** Pipelines and the other policies. */
export const policyMetrics: readonly Metric[] = [
  {
    type: "counter",
    name: "pipeline.calls",
    unit: "{call}",
    description:
      "Calls of a pipeline, by how they ended after all attempts; ignored: given up by the caller; rejected: by a policy.",
    attribute: { key: "outcome", values: ["success", "failure", "ignored", "rejected"] },
    events: from<PipelineEvents>("pipeline", { settled: outcomeOf }),
  },
  {
    type: "histogram",
    name: "pipeline.call.duration",
    unit: "s",
    description: "How long the calls took that succeeded or failed, with all attempts and waits.",
    events: from<PipelineEvents>(
      "pipeline",
      { settled: one },
      {
        settled: (message) =>
          ["success", "failure"].includes(outcomeOf(message)) ? message.seconds : undefined,
      },
    ),
    buckets: SECONDS,
  },
  {
    type: "counter",
    name: "retry.retries",
    unit: "{retry}",
    description: "Attempts after the first ones that were decided on.",
    events: from<RetryEvents>("retry", { retry: one }),
  },
  {
    type: "counter",
    name: "retry.exhausted",
    unit: "{call}",
    description: "Calls that failed for good: no attempt or no time was left, or a policy inside refused.",
    events: from<RetryEvents>("retry", { exhausted: one }),
  },
  {
    type: "counter",
    name: "retry.suppressed",
    unit: "{retry}",
    description: "Retries that the budget did not allow.",
    events: from<RetryEvents>("retry", { suppressed: one }),
  },
  {
    type: "counter",
    name: "retry_budget.suppressed",
    unit: "{attempt}",
    description: "Extra attempts of retries and hedges that a budget did not allow.",
    attribute: { key: "reason", values: ["window", "in-flight"] },
    events: from<RetryBudgetEvents>("retry-budget", { suppressed: ({ reason }) => reason }),
  },
  {
    type: "gauge",
    name: "retry_budget.available",
    unit: "{attempt}",
    description: "Extra attempts that a budget would allow.",
    kinds: ["retry-budget"],
    read: ({ available }: RetryBudgetSnapshot) => available,
  },
  {
    type: "counter",
    name: "timeout.timeouts",
    unit: "{call}",
    description: "Calls that were ended because their time was over.",
    events: from<TimeoutEvents>("timeout", { timeout: one }),
  },
  ...admissionMetrics("bulkhead", "bulkhead"),
  ...admissionMetrics("adaptive_limiter", "adaptive-limiter"),
  {
    type: "counter",
    name: "adaptive_limiter.limit_changes",
    unit: "{change}",
    description: "Changes of the limit.",
    attribute: { key: "direction", values: ["up", "down"] },
    events: from<AdaptiveLimiterEvents>("adaptive-limiter", {
      limit: ({ limit, previous }) => (limit > previous ? "up" : "down"),
    }),
  },
  {
    type: "counter",
    name: "fallback.fallbacks",
    unit: "{call}",
    description: "Calls that were answered in place of the function.",
    attribute: { key: "source", values: ["last-good", "value"] },
    events: from<FallbackEvents>("fallback", { fallback: ({ source }) => source }),
  },
  {
    type: "counter",
    name: "hedge.hedges",
    unit: "{attempt}",
    description: "Attempts that were started beside others.",
    events: from<HedgeEvents>("hedge", { hedge: one }),
  },
  {
    type: "counter",
    name: "hedge.wins",
    unit: "{call}",
    description: "Calls whose result came from such an attempt.",
    events: from<HedgeEvents>("hedge", { won: one }),
  },
  {
    type: "counter",
    name: "hedge.suppressed",
    unit: "{attempt}",
    description: "Such attempts that the budget did not allow.",
    events: from<HedgeEvents>("hedge", { suppressed: one }),
  },
  {
    type: "counter",
    name: "single_flight.joined",
    unit: "{call}",
    description: "Calls that shared an execution under way.",
    events: from<SingleFlightEvents>("single-flight", { joined: one }),
  },
  {
    type: "counter",
    name: "chaos.faults",
    unit: "{fault}",
    description: "Faults that were injected.",
    attribute: { key: "kind", values: ["latency", "error", "value"] },
    events: from<ChaosEvents>("chaos", { fault: ({ kind }) => kind }),
  },
];
