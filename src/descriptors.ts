import type { AlertManagerOptions } from "./alerts/options.js";
import * as circuitBreaker from "./circuit-breaker/descriptor.js";
import type { CircuitBreakerOptions } from "./circuit-breaker/options.js";
import * as health from "./health/descriptor.js";
import type { HealthOptions } from "./health/options.js";
import * as heartbeat from "./heartbeat/descriptor.js";
import type { HeartbeatOptions } from "./heartbeat/options.js";
import type { Meanings, SectionDescriptor } from "./kernel/descriptor.js";
import * as adaptiveLimiter from "./policies/adaptive-limiter/descriptor.js";
import type { AdaptiveLimiterOptions } from "./policies/adaptive-limiter/options.js";
import * as bulkhead from "./policies/bulkhead/descriptor.js";
import type { BulkheadOptions } from "./policies/bulkhead/options.js";
import * as chaos from "./policies/chaos/descriptor.js";
import * as fallback from "./policies/fallback/descriptor.js";
import type { FallbackOptions } from "./policies/fallback/options.js";
import * as hedge from "./policies/hedge/descriptor.js";
import type { HedgeOptions } from "./policies/hedge/options.js";
import * as pipeline from "./policies/pipeline/descriptor.js";
import * as resilient from "./resilient-options.js";
import type { ResilientOptions } from "./resilient-options.js";
import * as redis from "./redis-section/descriptor.js";
import type { RedisOptions } from "./redis-section/options.js";
import * as retry from "./policies/retry/descriptor.js";
import type { RetryOptions } from "./policies/retry/options.js";
import type { RetryBudgetOptions } from "./policies/retry/retry-budget.js";
import * as singleFlight from "./policies/single-flight/descriptor.js";
import * as timeout from "./policies/timeout/descriptor.js";
import type { TimeoutOptions } from "./policies/timeout/options.js";
import * as rateLimiter from "./rate-limiter/descriptor.js";
import type { KeyedRateLimiterOptions } from "./rate-limiter/keyed-options.js";
import type { RateLimiterOptions } from "./rate-limiter/options.js";
import type { ScheduleSection } from "./schedule/options.js";
import * as shutdown from "./shutdown/descriptor.js";
import type { GracefulShutdownOptions } from "./shutdown/options.js";
import * as watchdog from "./watchdog/descriptor.js";
import type { WatchdogOptions } from "./watchdog/options.js";
import type { WatchedFileOptions } from "./watchdog/watched-file.js";
import type { WebSocketManagerOptions } from "./websocket/options.js";

// The list of patterns; the layers above know them only from here. There are three tables so that a bundler can drop
// those not used: the configuration reader creates no components, the core needs no descriptions.

/** Options for all instances of a kind, and by the instance's `name`. */
export type ConfigSection<Options> = Readonly<Omit<Options, "name">> & {
  readonly instances?: Readonly<Record<string, Readonly<Omit<Options, "name">>>> | undefined;
};

/** What a section says beside the options of a constructor. */
interface Sharing {
  /** Whether it is one for all processes, made by `useRedis` of `@kstlib/resilience/redis`. Default `false`. */
  readonly shared?: boolean | undefined;
}

/**
 * Defaults for every component, as `loadConfig` reads them from `kstlib.conf.yml` or as written in code.
 * Precedence: built-in defaults < the section < `instances.<name>` < constructor options.
 */
export interface ResilienceConfig {
  readonly circuitBreaker?: ConfigSection<CircuitBreakerOptions & Sharing> | undefined;
  readonly rateLimiter?: ConfigSection<RateLimiterOptions & KeyedRateLimiterOptions & Sharing> | undefined;
  readonly shutdown?: ConfigSection<GracefulShutdownOptions> | undefined;
  readonly health?: ConfigSection<HealthOptions> | undefined;
  readonly heartbeat?: ConfigSection<HeartbeatOptions> | undefined;
  readonly watchdog?: ConfigSection<WatchdogOptions & WatchedFileOptions> | undefined;
  readonly retry?: ConfigSection<RetryOptions> | undefined;
  /** The budgets that retries and hedges can name. */
  readonly retryBudget?: ConfigSection<RetryBudgetOptions> | undefined;
  readonly timeout?: ConfigSection<TimeoutOptions> | undefined;
  readonly bulkhead?: ConfigSection<BulkheadOptions> | undefined;
  readonly adaptiveLimiter?: ConfigSection<AdaptiveLimiterOptions> | undefined;
  readonly fallback?: ConfigSection<FallbackOptions> | undefined;
  readonly hedge?: ConfigSection<HedgeOptions> | undefined;
  /** Where shared components are; read by `useRedis` of `@kstlib/resilience/redis`. */
  readonly redis?: ConfigSection<RedisOptions> | undefined;
  /** What `Registry.pipeline` makes, by name. */
  readonly pipelines?: Readonly<Record<string, Omit<ResilientOptions, "name" | "clock">>> | undefined;
  /** Read by `TimeTrigger` of `@kstlib/resilience/schedule`, and checked there. */
  readonly schedule?: ConfigSection<ScheduleSection> | undefined;
  /** Read by `AlertManager` of `@kstlib/resilience/alerts`, and checked there. */
  readonly alerts?: ConfigSection<AlertManagerOptions> | undefined;
  /** Read by `WebSocketManager` of `@kstlib/resilience/websocket`, and checked there. */
  readonly websocket?: ConfigSection<WebSocketManagerOptions> | undefined;
}

