import type { CircuitBreaker } from "./circuit-breaker/circuit-breaker.js";
import type { CircuitBreakerOptions } from "./circuit-breaker/options.js";
import type { CircuitBreakerEvents, CircuitSnapshot } from "./circuit-breaker/report.js";
import { checkConfiguration } from "./configure.js";
import { components, type ResilienceConfig } from "./descriptors.js";
import type { Health } from "./health/health.js";
import type { HealthOptions } from "./health/options.js";
import type { HealthEvents, HealthSnapshot } from "./health/report.js";
import type { HeartbeatEvents, HeartbeatSnapshot } from "./heartbeat/events.js";
import type { Heartbeat } from "./heartbeat/heartbeat.js";
import type { HeartbeatOptions } from "./heartbeat/options.js";
import type { Component } from "./kernel/component.js";
import { type ConfigurationSource, currentSource, pushSource } from "./kernel/configured.js";
import type { ComponentDescriptor } from "./kernel/descriptor.js";
import type { Listener } from "./kernel/events.js";
import { Printed } from "./kernel/printed.js";
import type { KeyedRateLimiter } from "./rate-limiter/keyed-rate-limiter.js";
import type { KeyedRateLimiterEvents, KeyedRateLimiterSnapshot } from "./rate-limiter/keyed-report.js";
import type { KeyedRateLimiterOptions, RateLimiterOptions } from "./rate-limiter/options.js";
import type { RateLimiter } from "./rate-limiter/rate-limiter.js";
import type { RateLimiterEvents, RateLimiterSnapshot } from "./rate-limiter/report.js";
import { type AnyComponent, type AnyEvent, RegistryTable } from "./registry-table.js";
import type { GracefulShutdown } from "./shutdown/graceful-shutdown.js";
import type { GracefulShutdownOptions } from "./shutdown/options.js";
import type { ShutdownEvents } from "./shutdown/report.js";
import type { ShutdownSnapshot } from "./shutdown/snapshot.js";
import type { WatchdogOptions } from "./watchdog/options.js";
import type { WatchdogEvents, WatchdogSnapshot } from "./watchdog/snapshot.js";
import type { Watchdog } from "./watchdog/watchdog.js";

type ByName<Value> = Readonly<Record<string, Value>>;

/** The snapshots of all instances of a {@link Registry}, by kind and name. */
export interface RegistrySnapshot {
  readonly circuitBreakers: ByName<CircuitSnapshot>;
  readonly rateLimiters: ByName<RateLimiterSnapshot>;
  readonly keyedRateLimiters: ByName<KeyedRateLimiterSnapshot>;
  readonly health: ByName<HealthSnapshot>;
  readonly heartbeats: ByName<HeartbeatSnapshot>;
  readonly watchdogs: ByName<WatchdogSnapshot>;
  readonly shutdown: ShutdownSnapshot | null;
}

type EventOf<Kind extends string, Payloads> = {
  [Name in keyof Payloads]: {
    readonly kind: Kind;
    /** Of the component. */
    readonly name: string;
    readonly event: Name;
    readonly payload: Payloads[Name];
  };
}[keyof Payloads];

/** An event of a component of a {@link Registry}, and whose it is. */
export type RegistryEvent =
  | EventOf<"circuit-breaker", CircuitBreakerEvents>
  | EventOf<"rate-limiter", RateLimiterEvents>
  | EventOf<"keyed-rate-limiter", KeyedRateLimiterEvents>
  | EventOf<"health", HealthEvents>
  | EventOf<"heartbeat", HeartbeatEvents>
  | EventOf<"watchdog", WatchdogEvents>
  | EventOf<"shutdown", ShutdownEvents>;

