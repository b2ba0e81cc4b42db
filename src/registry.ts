import type { CircuitBreaker } from "./circuit-breaker/circuit-breaker.js";
import type { CircuitBreakerOptions } from "./circuit-breaker/options.js";
import { checkConfiguration } from "./configure.js";
import { components, type ResilienceConfig } from "./descriptors.js";
import type { Health } from "./health/health.js";
import type { HealthOptions } from "./health/options.js";
import type { Heartbeat } from "./heartbeat/heartbeat.js";
import type { HeartbeatOptions } from "./heartbeat/options.js";
import type { Component } from "./kernel/component.js";
import { type ConfigurationSource, currentSource, type Place, pushSource } from "./kernel/configured.js";
import type { ComponentDescriptor } from "./kernel/descriptor.js";
import type { Listener } from "./kernel/events.js";
import { Printed } from "./kernel/printed.js";
import type { KeyedRateLimiter } from "./rate-limiter/keyed-rate-limiter.js";
import type { KeyedRateLimiterOptions } from "./rate-limiter/keyed-options.js";
import type { RateLimiterOptions } from "./rate-limiter/options.js";
import type { RateLimiter } from "./rate-limiter/rate-limiter.js";
import type { Bulkhead } from "./policies/bulkhead/bulkhead.js";
import type { BulkheadOptions } from "./policies/bulkhead/options.js";
import type { Chaos } from "./policies/chaos/chaos.js";
import type { AdaptiveLimiter } from "./policies/adaptive-limiter/adaptive-limiter.js";
import type { AdaptiveLimiterOptions } from "./policies/adaptive-limiter/options.js";
import type { ChaosOptions } from "./policies/chaos/options.js";
import type { Fallback } from "./policies/fallback/fallback.js";
import type { FallbackOptions } from "./policies/fallback/options.js";
import type { Hedge } from "./policies/hedge/hedge.js";
import type { HedgeOptions } from "./policies/hedge/options.js";
import type { RetryOptions } from "./policies/retry/options.js";
import type { RetryBudget, RetryBudgetOptions } from "./policies/retry/retry-budget.js";
import type { Retry } from "./policies/retry/retry.js";
import type { SingleFlightOptions } from "./policies/single-flight/options.js";
import type { SingleFlight } from "./policies/single-flight/single-flight.js";
import type { TimeoutOptions } from "./policies/timeout/options.js";
import type { Timeout } from "./policies/timeout/timeout.js";
import { configuredPipeline } from "./registry-pipeline.js";
import type { PartedPipeline } from "./resilient.js";
import type { ResilientOptions, ResilientParts } from "./resilient-options.js";
import { type AnyComponent, type AnyEvent, givenBy, RegistryTable } from "./registry-table.js";
import type { GracefulShutdown } from "./shutdown/graceful-shutdown.js";
import type { GracefulShutdownOptions } from "./shutdown/options.js";
import type { WatchdogOptions } from "./watchdog/options.js";
import type { Watchdog } from "./watchdog/watchdog.js";
import type { RegistryEvent, RegistrySnapshot } from "./registry-report.js";

/**
 * The named components of an application: one instance per name, created on first use from the configuration and
 * overrides. The configuration is the result of `loadConfig`, or the same written in code; without one it is the
 * process-wide configuration when an instance is created. Nothing is started.
 *
 * Names are kept until {@link Registry.release}: for single clients or requests use a `KeyedRateLimiter`. Disposing of the
 * registry first runs the shutdown, then ends all components in the reverse order of creation.
 *
 * @throws TypeError or RangeError that names the key's path.
 * @example
 * ```ts
 * import { Registry } from "@kstlib/resilience";
 *
 * await using registry = new Registry({
 *   circuitBreaker: { maxFailures: 5, instances: { "payment-api": { resetTimeout: "10s" } } },
 * });
 * const breaker = registry.circuitBreaker("payment-api");
 * console.assert(breaker === registry.circuitBreaker("payment-api"));
 * console.assert(registry.snapshot().circuitBreakers["payment-api"] !== undefined);
 * for (const component of registry) console.assert(component === breaker);
 *
 * const log: string[] = [];
 * using _listener = registry.on(({ kind, name, event }) => log.push(`${kind} ${name}: ${event}`));
 * await breaker.call(async () => "paid");
 * console.assert(log[0] === "circuit-breaker payment-api: success");
 * ```
 */
export class Registry extends Printed implements AsyncDisposable {
  /** `undefined`: the process-wide configuration at the time. */
  #source: ConfigurationSource | undefined;
  readonly #table = new RegistryTable(Object.values(components).map(({ kind }) => kind));
  #disposal: Promise<void> | undefined;
  #isEnded = false;

  constructor(config?: ResilienceConfig) {
    super();
    if (config !== undefined) this.#source = { configuration: checkConfiguration(config) };
  }