/** The sections of what is not in the core. */
export type SectionApart = "schedule" | "alerts" | "websocket";

/** The core checks no more of them than that they are objects. */
export const SECTIONS_APART: readonly SectionApart[] = ["schedule", "alerts", "websocket"];

/** The sections that the core knows, by their names in code. */
export const sections: Readonly<Record<string, SectionDescriptor>> = {
  circuitBreaker: circuitBreaker.section,
  rateLimiter: rateLimiter.section,
  shutdown: shutdown.section,
  health: health.section,
  heartbeat: heartbeat.section,
  watchdog: watchdog.section,
  retry: retry.section,
  retryBudget: retry.budgetSection,
  timeout: timeout.section,
  bulkhead: bulkhead.section,
  adaptiveLimiter: adaptiveLimiter.section,
  fallback: fallback.section,
  hedge: hedge.section,
  redis: redis.section,
  pipelines: resilient.section,
} satisfies Record<Exclude<keyof ResilienceConfig, SectionApart>, unknown>;

/** What the sections and their options are for. */
export const meanings: Readonly<Record<string, Meanings>> = {
  circuitBreaker: circuitBreaker.meanings,
  rateLimiter: rateLimiter.meanings,
  shutdown: shutdown.meanings,
  health: health.meanings,
  heartbeat: heartbeat.meanings,
  watchdog: watchdog.meanings,
  retry: retry.meanings,
  retryBudget: retry.budgetMeanings,
  timeout: timeout.meanings,
  bulkhead: bulkhead.meanings,
  adaptiveLimiter: adaptiveLimiter.meanings,
  fallback: fallback.meanings,
  hedge: hedge.meanings,
  redis: redis.meanings,
  pipelines: resilient.meanings,
} satisfies Record<Exclude<keyof ResilienceConfig, SectionApart>, unknown>;

/** The kinds of components, by the names of the methods of `Registry` that make them. */
export const components: {
  readonly circuitBreaker: typeof circuitBreaker.component;
  readonly rateLimiter: typeof rateLimiter.component;
  readonly keyedRateLimiter: typeof rateLimiter.keyedComponent;
  readonly health: typeof health.component;
  readonly heartbeat: typeof heartbeat.component;
  readonly watchdog: typeof watchdog.component;
  readonly retry: typeof retry.component;
  readonly retryBudget: typeof retry.budgetComponent;
  readonly timeout: typeof timeout.component;
  readonly bulkhead: typeof bulkhead.component;
  readonly adaptiveLimiter: typeof adaptiveLimiter.component;
  readonly fallback: typeof fallback.component;
  readonly hedge: typeof hedge.component;
  readonly pipeline: typeof pipeline.component;
  readonly singleFlight: typeof singleFlight.component;
  readonly chaos: typeof chaos.component;
  readonly shutdown: typeof shutdown.component;
} = {
  circuitBreaker: circuitBreaker.component,
  rateLimiter: rateLimiter.component,
  keyedRateLimiter: rateLimiter.keyedComponent,
  health: health.component,
  heartbeat: heartbeat.component,
  watchdog: watchdog.component,
  retry: retry.component,
  retryBudget: retry.budgetComponent,
  timeout: timeout.component,
  bulkhead: bulkhead.component,
  adaptiveLimiter: adaptiveLimiter.component,
  fallback: fallback.component,
  hedge: hedge.component,
  pipeline: {
    ...pipeline.component,
    configured: { section: "pipelines", rules: resilient.section.rules },
  },
  singleFlight: singleFlight.component,
  chaos: chaos.component,
  shutdown: shutdown.component,
};
