import { logged, told, toldError } from "../kernel/log-line.js";
import {
  type ComponentDescriptor,
  type Meanings,
  type SectionDescriptor,
  sectionRules,
} from "../kernel/descriptor.js";
import { flag } from "../kernel/rules.js";
import { CircuitBreaker } from "./circuit-breaker.js";
import { type CircuitBreakerOptions, circuitBreakerRules, liveRules } from "./options.js";
import type { CircuitBreakerEvents } from "./report.js";

export const section: SectionDescriptor = {
  rules: { ...sectionRules(circuitBreakerRules), shared: flag(false) },
};

export const component: ComponentDescriptor<CircuitBreaker, CircuitBreakerEvents> = {
  kind: "circuit-breaker",
  events: {
    stateChange: logged("warn", ({ from, to, reason }) => ({
      level: to === "open" ? "warn" : "info",
      message: `${from} -> ${to} (${reason})`,
      fields: { from, to, reason },
    })),
    success: true,
    failure: logged("debug", ({ error }) => ({ message: "a call failed", fields: toldError(error) })),
    rejected: logged("debug", ({ error: { retryAfter } }) => ({
      message: `refused a call for ${told(retryAfter)}`,
      fields: { retryAfter },
    })),
    wouldReject: logged("info", ({ error: { retryAfter } }) => ({
      message: `would refuse a call for ${told(retryAfter)}`,
      fields: { retryAfter },
    })),
    ignored: logged("debug", ({ error }) => ({ message: "a call does not count", fields: toldError(error) })),
    settled: true,
  },
  configured: { section: "circuitBreaker", rules: circuitBreakerRules, live: Object.keys(liveRules) },
  make: (options: CircuitBreakerOptions) => new CircuitBreaker(options),
};

export const meanings: Meanings = {
  means: "Stops calling a service that fails, and tries again after a while.",
  options: {
    shared: { means: "whether it is one circuit for all processes, in Redis" },
    maxFailures: { means: "consecutive failures that open the circuit" },
    resetTimeout: { means: "how long it stays open before it admits a probe" },
    jitter: { means: "the share of it that is added at random, so that a fleet does not probe at once" },
    halfOpen: {
      means: "how many calls are admitted while half-open, and which share of failures opens it again",
      example: "{ calls: 10, failure_rate: 0.5 }",
    },
    mode: { means: "enforce; observe refuses nothing and tells what it would have; off does neither" },
    halfOpenMaxCalls: { means: "probes admitted while half-open, and successes needed to close" },
    probeTimeout: {
      means: "a probe that takes longer counts as failed; without it, reset_timeout",
      example: "10s",
    },
  },
  instances: "payment-api: { max_failures: 3, reset_timeout: 10s }",
};
