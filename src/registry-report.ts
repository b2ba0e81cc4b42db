import type { CircuitSnapshot } from "./circuit-breaker/report.js";
import type { components } from "./descriptors.js";
import type { HealthSnapshot } from "./health/report.js";
import type { HeartbeatSnapshot } from "./heartbeat/events.js";
import type { ComponentDescriptor } from "./kernel/descriptor.js";
import type { KeyedRateLimiterSnapshot } from "./rate-limiter/keyed-report.js";
import type { RateLimiterSnapshot } from "./rate-limiter/report.js";
import type { AdaptiveLimiterSnapshot } from "./policies/adaptive-limiter/adaptive-limiter.js";
import type { BulkheadSnapshot } from "./policies/bulkhead/bulkhead.js";
import type { ChaosSnapshot } from "./policies/chaos/chaos.js";
import type { FallbackSnapshot } from "./policies/fallback/fallback.js";
import type { HedgeSnapshot } from "./policies/hedge/report.js";
import type { PipelineSnapshot } from "./policies/pipeline/pipeline.js";
import type { RetrySnapshot } from "./policies/retry/report.js";
import type { RetryBudgetSnapshot } from "./policies/retry/retry-budget.js";
import type { SingleFlightSnapshot } from "./policies/single-flight/single-flight.js";
import type { TimeoutSnapshot } from "./policies/timeout/timeout.js";
import type { ShutdownSnapshot } from "./shutdown/snapshot.js";
import type { WatchdogSnapshot } from "./watchdog/snapshot.js";

type ByName<Value> = Readonly<Record<string, Value>>;

/** The snapshots of all instances of a {@link Registry}, by kind and name. */
export interface RegistrySnapshot {
  readonly circuitBreakers: ByName<CircuitSnapshot>;
  readonly rateLimiters: ByName<RateLimiterSnapshot>;
  readonly keyedRateLimiters: ByName<KeyedRateLimiterSnapshot>;
  readonly health: ByName<HealthSnapshot>;
  readonly heartbeats: ByName<HeartbeatSnapshot>;
  readonly watchdogs: ByName<WatchdogSnapshot>;
  readonly retries: ByName<RetrySnapshot>;
  readonly retryBudgets: ByName<RetryBudgetSnapshot>;
  readonly timeouts: ByName<TimeoutSnapshot>;
  readonly bulkheads: ByName<BulkheadSnapshot>;
  readonly adaptiveLimiters: ByName<AdaptiveLimiterSnapshot>;
  readonly fallbacks: ByName<FallbackSnapshot>;
  readonly hedges: ByName<HedgeSnapshot>;
  readonly pipelines: ByName<PipelineSnapshot>;
  readonly singleFlights: ByName<SingleFlightSnapshot>;
  readonly chaos: ByName<ChaosSnapshot>;
  readonly shutdown: ShutdownSnapshot | null;
}

type EventOf<Kind extends string, Payloads> = {
  [Name in keyof Payloads]: {
    readonly kind: Kind;
    /** The name of the component. */
    readonly name: string;
    readonly event: Name;
    readonly payload: Payloads[Name];
  };
}[keyof Payloads];

type Components = typeof components;

/** An event of a {@link Registry}'s component, with its kind and name. */
export type RegistryEvent = {
  [Method in keyof Components]: Components[Method] extends ComponentDescriptor<infer Instance, infer Payloads>
    ? EventOf<ReturnType<Instance["snapshot"]>["kind"], Payloads>
    : never;
}[keyof Components];
