import type { Component } from "../../kernel/component.js";
import type { ExecutionContext } from "../../kernel/context.js";
import type { Duration } from "../../kernel/duration.js";
import { checkFunction, runAbortable } from "../../kernel/policy.js";
import type { AnyFunction, AsyncOf } from "../../kernel/wrap.js";
import { onePolicy } from "../../kernel/wrapper.js";
import { type LimitedExecuteOptions, readExecution } from "../../rate-limiter/execution.js";
import { idOf } from "../../rate-limiter/key-hash.js";
import { type Limited, limitAsync, RECIPE } from "../../rate-limiter/limited.js";
import { Metrics } from "../../rate-limiter/metrics.js";
import {
  type AcquireOptions,
  checkCost,
  type KeyedWrapOptions,
  parsePause,
  readKeyed,
  readRequest,
} from "../../rate-limiter/request.js";
import type { Reservation } from "../../rate-limiter/reservation.js";
import { SharedBuckets } from "./shared-buckets.js";
import {
  resolveShared,
  type SharedKeyedRateLimiterOptions,
  sharedKeyedRateLimiterRules,
  type SharedRateLimitChanges,
} from "./shared-options.js";
import { type SharedKeyedRateLimiterSnapshot, SharedReport } from "./shared-report.js";

/**
 * A {@link SharedRateLimiter} for each key, such as a client, a user or an address: the key comes first. The store keeps a
 * key until its bucket is full. Up to 32 keys of one tick are one round trip, but in a cluster, where each has its own.
 *
 * @throws TypeError or RangeError that names the option when one is missing, unknown, of the wrong type or out of range.
 * @example
 * ```ts no-check: needs a server
 * import { SharedKeyedRateLimiter } from "@kstlib/resilience/redis";
 *
 * const perClient = new SharedKeyedRateLimiter({ client, name: "clients", rate: 5, per: "1m" });
 * if (!(await perClient.tryAcquire("198.51.100.7"))) response.status(429);
 * ```
 */
export class SharedKeyedRateLimiter extends SharedReport<{ readonly key: string }> implements Component {
  /** The longest key that is used as it is, in UTF-16 units; a longer one is known by its hash. */
  readonly maxKeyLength: number;
  readonly #buckets: SharedBuckets;

  constructor(options: SharedKeyedRateLimiterOptions) {
    const settings = resolveShared("SharedKeyedRateLimiter", sharedKeyedRateLimiterRules, options);
    const { name, keyPrefix, tiers } = settings;
    const source = { kind: "shared-keyed-rate-limiter", name } as const;
    const metrics = new Metrics<string, { readonly key: string }>(
      source,
      ["acquired", "rejected"],
      (key) => ({
        key,
      }),
    );
    const buckets = new SharedBuckets(settings, metrics, (id) => {
      // The tiers of one key are in one slot of a cluster, the keys in all of them.
      const key = `${keyPrefix}limiter:{${name}:${id}}`;
      return tiers === undefined ? [key] : tiers.map((_, tier) => `${key}:${tier}`);
    });
    super(buckets, metrics);
    this.maxKeyLength = settings.maxKeyLength;
    this.#buckets = buckets;
  }

  /** As `SharedRateLimiter.tryAcquire`, for one key: any string. */
  async tryAcquire(key: string, cost: number = 1): Promise<boolean> {
    const id = idOf(key, this.maxKeyLength);
    checkCost(cost, this.burst);
    return this.#buckets.take(id, cost);
  }

  /** As `SharedRateLimiter.acquire`, for one key. */
  async acquire(key: string, options?: AcquireOptions): Promise<void> {
    const id = idOf(key, this.maxKeyLength);
    await this.#buckets.admit(id, readRequest("acquire", options, this.burst));
  }

  /** As `SharedRateLimiter.reserve`, for one key. */
  async reserve(key: string, cost: number = 1): Promise<Reservation> {
    const id = idOf(key, this.maxKeyLength);
    checkCost(cost, this.burst);
    return this.#buckets.reserve(id, cost);
  }

  /** As `SharedRateLimiter.execute`, for one key. */
  async execute<Result>(
    key: string,
    fn: (context: ExecutionContext) => Result | PromiseLike<Result>,
    options?: LimitedExecuteOptions,
  ): Promise<Result> {
    const id = idOf(key, this.maxKeyLength);
    checkFunction(fn, "execute", RECIPE);
    const { context, request } = readExecution("execute", options, this.burst, this.#buckets.clock);
    await this.#buckets.admitUnlessAborted(id, request);
    return runAbortable(fn, context);
  }

  /**
   * Makes a function that waits for the turn of the call's key, then calls `fn`: same `this` and parameters, always a
   * promise.
   *
   * @throws TypeError or RangeError that names the option when one is missing, unknown or wrong.
   */
  wrap<Fn extends AnyFunction>(
    fn: Fn,
    options: KeyedWrapOptions<Parameters<Fn>>,
  ): AsyncOf<Fn> & Limited<SharedKeyedRateLimiter>;
  wrap(fn: AnyFunction, options: KeyedWrapOptions): unknown {
    const { key: keyOf, ...own } = readKeyed(options);
    return limitAsync(onePolicy(this), own, fn, (_limiter, self, args) => {
      const key = Reflect.apply(keyOf, self, args);
      return {
        acquire: (request) => this.acquire(key, request),
        execute: (run, request) => this.execute(key, run, request),
      };
    });
  }

  /** As `SharedRateLimiter.pauseFor`, for one key. */
  async pauseFor(key: string, duration: Duration | null | undefined): Promise<boolean> {
    const id = idOf(key, this.maxKeyLength);
    const milliseconds = parsePause(duration);
    return milliseconds > 0 ? this.#buckets.pause(id, milliseconds) : true;
  }

  /** As `SharedRateLimiter.timeUntilToken`, for one key. */
  async timeUntilToken(key: string, cost: number = 1): Promise<number> {
    const id = idOf(key, this.maxKeyLength);
    checkCost(cost, this.burst);
    return this.#buckets.wait(id, cost);
  }

  /** As `SharedRateLimiter.update`, for all keys. */
  update(changes: SharedRateLimitChanges): void {
    this.#buckets.update(changes);
  }

  /** What the limiter is at this moment in this process: frozen, JSON-serialisable. */
  snapshot(): SharedKeyedRateLimiterSnapshot {
    return Object.freeze({ kind: "shared-keyed-rate-limiter", ...this.shown() });
  }
}