  /** The circuit breaker of that name; `overrides` apply when it is created. */
  circuitBreaker(name: string, overrides?: Omit<CircuitBreakerOptions, "name">): CircuitBreaker {
    return this.#get(components.circuitBreaker, name, overrides);
  }

  /** The rate limiter of that name; `overrides` apply when it is created. */
  rateLimiter(name: string, overrides?: Omit<RateLimiterOptions, "name">): RateLimiter {
    return this.#get(components.rateLimiter, name, overrides);
  }

  /** The keyed rate limiter of that name; `overrides` apply when it is created. */
  keyedRateLimiter(name: string, overrides?: Omit<KeyedRateLimiterOptions, "name">): KeyedRateLimiter {
    return this.#get(components.keyedRateLimiter, name, overrides);
  }

  /**
   * The health checks of that name; `overrides` apply when they are created. Pass `drainOn: registry.shutdown().signal`
   * for it to answer that the process drains.
   */
  health(name: string, overrides?: Omit<HealthOptions, "name">): Health {
    return this.#get(components.health, name, overrides);
  }

  /** The heartbeat of that name, not started; `overrides` apply when it is created. */
  heartbeat(name: string, overrides?: Omit<HeartbeatOptions, "name">): Heartbeat {
    return this.#get(components.heartbeat, name, overrides);
  }

  /** The watchdog of that name, not started; `overrides` apply when it is created. */
  watchdog(name: string, overrides?: Omit<WatchdogOptions, "name">): Watchdog {
    return this.#get(components.watchdog, name, overrides);
  }

  /** The retry of that name; `overrides` apply when it is created. */
  retry(name: string, overrides?: Omit<RetryOptions, "name">): Retry {
    return this.#get(components.retry, name, overrides);
  }

  /** The retry budget of that name; `overrides` apply when it is created. */
  retryBudget(name: string, overrides?: Omit<RetryBudgetOptions, "name">): RetryBudget {
    return this.#get(components.retryBudget, name, overrides);
  }

  /** The timeout of that name; `overrides` apply when it is created. */
  timeout(name: string, overrides?: Omit<TimeoutOptions, "name">): Timeout {
    return this.#get(components.timeout, name, overrides);
  }

  /** The bulkhead of that name; `overrides` apply when it is created. */
  bulkhead(name: string, overrides?: Omit<BulkheadOptions, "name">): Bulkhead {
    return this.#get(components.bulkhead, name, overrides);
  }

  /** The adaptive limiter of that name; `overrides` apply when it is created. */
  adaptiveLimiter(name: string, overrides?: Omit<AdaptiveLimiterOptions, "name">): AdaptiveLimiter {
    return this.#get(components.adaptiveLimiter, name, overrides);
  }

  /** The fallback of that name; `overrides` apply when it is created. */
  fallback(name: string, overrides?: Omit<FallbackOptions, "name">): Fallback<unknown> {
    return this.#get(components.fallback, name, overrides);
  }

  /** The hedge of that name; `overrides` apply when it is created. */
  hedge(name: string, overrides?: Omit<HedgeOptions, "name">): Hedge {
    return this.#get(components.hedge, name, overrides);
  }

  /**
   * The pipeline of that name, from `pipelines.<name>` of the configuration and the overrides, in the order of
   * `resilient`. Its parts, which are its properties, are components of this registry: a string names one, options create
   * one with the pipeline's name. `Instead` is the type of what its fallback returns; pass `never` without a fallback.
   */
  pipeline<Instead = unknown>(
    name: string,
    overrides?: Omit<ResilientOptions, "name" | "clock">,
  ): PartedPipeline<Instead> {
    const make = (): PartedPipeline<unknown> =>
      configuredPipeline(name, overrides, {
        part: (kind, part, options, place) =>
          this.#get<ResilientParts[typeof kind]>(components[kind], part, options, undefined, place),
        retryBudget: (budget) => this.retryBudget(budget),
      });
    return this.#get(components.pipeline, name, overrides, make) as PartedPipeline<Instead>;
  }

  /** The single flight of that name; `overrides` apply when it is created. */
  singleFlight(name: string, overrides?: Omit<SingleFlightOptions, "name">): SingleFlight {
    return this.#get(components.singleFlight, name, overrides);
  }

  /** The chaos policy of that name; `overrides` apply when it is created. */
  chaos(name: string, overrides?: Omit<ChaosOptions, "name">): Chaos<unknown> {
    return this.#get(components.chaos, name, overrides);
  }

  /** The one shutdown of the application, not installed; `overrides` apply when it is created. */
  shutdown(overrides?: GracefulShutdownOptions): GracefulShutdown {
    return this.#get(components.shutdown, components.shutdown.kind, overrides);
  }

