import { throwIfAborted } from "../kernel/abort.js";
import type { Component } from "../kernel/component.js";
import { contextFor, type ExecutionContext } from "../kernel/context.js";
import type { Duration } from "../kernel/duration.js";
import { tellMade } from "../kernel/configured.js";
import { resolveLocalOptions } from "../kernel/local-options.js";
import { checkFunction, runAbortable, type SyncPolicy } from "../kernel/policy.js";
import { synchronous, type NotAPromise, type Synchronous } from "../kernel/synchronous.js";
import type { AnyFunction, AsyncOf, SyncOf, SyncRest } from "../kernel/wrap.js";
import { onePolicy } from "../kernel/wrapper.js";
import { type LimitedExecuteOptions, readExecution } from "./execution.js";
import { type Limited, limitAsync, limitSync, RECIPE } from "./limited.js";
import { QueuedLimiter } from "./queued-limiter.js";
import {
  limitsOf,
  type RateLimiterOptions,
  type RateLimitChanges,
  type RateLimiterSettings,
  rateLimiterRules,
  updated,
} from "./options.js";
import {
  type AcquireOptions,
  type AcquireSyncOptions,
  checkCost,
  parsePause,
  readRequest,
  type ReserveOptions,
  reserveTimeout,
  type WrapOptions,
} from "./request.js";
import { RateLimiterReport } from "./report.js";
import type { Reservation } from "./reservation.js";
import { TokenBucket } from "./token-bucket.js";
import { Metrics } from "./metrics.js";

/**
 * A token bucket: `rate` tokens flow in each `per`, `burst` is what it holds, a request takes `cost` of them.
 * In any window of length t it admits at most `burst + rate * t / per`; if waiters and reservations share a
 * limiter, they count at the times when their turns were due.
 *
 * Waiting is first in, first out, and nobody overtakes: neither `tryAcquire` nor a cheaper request. A waiter
 * keeps the process alive; a limiter without waiters has no timer.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { RateLimiter, RateLimitExceededError } from "@kstlib/resilience";
 *
 * const limiter = new RateLimiter({ rate: 2, per: 1, burst: 2 });
 * await limiter.acquire();
 * console.assert(limiter.tryAcquire());
 * console.assert(!limiter.tryAcquire());
 * await limiter.acquire({ timeout: "1s" });
 * console.assert(limiter.stats.totalAcquired === 3);
 * const refused = await limiter.acquire({ timeout: 0 }).catch((error: unknown) => error);
 * console.assert(refused instanceof RateLimitExceededError && refused.retryAfter > 0);
 * ```
 */
export class RateLimiter extends RateLimiterReport implements SyncPolicy, Component {
  readonly #limiter: QueuedLimiter<void>;
  readonly #metrics: Metrics<void, object>;
  #settings: RateLimiterSettings;

  constructor(options?: RateLimiterOptions) {
    const settings = resolveLocalOptions("RateLimiter", rateLimiterRules, options, "rateLimiter");
    const source = { kind: "rate-limiter", name: settings.name } as const;
    const metrics: Metrics<void, object> = new Metrics(source, ["acquired", "rejected"], () => ({}));
    const bucket = new TokenBucket(limitsOf(settings));
    const limiter = new QueuedLimiter(settings, bucket, metrics, undefined);
    super(settings.name, bucket, limiter, metrics);
    this.#settings = settings;
    this.#metrics = metrics;
    this.#limiter = limiter;
    tellMade(this, "rate-limiter", options);
  }

  /**
   * Takes the tokens if they are there and nobody waits for them; a refusal changes nothing.
   *
   * @param cost a number above 0, up to the burst.
   * @throws TypeError or RangeError when the cost makes no sense.
   * @throws RateLimitError with `ERR_RATE_LIMIT_COST` when it is above the burst.
   */
  tryAcquire(cost: number = 1): boolean {
    checkCost(cost, this.burst);
    const admitted = this.#limiter.take(cost);
    if (admitted) this.#metrics.admitted(cost, 0);
    else this.#metrics.refused(cost, this.#metrics.tellsRefusals ? this.#limiter.wait(cost) : 0);
    return admitted;
  }

  /**
   * Resolves when the tokens were taken, in the order of the calls.
   *
   * @throws never synchronously; rejects with a {@link RateLimitExceededError} at once when the turn cannot
   * come before the timeout or `maxQueue` requests wait, with a {@link RateLimitError} when the cost is above
   * the burst, with `signal.reason` when the wait is aborted.
   */
  async acquire(options?: AcquireOptions): Promise<void> {
    await this.#limiter.admit(readRequest("acquire", options, this.burst));
  }

  /**
   * Blocks the thread until the tokens were taken, without burning CPU: for scripts and worker threads. Waits
   * behind those who came before, whose promises resolve once the thread is free again.
   *
   * @throws RateLimitExceededError at once when the turn cannot come before the timeout or `maxQueue` requests wait.
   * @throws RateLimitError with `ERR_RATE_LIMIT_COST` when the cost is above the burst.
   */
  acquireSync(options?: AcquireSyncOptions): void {
    this.#limiter.admitSync(readRequest("acquireSync", options, this.burst, "sync"));
  }

  /**
   * Takes the tokens and returns at once; use them after `delay` seconds. A later pause or change of the limits
   * does not move that time.
   *
   * @param cost a number above 0, up to the burst.
   * @throws RateLimitExceededError when its time is later than `timeout`, `maxQueue` wait, or a pause has no end.
   * @throws RateLimitError with `ERR_RATE_LIMIT_COST` when the cost is above the burst.
   */
  reserve(cost: number = 1, options?: ReserveOptions): Reservation {
    checkCost(cost, this.burst);
    return this.#limiter.reserve(cost, reserveTimeout(options));
  }

