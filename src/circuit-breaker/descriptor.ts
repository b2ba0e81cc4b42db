import {
  type ComponentDescriptor,
  type Meanings,
  type SectionDescriptor,
  sectionRules,
} from "../kernel/descriptor.js";
import { CircuitBreaker } from "./circuit-breaker.js";
import { type CircuitBreakerOptions, circuitBreakerRules, liveRules } from "./options.js";
import type { CircuitBreakerEvents } from "./report.js";

export const section: SectionDescriptor = { rules: sectionRules(circuitBreakerRules) };

export const component: ComponentDescriptor<CircuitBreaker, CircuitBreakerEvents> = {
  kind: "circuit-breaker",
  events: { stateChange: true, success: true, failure: true, rejected: true },
  configured: { section: "circuitBreaker", rules: circuitBreakerRules, live: Object.keys(liveRules) },
  make: (options: CircuitBreakerOptions) => new CircuitBreaker(options),
};

export const meanings: Meanings = {
  means: "Stops calling a service that fails, and tries again after a while.",
  options: {
    maxFailures: { means: "consecutive failures that open the circuit" },
    resetTimeout: { means: "how long it stays open before it admits a probe" },
    halfOpenMaxCalls: { means: "probes admitted while half-open, and successes needed to close" },
    probeTimeout: {
      means: "a probe that takes longer counts as failed; without it, reset_timeout",
      example: "10s",
    },
  },
  instances: "payment-api: { max_failures: 3, reset_timeout: 10s }",
};
