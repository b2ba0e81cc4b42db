import { CircuitBreaker } from "./circuit-breaker/circuit-breaker.js";
import type { CircuitBreakerOptions } from "./circuit-breaker/options.js";
import type { CircuitSnapshot } from "./circuit-breaker/report.js";
import { checkConfiguration } from "./configure.js";
import type { ResilienceConfig } from "./descriptors.js";
import type { HeartbeatSnapshot } from "./heartbeat/announcer.js";
import { Heartbeat } from "./heartbeat/heartbeat.js";
import type { HeartbeatOptions } from "./heartbeat/options.js";
import type { Component, Snapshot } from "./kernel/component.js";
import { type Configuration, currentConfiguration, pushConfiguration } from "./kernel/configured.js";
import { checkName } from "./kernel/nearest.js";
import { Printed } from "./kernel/printed.js";
import { show } from "./kernel/show.js";
import { KeyedRateLimiter, type KeyedRateLimiterSnapshot } from "./rate-limiter/keyed-rate-limiter.js";
import type { KeyedRateLimiterOptions, RateLimiterOptions } from "./rate-limiter/options.js";
import { RateLimiter, type RateLimiterSnapshot } from "./rate-limiter/rate-limiter.js";
import { GracefulShutdown } from "./shutdown/graceful-shutdown.js";
import type { GracefulShutdownOptions } from "./shutdown/options.js";
import type { ShutdownSnapshot } from "./shutdown/snapshot.js";
import type { WatchdogOptions } from "./watchdog/options.js";
import type { WatchdogSnapshot } from "./watchdog/snapshot.js";
import { Watchdog } from "./watchdog/watchdog.js";

/** What a second call for an instance may not change: plain values are compared, functions and objects are not. */
function checkSame(kind: string, name: string, first: object, later: object): void {
  for (const [key, value] of Object.entries(later)) {
    if (value === undefined || typeof value === "function" || typeof value === "object") continue;
    const before: unknown = Reflect.get(first, key);
    if (before === value) continue;
    throw new TypeError(
      `${kind} ${show(name)} was made with ${key} ${show(before)}; got ${show(value)} now. Overrides count when the instance is made: give them once, or the same.`,
    );
  }
}

class Instances<Options extends object, Told extends Snapshot, Instance extends { snapshot(): Told }> {
  readonly #kind: string;
  readonly #make: (options: Options & { name: string }) => Instance;
  readonly #found = new Map<string, { readonly instance: Instance; readonly overrides: object }>();

  constructor(kind: string, make: (options: Options & { name: string }) => Instance) {
    this.#kind = kind;
    this.#make = make;
  }

  get(name: string, overrides: Options | undefined): { instance: Instance; isNew: boolean } {
    const found = this.#at(name);
    if (found !== undefined) {
      if (overrides !== undefined) checkSame(this.#kind, name, found.overrides, overrides);
      return { instance: found.instance, isNew: false };
    }
    const options = overrides ?? {};
    const instance = this.#make({ ...(options as Options), name });
    this.#found.set(name, { instance, overrides: { ...options } });
    return { instance, isNew: true };
  }

  /** Forgets an instance; returns it, when there was one. */
  take(name: string): Instance | undefined {
    const found = this.#at(name);
    this.#found.delete(name);
    return found?.instance;
  }

  #at(name: string): { readonly instance: Instance; readonly overrides: object } | undefined {
    if (typeof name === "string" && name !== "") return this.#found.get(name);
    throw new TypeError(`the name of a ${this.#kind} must be a string that is not empty; got ${show(name)}.`);
  }