  /**
   * Waits for its turn, then runs `fn` and settles as it does. When `signal` aborts, before or after, the
   * promise rejects at once; until `fn` runs, an abort gives back what was taken. It waits no longer than `remaining`,
   * and `fn` gets what the wait has left of it.
   *
   * @throws never synchronously; rejects as {@link acquire} does, or with what `fn` throws.
   */
  async execute<Result>(
    fn: (context: ExecutionContext) => Result | PromiseLike<Result>,
    options?: LimitedExecuteOptions,
  ): Promise<Result> {
    checkFunction(fn, "execute", RECIPE);
    const { context, request } = readExecution("execute", options, this.burst, this.#settings.clock);
    const { signal } = request;
    const turn = this.#limiter.admit(request, signal !== undefined);
    // Run at once, an abort in the same tick finds it running and not a token spent for nothing.
    if (turn) {
      const waiter = await turn;
      if (signal?.aborted) {
        this.#limiter.settle(waiter, 0);
        throw signal.reason;
      }
    }
    return runAbortable(fn, context);
  }

  /**
   * Blocks the thread until its turn, then runs the synchronous `fn` and returns its result. An aborted `signal` keeps
   * it from waiting and running. Throws as {@link acquireSync} does, `signal.reason`, or what `fn` throws.
   */
  executeSync<Result>(
    fn: ((context: ExecutionContext) => Result) & Synchronous<Result>,
    options?: LimitedExecuteOptions,
  ): NotAPromise<Result> {
    checkFunction(fn, "executeSync", RECIPE);
    const { context, request } = readExecution("executeSync", options, this.burst, this.#settings.clock);
    throwIfAborted(request.signal);
    this.#limiter.admitSync(request);
    return synchronous(fn(contextFor(fn, context)), "Use execute for it.");
  }

  /**
   * Makes a function that waits for its turn, then calls `fn`: same `this` and parameters, always a promise. With
   * `signal`, one for all calls or a function that finds the call's own, the wait can be given up.
   *
   * @example
   * ```ts
   * import { RateLimiter } from "@kstlib/resilience";
   *
   * const limiter = new RateLimiter({ rate: 1, per: 60 });
   * const ask = async (question: string, options: { signal?: AbortSignal } = {}) => `${question} 42`;
   * const limited = limiter.wrap(ask, { signal: (_question, { signal } = {}) => signal });
   * console.assert((await limited("6 * 7 =")) === "6 * 7 = 42");
   * const waiting = limited("and now?", { signal: AbortSignal.timeout(10) }).catch((error: Error) => error.name);
   * console.assert((await waiting) === "TimeoutError");
   * ```
   */
  wrap<Fn extends AnyFunction>(
    fn: Fn,
    options?: WrapOptions<Parameters<Fn>>,
  ): AsyncOf<Fn> & Limited<RateLimiter>;
  wrap(fn: AnyFunction, options?: WrapOptions): unknown {
    return limitAsync(onePolicy(this), options, fn, () => this);
  }

  /** Makes a function that blocks the thread until its turn, then calls `fn`: same `this`, parameters and result. */
  wrapSync<Fn extends AnyFunction>(
    fn: Fn,
    ...options: SyncRest<Fn, [options?: AcquireSyncOptions]>
  ): SyncOf<Fn> & Limited<RateLimiter>;
  wrapSync(fn: AnyFunction, options?: AcquireSyncOptions): unknown {
    return limitSync(onePolicy(this), options, fn);
  }

  /**
   * Admits nobody for this long, as an upstream's `Retry-After` asks; tokens go on flowing in. A shorter pause
   * does not end a longer one early. Waiters whose timeout can no longer be met are refused at once.
   * What an upstream asks is data, not an option: any number of seconds is accepted. 0 or less, NaN, `undefined` and
   * `null` are no pause; Infinity lasts until {@link reset}.
   *
   * @param duration seconds, or a string with a unit; use `retryAfterSeconds` to read a response or a header.
   * @throws TypeError when it is anything else, such as the text of a header.
   * @example
   * ```ts
   * import { RateLimiter, retryAfterSeconds } from "@kstlib/resilience";
   *
   * const limiter = new RateLimiter({ rate: 10 });
   * const response = new Response(null, { status: 429, headers: { "Retry-After": "7200" } });
   * if (response.status === 429) limiter.pauseFor(retryAfterSeconds(response) ?? 5);
   * console.assert(limiter.timeUntilToken() > 7199);
   * ```
   */
  pauseFor(duration: Duration | null | undefined): void {
    const milliseconds = parsePause(duration);
    if (milliseconds > 0) this.#limiter.pause(milliseconds);
  }

  /**
   * Changes the limits. Those not given stay, and a burst that was never given follows the rate. Tokens are kept,
   * up to the new burst. Waiters keep their order; one that can no longer be served in time is refused at once, as is
   * everybody for whom no token is left when the rate becomes 0.
   */
  update(changes: RateLimitChanges): void {
    const { settings, limits } = updated(this.#settings, changes);
    // Before the change: a listener of a refusal may update them again.
    this.#settings = settings;
    this.#limiter.change(limits, settings);
  }

  /** Fills the bucket and ends a pause. Waiters are served in order, as far as it goes. Totals are kept. */
  reset(): void {
    this.#limiter.reset();
  }

  /**
   * Refuses all waiters with a {@link RateLimitError} (`ERR_RATE_LIMIT_DISPOSED`), and all who would have to wait.
   */
  [Symbol.dispose](): void {
    this.#limiter.dispose();
  }
}
