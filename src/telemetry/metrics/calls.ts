import type { CircuitBreakerEvents, CircuitSnapshot } from "../../circuit-breaker/report.js";
import type { KeyedRateLimiterEvents, KeyedRateLimiterSnapshot } from "../../rate-limiter/keyed-report.js";
import type { RateLimiterEvents, RateLimiterSnapshot } from "../../rate-limiter/report.js";
import { from, type Metric, one, SECONDS } from "./definition.js";

const LIMITERS = ["rate-limiter", "shared-rate-limiter"];
const KEYED = ["keyed-rate-limiter", "shared-keyed-rate-limiter"];

/** Circuit breakers and rate limiters. */
export const callMetrics: readonly Metric[] = [
  {
    type: "counter",
    name: "circuit_breaker.calls",
    unit: "{call}",
    description: "Calls that a circuit breaker has admitted, by how they ended, and those it refused.",
    attribute: { key: "outcome", values: ["success", "failure", "ignored", "rejected"] },
    events: from<CircuitBreakerEvents>("circuit-breaker", {
      settled: ({ verdict }) => verdict,
      rejected: () => "rejected",
    }),
  },
  {
    type: "counter",
    name: "circuit_breaker.would_reject",
    unit: "{call}",
    description: "Calls that a circuit breaker in mode observe would have refused.",
    events: from<CircuitBreakerEvents>("circuit-breaker", { wouldReject: one }),
  },
  {
    type: "histogram",
    name: "circuit_breaker.call.duration",
    unit: "s",
    description: "How long the calls took that succeeded or failed.",
    events: from<CircuitBreakerEvents>(
      "circuit-breaker",
      { settled: one },
      { settled: ({ verdict, seconds }) => (verdict === "ignored" ? undefined : seconds) },
    ),
    buckets: SECONDS,
  },
  {
    type: "gauge",
    name: "circuit_breaker.state",
    unit: "{circuit_breaker}",
    description: "How many circuit breakers are in the state.",
    attribute: { key: "state", values: ["closed", "open", "half-open", "isolated"] },
    kinds: ["circuit-breaker"],
    read: ({ state }: CircuitSnapshot) => state,
  },
  {
    type: "counter",
    name: "circuit_breaker.transitions",
    unit: "{transition}",
    description: "Changes of the state, by the new one.",
    attribute: { key: "state", values: ["closed", "open", "half-open", "isolated"] },
    events: from<CircuitBreakerEvents>("circuit-breaker", { stateChange: ({ to }) => to }),
  },
  {
    type: "counter",
    name: "rate_limiter.requests",
    unit: "{request}",
    description: "Requests that a rate limiter has admitted or refused.",
    attribute: { key: "outcome", values: ["acquired", "rejected"] },
    events: from<RateLimiterEvents>(LIMITERS, { acquired: () => "acquired", rejected: () => "rejected" }),
  },
  {
    type: "histogram",
    name: "rate_limiter.wait.duration",
    unit: "s",
    description: "How long admitted requests waited.",
    events: from<RateLimiterEvents>(LIMITERS, { acquired: one }, { acquired: ({ waited }) => waited }),
    buckets: SECONDS,
  },
  {
    type: "gauge",
    name: "rate_limiter.tokens",
    unit: "{token}",
    description: "Tokens in the buckets of rate limiters that have a limit and are not shared.",
    kinds: ["rate-limiter"],
    read: ({ tokens }: RateLimiterSnapshot) => tokens,
  },
  {
    type: "gauge",
    name: "rate_limiter.queued",
    unit: "{request}",
    description: "Requests that wait for tokens.",
    kinds: LIMITERS,
    read: ({ queued }: Pick<RateLimiterSnapshot, "queued">) => queued,
  },
  {
    type: "counter",
    name: "keyed_rate_limiter.requests",
    unit: "{request}",
    description: "Requests that a keyed rate limiter has admitted or refused, for all keys together.",
    attribute: { key: "outcome", values: ["acquired", "rejected"] },
    events: from<KeyedRateLimiterEvents>(KEYED, { acquired: () => "acquired", rejected: () => "rejected" }),
  },
  {
    type: "histogram",
    name: "keyed_rate_limiter.wait.duration",
    unit: "s",
    description: "How long admitted requests waited.",
    events: from<KeyedRateLimiterEvents>(KEYED, { acquired: one }, { acquired: ({ waited }) => waited }),
    buckets: SECONDS,
  },
  {
    type: "gauge",
    name: "keyed_rate_limiter.queued",
    unit: "{request}",
    description: "Requests that wait for tokens.",
    kinds: KEYED,
    read: ({ queued }: Pick<KeyedRateLimiterSnapshot, "queued">) => queued,
  },
  {
    type: "gauge",
    name: "keyed_rate_limiter.keys",
    unit: "{key}",
    description: "Keys that keyed rate limiters which are not shared know.",
    kinds: ["keyed-rate-limiter"],
    read: ({ keys }: KeyedRateLimiterSnapshot) => keys,
  },
  {
    type: "counter",
    name: "keyed_rate_limiter.evictions",
    unit: "{key}",
    description: "Keys that were forgotten before their buckets were full.",
    events: from<KeyedRateLimiterEvents>("keyed-rate-limiter", { evicted: one }),
  },
];
