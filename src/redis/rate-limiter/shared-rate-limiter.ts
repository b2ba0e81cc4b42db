import type { Component } from "../../kernel/component.js";
import { contextOfCall, type ExecutionContext } from "../../kernel/context.js";
import type { Duration } from "../../kernel/duration.js";
import { join } from "../../kernel/living.js";
import { checkFunction, type Policy, runAbortable } from "../../kernel/policy.js";
import type { AnyFunction, AsyncOf } from "../../kernel/wrap.js";
import { onePolicy } from "../../kernel/wrapper.js";
import { type LimitedExecuteOptions, readExecution } from "../../rate-limiter/execution.js";
import { type Limited, limitAsync, RECIPE } from "../../rate-limiter/limited.js";
import { Metrics } from "../../rate-limiter/metrics.js";
import {
  type AcquireOptions,
  checkCost,
  parsePause,
  readRequest,
  type WrapOptions,
} from "../../rate-limiter/request.js";
import type { Reservation } from "../../rate-limiter/reservation.js";
import { nameInKeys } from "./key-form.js";
import { SharedBuckets } from "./shared-buckets.js";
import {
  resolveShared,
  type SharedRateLimitChanges,
  type SharedRateLimiterOptions,
  sharedRateLimiterRules,
} from "./shared-options.js";
import { SharedReport, type SharedRateLimiterSnapshot } from "./shared-report.js";

/** The only key of a limiter that has no keys. */
const ALL = "";

/**
 * A token bucket that all processes share which give it the same name, on a server of Redis (6.0 or newer) or Valkey: in
 * any window of length t at most `burst + rate * t / per` is admitted in all of them together. It decides as a
 * {@link RateLimiter} does, in exact integers on the server's clock.
 *
 * All requests of one tick are one round trip. A refusal is remembered until its time has come, 1 s at most, so that a
 * flood of refused requests costs none. Waiting is first in, first out within a process; between processes there is no
 * order. A waiter keeps the process alive; nothing else here does.
 *
 * A server whose `maxmemory-policy` may evict keys forgets limits: use `noeviction`.
 *
 * @throws TypeError or RangeError that names the option when one is missing, unknown, of the wrong type or out of range.
 * @example
 * ```ts no-check: needs a server
 * import { GracefulShutdown } from "@kstlib/resilience";
 * import { SharedRateLimiter } from "@kstlib/resilience/redis";
 * import { createClient } from "redis";
 *
 * const client = await createClient({ url: "redis://localhost" }).connect();
 * const limiter = new SharedRateLimiter({ client, name: "exchange", rate: 1200, per: "1m", burst: 50 });
 * await limiter.acquire();
 *
 * const shutdown = new GracefulShutdown();
 * // Who waits is refused, tokens taken ahead go back; then the client may be closed.
 * shutdown.register("limiter", async () => {
 *   await limiter.close();
 *   await client.close();
 * });
 * ```
 */
export class SharedRateLimiter extends SharedReport<object> implements Policy, Component {
  readonly #buckets: SharedBuckets;
  readonly #keys: readonly string[];

  constructor(options: SharedRateLimiterOptions) {
    const settings = resolveShared("SharedRateLimiter", sharedRateLimiterRules, options);
    const { name, keyPrefix, tiers } = settings;
    const source = { kind: "shared-rate-limiter", name } as const;
    const metrics: Metrics<string, object> = new Metrics(source, ["acquired", "rejected"], () => ({}));
    const key = `${keyPrefix}limiter:{${nameInKeys(name)}}`;
    // A request has a bucket in each tier, all in one slot of a cluster.
    const keys = tiers === undefined ? [key] : tiers.map((_, tier) => `${key}:${tier}`);
    const buckets = new SharedBuckets(settings, metrics, () => keys);
    super(buckets, metrics);
    this.#buckets = buckets;
    this.#keys = keys;
    join(this);
  }

  /**
   * Takes the tokens if they are there and nobody in this process waits for them; a refusal changes nothing.
   *
   * @param cost a number above 0, up to the burst.
   * @throws TypeError or RangeError when the cost makes no sense, RateLimitError with `ERR_RATE_LIMIT_COST` when it is above
   *   the burst; with `onStoreError: "closed"`, a {@link StoreError} when the store does not decide.
   */
  async tryAcquire(cost: number = 1): Promise<boolean> {
    checkCost(cost, this.burst);
    return this.#buckets.take(ALL, cost);
  }

  /**
   * Resolves when the tokens were taken, in the order of the calls in this process.
   *
   * @throws never synchronously; rejects with a {@link RateLimitExceededError} as soon as the store has told that the turn
   *   cannot come before the timeout, or that `maxQueue` requests wait; as {@link tryAcquire} does, or with
   *   `signal.reason` when the wait is aborted.
   */
  async acquire(options?: AcquireOptions): Promise<void> {
    await this.#buckets.admit(ALL, readRequest("acquire", options, this.burst));
  }