  /**
   * Forgets the component of that kind (as its snapshot calls it) and name at once, and ends it: a heartbeat writes
   * `stopped`, a watchdog stops, calls waiting at a limiter are refused; a shutdown is uninstalled and not run. A breaker
   * that is still held elsewhere keeps working. The next call for the name creates a new one, with the overrides of that call.
   *
   * @returns whether it existed; resolves once it has ended.
   * @throws never synchronously; rejects with a TypeError for an unknown kind or a wrong name, or if ending it fails.
   */
  release(kind: RegistryEvent["kind"], name: string): Promise<boolean>;
  release(kind: "shutdown"): Promise<boolean>;
  async release(kind: RegistryEvent["kind"], name: string = ""): Promise<boolean> {
    return this.#table.release(kind, kind === components.shutdown.kind ? kind : name);
  }

  /**
   * Adds a listener for the events of all components, existing and later ones, until they are released. Components make
   * some payloads only when there is a listener: one for all events costs each call a little.
   *
   * @param filter selects the events that the listener gets, by the kind of component and the event. Default: all.
   * @returns a `Disposable` that removes the listener.
   * @throws TypeError when the listener is not a function.
   */
  on(
    listener: Listener<RegistryEvent>,
    filter: (kind: string, event: string) => boolean = () => true,
  ): Disposable {
    // The kinds and events are those of the descriptors.
    return this.#table.on(listener as Listener<AnyEvent>, filter);
  }

  /** The components in the order of creation. */
  [Symbol.iterator](): IterableIterator<Component> {
    return this.#table[Symbol.iterator]();
  }

  /** The current snapshots of all instances: frozen, JSON-serialisable. */
  snapshot(): RegistrySnapshot {
    return Object.freeze({
      circuitBreakers: this.#table.snapshots(components.circuitBreaker),
      rateLimiters: this.#table.snapshots(components.rateLimiter),
      keyedRateLimiters: this.#table.snapshots(components.keyedRateLimiter),
      health: this.#table.snapshots(components.health),
      heartbeats: this.#table.snapshots(components.heartbeat),
      watchdogs: this.#table.snapshots(components.watchdog),
      retries: this.#table.snapshots(components.retry),
      retryBudgets: this.#table.snapshots(components.retryBudget),
      timeouts: this.#table.snapshots(components.timeout),
      bulkheads: this.#table.snapshots(components.bulkhead),
      adaptiveLimiters: this.#table.snapshots(components.adaptiveLimiter),
      fallbacks: this.#table.snapshots(components.fallback),
      hedges: this.#table.snapshots(components.hedge),
      pipelines: this.#table.snapshots(components.pipeline),
      singleFlights: this.#table.snapshots(components.singleFlight),
      chaos: this.#table.snapshots(components.chaos),
      shutdown: this.#table.snapshots(components.shutdown)["shutdown"] ?? null,
    });
  }

  /**
   * Runs the shutdown, during which the registry can still be used, then ends every component, even if one fails. A
   * shutdown in progress is not waited for: one of its callbacks may be calling this.
   */
  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposal ??= this.#dispose());
  }

  async #dispose(): Promise<void> {
    const failures = [...(await this.#table.end("only"))];
    this.#isEnded = true;
    failures.push(...(await this.#table.end("others")));
    if (failures.length > 0) throw new AggregateError(failures, "some components could not be ended");
  }

  /** @internal The source of its components' options. */
  get source(): ConfigurationSource {
    return this.#source ?? currentSource();
  }

  /** @internal Replaces the source and reports the existing components to it. */
  follow(source: ConfigurationSource): void {
    this.#source = source;
    this.#table.tellMade(source);
  }

  #get<Instance extends AnyComponent>(
    descriptor: ComponentDescriptor<Instance, object>,
    name: string,
    overrides: object | undefined,
    make?: () => Instance,
    place?: Place,
  ): Instance {
    if (this.#isEnded) throw new TypeError("this registry was disposed of; make a new one.");
    const options = descriptor.only === undefined ? { ...overrides, name } : (overrides ?? {});
    return this.#table.get(descriptor, name, options, place, () =>
      this.#configured(make ?? (() => descriptor.make(options)), descriptor.kind, place),
    );
  }

  /** Runs `make` while constructors read this registry's configuration; a component of this kind has `place`. */
  #configured<Made>(make: () => Made, ofKind: string, place: Place | undefined): Made {
    const { source } = this;
    const pushed = pushSource({
      configuration: source.configuration,
      made(component, kind, options, at = kind === ofKind ? place : undefined) {
        source.made?.(component, kind, givenBy(component, options, at), at);
      },
      retryBudget: (name) => this.retryBudget(name),
      madeNames: (section) => this.#table.names(components[section as keyof typeof components].kind),
    });
    try {
      return make();
    } finally {
      pushed[Symbol.dispose]();
    }
  }
}