/**
 * The named components of an application: one instance a name, made when it is first asked for, from the
 * configuration and overrides. The configuration is what `loadConfig` gave, or the same written in code; without one
 * it is the process-wide configuration at the time an instance is made. Nothing is started: call `start()` or
 * `install()` on what you get.
 *
 * Names are few, those of services and loops, and are kept until {@link Registry.release}: a name for each client or
 * request is a leak; take a `KeyedRateLimiter` for those.
 *
 * Disposing of the registry (`await using`) first runs the shutdown, if there is one, then ends every
 * component in the reverse order of its making.
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
  /** `undefined`: what is process-wide at the time. */
  #source: ConfigurationSource | undefined;
  readonly #table = new RegistryTable(Object.values(components).map(({ kind }) => kind));
  #disposal: Promise<void> | undefined;
  #isEnded = false;

  constructor(config?: ResilienceConfig) {
    super();
    if (config !== undefined) this.#source = { configuration: checkConfiguration(config) };
  }

  /** The circuit breaker of that name; `overrides` count when it is made. */
  circuitBreaker(name: string, overrides?: Omit<CircuitBreakerOptions, "name">): CircuitBreaker {
    return this.#get(components.circuitBreaker, name, overrides);
  }

  /** The rate limiter of that name; `overrides` count when it is made. */
  rateLimiter(name: string, overrides?: Omit<RateLimiterOptions, "name">): RateLimiter {
    return this.#get(components.rateLimiter, name, overrides);
  }

  /** The keyed rate limiter of that name; `overrides` count when it is made. */
  keyedRateLimiter(name: string, overrides?: Omit<KeyedRateLimiterOptions, "name">): KeyedRateLimiter {
    return this.#get(components.keyedRateLimiter, name, overrides);
  }

  /**
   * The health checks of that name; `overrides` count when they are made. Pass `drainOn: registry.shutdown().signal`
   * for it to answer that the process drains.
   */
  health(name: string, overrides?: Omit<HealthOptions, "name">): Health {
    return this.#get(components.health, name, overrides);
  }

  /** The heartbeat of that name, not started; `overrides` count when it is made. */
  heartbeat(name: string, overrides?: Omit<HeartbeatOptions, "name">): Heartbeat {
    return this.#get(components.heartbeat, name, overrides);
  }

  /** The watchdog of that name, not started; `overrides` count when it is made. */
  watchdog(name: string, overrides?: Omit<WatchdogOptions, "name">): Watchdog {
    return this.#get(components.watchdog, name, overrides);
  }

  /** The one shutdown of the application, not installed; `overrides` count when it is made. */
  shutdown(overrides?: GracefulShutdownOptions): GracefulShutdown {
    return this.#get(components.shutdown, components.shutdown.kind, overrides);
  }

  /**
   * Forgets the component of that kind (as its snapshot calls it) and name at once, and ends it: a heartbeat writes
   * `stopped`, a watchdog stops, what waits at a limiter is refused; a shutdown is uninstalled and not run. A breaker
   * that is still held elsewhere goes on working. The next call for the name makes a new one, by the overrides of that call.
   *
   * @returns whether there was one; resolves when it has ended.
   * @throws TypeError, as a rejection, for a kind or a name that is none; rejects with what ending it fails with.
   */
  release(kind: RegistryEvent["kind"], name: string): Promise<boolean>;
  release(kind: "shutdown"): Promise<boolean>;
  async release(kind: RegistryEvent["kind"], name: string = ""): Promise<boolean> {
    return this.#table.release(kind, kind === components.shutdown.kind ? kind : name);
  }

  /**
   * Adds a listener of every event of every component, of those that exist and those made later, until they are
   * released. Components make some payloads only while somebody listens: a listener costs each call a little.
   *
   * @returns a `Disposable` that removes the listener.
   * @throws TypeError when it is not a function.
   */
  on(listener: Listener<RegistryEvent>): Disposable {
    // The kinds and events are those of the descriptors.
    return this.#table.on(listener as Listener<AnyEvent>);
  }

  /** The components in the order of their making. */
  [Symbol.iterator](): IterableIterator<Component> {
    return this.#table[Symbol.iterator]();
  }

  /** What every instance says of itself at this moment: frozen, JSON-serialisable. */
  snapshot(): RegistrySnapshot {
    return Object.freeze({
      circuitBreakers: this.#table.snapshots(components.circuitBreaker),
      rateLimiters: this.#table.snapshots(components.rateLimiter),
      keyedRateLimiters: this.#table.snapshots(components.keyedRateLimiter),
      health: this.#table.snapshots(components.health),
      heartbeats: this.#table.snapshots(components.heartbeat),
      watchdogs: this.#table.snapshots(components.watchdog),
      shutdown: this.#table.snapshots(components.shutdown)["shutdown"] ?? null,
    });
  }

  /**
   * Runs the shutdown, during which the registry still serves, then ends every component, each even when another
   * one fails. A shutdown that is in progress already is not waited for: one of its callbacks may be what calls this.
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

  /** @internal Where its components get their options from. */
  get source(): ConfigurationSource {
    return this.#source ?? currentSource();
  }

  /** @internal Takes another source from now on, which is told of the components that there are. */
  follow(source: ConfigurationSource): void {
    this.#source = source;
    this.#table.tellMade(source);
  }

  #checkAlive(): void {
    if (this.#isEnded) throw new TypeError("this registry was disposed of; make a new one.");
  }

  #get<Instance extends AnyComponent>(
    descriptor: ComponentDescriptor<Instance, object>,
    name: string,
    overrides: object | undefined,
  ): Instance {
    this.#checkAlive();
    const options = descriptor.only === undefined ? { ...overrides, name } : (overrides ?? {});
    const make = (): Instance => descriptor.make(options);
    return this.#table.get(descriptor, name, options, () => this.#configured(make));
  }

  /** Runs `make` with this registry's configuration as the one that constructors read. */
  #configured<Made>(make: () => Made): Made {
    const pushed = pushSource(this.source);
    try {
      return make();
    } finally {
      pushed[Symbol.dispose]();
    }
  }
}