  /**
   * Takes tokens that are there now. Those not used go back by `commit(actual)` or `cancel`, as far as the bound on every
   * window allows; those used beyond are taken as soon as they are there, before anybody who asks in this process later.
   *
   * @throws RateLimitExceededError when they are not there; what {@link tryAcquire} throws.
   */
  async reserve(cost: number = 1): Promise<Reservation> {
    checkCost(cost, this.burst);
    return this.#buckets.reserve(ALL, cost);
  }

  /**
   * Waits for its turn, then runs `fn` and settles as it does. Until `fn` runs, an abort of `signal` gives back what was
   * taken.
   *
   * @throws never synchronously; rejects as {@link acquire} does, or with what `fn` throws.
   */
  async execute<Result>(
    fn: (context: ExecutionContext) => Result | PromiseLike<Result>,
    options?: LimitedExecuteOptions,
  ): Promise<Result> {
    checkFunction(fn, "execute", RECIPE);
    const { context, request } = readExecution("execute", options, this.burst, this.#buckets.clock);
    await this.#buckets.admitUnlessAborted(ALL, request);
    return runAbortable(fn, context);
  }

  /** Waits for its turn, then calls `fn(...args)`. Never throws synchronously; rejects as {@link execute} does. */
  async call<Args extends unknown[], Result>(
    fn: (...args: Args) => Result,
    ...args: Args
  ): Promise<Awaited<Result>> {
    checkFunction(fn, "call", RECIPE);
    const { source } = contextOfCall(args);
    await this.#buckets.admitUnlessAborted(ALL, { cost: 1, timeout: Infinity, signal: source });
    return await fn(...args);
  }

  /** Makes a function that waits for its turn, then calls `fn`: same `this` and parameters, always a promise. */
  wrap<Fn extends AnyFunction>(
    fn: Fn,
    options?: WrapOptions<Parameters<Fn>>,
  ): AsyncOf<Fn> & Limited<SharedRateLimiter>;
  wrap(fn: AnyFunction, options?: WrapOptions): unknown {
    return limitAsync(onePolicy(this), options, fn, () => this);
  }

  /**
   * Admits nobody for this long in any process, as an upstream's `Retry-After` asks; tokens go on flowing in. This process
   * knows at once, the others with their next question. A shorter pause does not end a longer one early. What an upstream
   * asks is data: 0 or less, NaN, `undefined` and `null` are no pause.
   *
   * @param duration seconds, or a string with a unit.
   * @returns whether the store knows; never rejects for it.
   * @throws TypeError when the duration is neither a number nor a string with a unit.
   */
  pauseFor(duration: Duration | null | undefined): Promise<boolean> {
    const milliseconds = parsePause(duration);
    return milliseconds > 0
      ? this.#buckets.control.hold(this.#keys.slice(0, 1), milliseconds, "pause", ALL)
      : Promise.resolve(true);
  }

  /**
   * Seconds until a request that comes now would be admitted, behind those who wait in this process.
   *
   * @throws StoreError when the store does not tell.
   */
  async timeUntilToken(cost: number = 1): Promise<number> {
    checkCost(cost, this.burst);
    return this.#buckets.wait(ALL, cost);
  }

  /**
   * How many tokens are in the bucket now, with fractions, even during a pause; of several tiers, what all have. Those that
   * instances have taken ahead, as `lease` allows, are in none.
   *
   * @throws StoreError when the store does not tell.
   */
  async tokens(): Promise<number> {
    return this.#buckets.tokens(ALL);
  }

  /**
   * Fills the bucket and ends a pause, for all processes; waiters here are served at once as far as the tokens go, those
   * elsewhere within 5 s. Totals are kept.
   *
   * @returns whether the store has done it; never rejects. After `false` it may still have been done.
   */
  reset(): Promise<boolean> {
    return this.#buckets.control.reset(this.#keys, ALL);
  }

  /**
   * Changes the limits in this process: tell every process. While they differ, they share time and not tokens, so that in
   * all no more is admitted than by the faster limits and the longer time to fill. Waiters keep their order; one whose
   * cost is above the new burst is refused.
   *
   * @throws TypeError or RangeError that names the option.
   */
  update(changes: SharedRateLimitChanges): void {
    this.#buckets.update(changes);
  }

  /** What the limiter is at this moment in this process: frozen, JSON-serialisable. */
  snapshot(): SharedRateLimiterSnapshot {
    return Object.freeze({ kind: "shared-rate-limiter", ...this.shown() });
  }
}