  snapshot(): ByName<Told> {
    return Object.freeze(
      Object.fromEntries([...this.#found].map(([name, { instance }]) => [name, instance.snapshot()])),
    );
  }
}

type ByName<Value> = Readonly<Record<string, Value>>;

type Ending = Component & Partial<Disposable & AsyncDisposable>;

async function end(component: Ending): Promise<void> {
  if (component[Symbol.asyncDispose] === undefined) component[Symbol.dispose]?.();
  else await component[Symbol.asyncDispose]?.();
}

/** The snapshots of all instances of a {@link Registry}, by kind and name. */
export interface RegistrySnapshot {
  readonly circuitBreakers: ByName<CircuitSnapshot>;
  readonly rateLimiters: ByName<RateLimiterSnapshot>;
  readonly keyedRateLimiters: ByName<KeyedRateLimiterSnapshot>;
  readonly heartbeats: ByName<HeartbeatSnapshot>;
  readonly watchdogs: ByName<WatchdogSnapshot>;
  readonly shutdown: ShutdownSnapshot | null;
}

/**
 * The named components of an application: one instance a name, made when it is first asked for, from the
 * configuration and overrides. The configuration is what `loadConfig` gave, or the same written in code; without one
 * it is the process-wide configuration at the time an instance is made. Nothing is started: call `start()` or
 * `install()` on what you get.
 *
 * Names are few, those of services and loops, and are kept until {@link Registry.release}: a name for each client or
 * request is a leak, and a `KeyedRateLimiter` what is wanted.
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
 * ```
 */
export class Registry extends Printed implements AsyncDisposable {
  readonly #configuration: Configuration | undefined;
  readonly #made = new Set<Ending>();
  readonly #circuitBreakers = new Instances<CircuitBreakerOptions, CircuitSnapshot, CircuitBreaker>(
    "circuit breaker",
    (options) => new CircuitBreaker(options),
  );
  readonly #rateLimiters = new Instances<RateLimiterOptions, RateLimiterSnapshot, RateLimiter>(
    "rate limiter",
    (options) => new RateLimiter(options),
  );
  readonly #keyedRateLimiters = new Instances<
    KeyedRateLimiterOptions,
    KeyedRateLimiterSnapshot,
    KeyedRateLimiter
  >("keyed rate limiter", (options) => new KeyedRateLimiter(options));
  readonly #heartbeats = new Instances<HeartbeatOptions, HeartbeatSnapshot, Heartbeat>(
    "heartbeat",
    (options) => new Heartbeat(options),
  );
  readonly #watchdogs = new Instances<WatchdogOptions, WatchdogSnapshot, Watchdog>(
    "watchdog",
    (options) => new Watchdog(options),
  );
  readonly #kinds = {
    "circuit-breaker": this.#circuitBreakers,
    "rate-limiter": this.#rateLimiters,
    "keyed-rate-limiter": this.#keyedRateLimiters,
    heartbeat: this.#heartbeats,
    watchdog: this.#watchdogs,
  } satisfies Record<Exclude<Snapshot["kind"], "shutdown">, { take(name: string): Ending | undefined }>;
  #shutdown: { readonly instance: GracefulShutdown; readonly overrides: object } | undefined;
  #disposal: Promise<void> | undefined;
  #isEnded = false;

  constructor(config?: ResilienceConfig) {
    super();
    this.#configuration = config === undefined ? undefined : checkConfiguration(config);
  }

  /** The circuit breaker of that name; `overrides` count when it is made. */
  circuitBreaker(name: string, overrides?: Omit<CircuitBreakerOptions, "name">): CircuitBreaker {
    return this.#get(this.#circuitBreakers, name, overrides);
  }

  /** The rate limiter of that name; `overrides` count when it is made. */
  rateLimiter(name: string, overrides?: Omit<RateLimiterOptions, "name">): RateLimiter {
    return this.#get(this.#rateLimiters, name, overrides);
  }

  /** The keyed rate limiter of that name; `overrides` count when it is made. */
  keyedRateLimiter(name: string, overrides?: Omit<KeyedRateLimiterOptions, "name">): KeyedRateLimiter {
    return this.#get(this.#keyedRateLimiters, name, overrides);
  }

  /** The heartbeat of that name, not started; `overrides` count when it is made. */
  heartbeat(name: string, overrides?: Omit<HeartbeatOptions, "name">): Heartbeat {
    return this.#get(this.#heartbeats, name, overrides);
  }

  /** The watchdog of that name, not started; `overrides` count when it is made. */
  watchdog(name: string, overrides?: Omit<WatchdogOptions, "name">): Watchdog {
    return this.#get(this.#watchdogs, name, overrides);
  }

  /** The one shutdown of the application, not installed; `overrides` count when it is made. */
  shutdown(overrides?: GracefulShutdownOptions): GracefulShutdown {
    this.#checkAlive();
    if (this.#shutdown !== undefined)
      checkSame("shutdown", "shutdown", this.#shutdown.overrides, overrides ?? {});
    this.#shutdown ??= {
      instance: this.#configured(() => new GracefulShutdown(overrides)),
      overrides: { ...overrides },
    };
    return this.#shutdown.instance;
  }

  /**
   * Forgets the component of that kind (as its snapshot calls it) and name at once, and ends it: a heartbeat writes
   * `stopped`, a watchdog stops, what waits at a limiter is refused; a shutdown is uninstalled and not run. Who still
   * holds a breaker may go on using it. The next call for the name makes a new one, by the overrides of that call.
   *
   * @returns whether there was one; resolves when it has ended.
   * @throws TypeError, as a rejection, for a kind or a name that is none; rejects with what ending it fails with.
   */
  release(kind: Snapshot["kind"], name: string): Promise<boolean>;
  release(kind: "shutdown"): Promise<boolean>;
  async release(kind: Snapshot["kind"], name: string = ""): Promise<boolean> {
    checkName(kind, { ...this.#kinds, shutdown: true }, "a kind of component");
    if (kind === "shutdown") {
      const found = this.#shutdown?.instance;
      this.#shutdown = undefined;
      found?.uninstall();
      return found !== undefined;
    }
    const found: Ending | undefined = this.#kinds[kind].take(name);
    if (found === undefined) return false;
    this.#made.delete(found);
    await end(found);
    return true;
  }

  /** What every instance says of itself at this moment: frozen, JSON-serialisable. */
  snapshot(): RegistrySnapshot {
    return Object.freeze({
      circuitBreakers: this.#circuitBreakers.snapshot(),
      rateLimiters: this.#rateLimiters.snapshot(),
      keyedRateLimiters: this.#keyedRateLimiters.snapshot(),
      heartbeats: this.#heartbeats.snapshot(),
      watchdogs: this.#watchdogs.snapshot(),
      shutdown: this.#shutdown?.instance.snapshot() ?? null,
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
    const failures: unknown[] = [];
    const tryToEnd = async (component: Ending): Promise<void> => {
      try {
        await end(component);
      } catch (error) {
        failures.push(error);
      }
    };
    const shutdown = this.#shutdown?.instance;
    if (shutdown !== undefined && !shutdown.isShuttingDown) await tryToEnd(shutdown);
    this.#isEnded = true;
    for (const component of [...this.#made].toReversed()) await tryToEnd(component);
    if (failures.length > 0) throw new AggregateError(failures, "some components could not be ended");
  }

  #checkAlive(): void {
    if (this.#isEnded) throw new TypeError("this registry was disposed of; make a new one.");
  }

  #get<Options extends object, Instance extends Ending>(
    instances: Instances<Options, Snapshot, Instance>,
    name: string,
    overrides: Options | undefined,
  ): Instance {
    this.#checkAlive();
    const { instance, isNew } = this.#configured(() => instances.get(name, overrides));
    if (isNew) this.#made.add(instance);
    return instance;
  }

  /** Runs `make` with this registry's configuration as the one that constructors read. */
  #configured<Made>(make: () => Made): Made {
    const pushed = pushConfiguration(this.#configuration ?? currentConfiguration());
    try {
      return make();
    } finally {
      pushed[Symbol.dispose]();
    }
  }
}
