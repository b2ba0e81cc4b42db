import { type Abortable, throwIfAborted } from "../kernel/abort.js";
import type { Component } from "../kernel/component.js";
import type { ExecutionContext } from "../kernel/context.js";
import type { Duration } from "../kernel/duration.js";
import { tellMade } from "../kernel/configured.js";
import { resolveLocalOptions } from "../kernel/local-options.js";
import { checkFunction, runAbortable } from "../kernel/policy.js";
import type { AnyFunction, AsyncOf } from "../kernel/wrap.js";
import { onePolicy } from "../kernel/wrapper.js";
import type { Limits } from "./bucket.js";
import { RateLimitExceededError } from "./errors.js";
import { type LimitedExecuteOptions, readExecution } from "./execution.js";
import { idOf } from "./key-hash.js";
import { KeyPlaces } from "./key-places.js";
import { KeyedBuckets } from "./keyed-buckets.js";
import { type KeyedMetrics, KeyedReport } from "./keyed-report.js";
import { type Limited, limitAsync, RECIPE } from "./limited.js";
import type { QueuedLimiter } from "./queued-limiter.js";
import { type KeyedRateLimiterOptions, keyedRateLimiterRules } from "./keyed-options.js";
import { limitsOf, type RateLimitChanges, updated } from "./options.js";
import {
  type AcquireOptions,
  checkCost,
  checkTokens,
  type KeyedWrapOptions,
  parsePause,
  readKeyed,
  readRequest,
  type Request,
  type ReserveOptions,
  reserveTimeout,
} from "./request.js";
import type { Reservation } from "./reservation.js";
import { Metrics } from "./metrics.js";

/**
 * One bucket per key, all with the same limits unless `limits` says otherwise: for limits per client, user or address.
 * An unknown key has a full bucket, so forgetting a full bucket changes no decision.
 *
 * It knows at most `maxKeys` keys, in less than 60 bytes each in addition to a copy of the key and its own limits, and has
 * timers only for keys with requests that wait in `acquire`. With `onFull: "evict"`, an attacker who invents keys can evict
 * others, whose buckets are then full too early; with `"deny"`, the attacker can lock out new keys instead.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { KeyedRateLimiter } from "@kstlib/resilience";
 *
 * const perClient = new KeyedRateLimiter({ rate: 5, per: "1m", maxKeys: 10_000 });
 * for (let request = 0; request < 5; request++) console.assert(perClient.tryAcquire("198.51.100.7"));
 * console.assert(!perClient.tryAcquire("198.51.100.7"));
 * console.assert(perClient.tryAcquire("203.0.113.9"));
 * ```
 */
export class KeyedRateLimiter extends KeyedReport implements Component {
  readonly #buckets: KeyedBuckets;
  readonly #metrics: KeyedMetrics;
  /** @internal */
  readonly places: KeyPlaces;

  constructor(options?: KeyedRateLimiterOptions) {
    const settings = resolveLocalOptions("KeyedRateLimiter", keyedRateLimiterRules, options, "rateLimiter");
    const events = ["acquired", "rejected", "evicted"] as const;
    const source = { kind: "keyed-rate-limiter", name: settings.name } as const;
    const metrics: KeyedMetrics = new Metrics(source, events, (key) => ({ key }));
    const buckets = new KeyedBuckets(settings, limitsOf(settings), metrics);
    super(settings, buckets, metrics);
    this.#metrics = metrics;
    this.#buckets = buckets;
    this.places = new KeyPlaces(buckets, metrics, settings.maxKeyLength);
    tellMade(this, "keyed-rate-limiter", options);
  }

  /**
   * Takes the tokens from the key's bucket if they are available and no request waits for them; a refusal changes nothing.
   *
   * @param key any string: it may be empty, very long, or a part of a longer string.
   * @param cost a number above 0, up to the burst.
   * @throws TypeError or RangeError when the key or the cost is not valid.
   * @throws RateLimitError with `ERR_RATE_LIMIT_COST` when the cost is above the burst.
   */
  tryAcquire(key: string, cost: number = 1): boolean {
    const id = idOf(key, this.maxKeyLength);
    const limits = this.#buckets.limitsFor(id);
    checkCost(cost, limits.burst);
    const admitted = this.#buckets.tryTake(id, cost, limits);
    if (admitted) this.#metrics.admitted(cost, 0, id);
    else this.#metrics.refused(cost, this.#metrics.tellsRefusals ? this.#buckets.wait(id, cost) : 0, id);
    return admitted;
  }

  /**
   * Resolves once the tokens are taken, in the order of the calls for this key.
   *
   * @throws never synchronously; rejects with a {@link RateLimitExceededError} at once when the turn cannot
   * come before the timeout, `maxQueue` requests wait for the key, or there is no room for a new key; with a
   * `RateLimitError` when the cost is above the burst; with `signal.reason` when the wait is aborted.
   */
  async acquire(key: string, options?: AcquireOptions): Promise<void> {
    const id = idOf(key, this.maxKeyLength);
    const limits = this.#buckets.limitsFor(id);
    const request = readRequest("acquire", options, limits.burst);
    const { cost, signal } = request;
    throwIfAborted(signal);
    if (this.#buckets.tryTake(id, cost, limits)) {
      this.#metrics.admitted(cost, 0, id);
      return;
    }
    const limiter = this.#open(id, limits, cost);
    // Not awaited here: that would keep the caller's key, and the longer string it was cut from, in memory.
    return this.#waitIn(limiter, request);
  }

  /**
   * Waits for its turn in the key's bucket, then runs `fn` and settles as it does, as with `RateLimiter.execute`.
   *
   * @throws never synchronously; rejects as {@link acquire} does, or with what `fn` throws.
   */
  async execute<Result>(
    key: string,
    fn: (context: ExecutionContext) => Result | PromiseLike<Result>,
    options?: LimitedExecuteOptions,
  ): Promise<Result> {
    const id = idOf(key, this.maxKeyLength);
    checkFunction(fn, "execute", RECIPE);
    const limits = this.#buckets.limitsFor(id);
    const { context, request } = readExecution(
      "execute",
      options,
      limits.burst,
      this.#buckets.settings.clock,
    );
    const { cost, signal } = request;
    throwIfAborted(signal);
    if (this.#buckets.tryTake(id, cost, limits)) this.#metrics.admitted(cost, 0, id);
    else await this.#waitIn(this.#open(id, limits, cost), request, signal);
    return runAbortable(fn, context);
  }

  /**
   * Makes a function that waits for its turn in the bucket of the call's key, then calls `fn`: same `this` and
   * parameters, always a promise. See `RateLimiter.wrap`.
   *
   * @throws TypeError or RangeError that names the option when one is missing, unknown or wrong.
   * @example
   * ```ts
   * import { KeyedRateLimiter } from "@kstlib/resilience";
   *
   * const perTenant = new KeyedRateLimiter({ rate: 5, per: "1m" });
   * const send = perTenant.wrap(async (tenant: string, text: string) => `${tenant}: ${text}`, {
   *   key: (tenant) => tenant,
   * });
   * console.assert((await send("tenant 7", "hello")) === "tenant 7: hello");
   * console.assert(perTenant.tokens("tenant 7") < 5);
   * ```
   */
  wrap<Fn extends AnyFunction>(
    fn: Fn,
    options: KeyedWrapOptions<Parameters<Fn>>,
  ): AsyncOf<Fn> & Limited<KeyedRateLimiter>;
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

  /**
   * Takes the tokens and returns at once; use them after `delay` seconds, as with `RateLimiter.reserve`. A key
   * with a reservation is not forgotten before its bucket is full.
   *
   * @throws RateLimitExceededError when the wait would be longer than `timeout`, `maxQueue` requests wait for the
   *   key, there is no room for a new key, or in a pause without an end.
   * @throws RateLimitError with `ERR_RATE_LIMIT_COST` when the cost is above the burst.
   * @example
   * ```ts
   * import { KeyedRateLimiter } from "@kstlib/resilience";
   *
   * const tokensPerTenant = new KeyedRateLimiter({ rate: 1000, per: "1m" });
   * const reservation = tokensPerTenant.reserve("tenant 7", 800);
   * reservation.commit(300);
   * console.assert(tokensPerTenant.tokens("tenant 7") >= 700);
   * ```
   */
  reserve(key: string, cost: number = 1, options?: ReserveOptions): Reservation {
    const id = idOf(key, this.maxKeyLength);
    const limits = this.#buckets.limitsFor(id);
    checkCost(cost, limits.burst);
    const timeout = reserveTimeout(options);
    const limiter = this.#open(id, limits, cost);
    try {
      return this.#buckets.reserve(limiter, limits, cost, timeout);
    } finally {
      // Not left open by a refused reservation.
      this.#buckets.close(limiter);
    }
  }

  /**
   * Admits no request for this key for this long, as with `RateLimiter.pauseFor`. The key is not forgotten until
   * then, so a pause without an end stays in the table until {@link reset}.
   *
   * @throws TypeError when the duration is neither a number nor a string with a unit.
   * @throws RateLimitExceededError when there is no room for a new key.
   */
  pauseFor(key: string, duration: Duration | null | undefined): void {
    const id = idOf(key, this.maxKeyLength);
    const milliseconds = parsePause(duration);
    if (milliseconds > 0) this.#open(id, this.#buckets.limitsFor(id)).pause(milliseconds);
  }

  /**
   * Refuses all requests for this key for this long, including those that wait now or would wait: for clients that
   * misbehave. A shorter block does not end a longer one early; {@link reset} ends it. Reservations
   * keep their times. The key is not forgotten until then, so blocks without an end fill the table.
   *
   * @param duration as that of {@link pauseFor}.
   * @throws TypeError when the duration is neither a number nor a string with a unit.
   * @throws RateLimitExceededError when there is no room for a new key.
   * @example
   * ```ts
   * import { KeyedRateLimiter } from "@kstlib/resilience";
   *
   * const logins = new KeyedRateLimiter({ rate: 5, per: "1m" });
   * logins.block("198.51.100.7", "15m");
   * console.assert(!logins.tryAcquire("198.51.100.7") && logins.timeUntilToken("198.51.100.7") > 899);
   * ```
   */
  block(key: string, duration: Duration | null | undefined): void {
    const id = idOf(key, this.maxKeyLength);
    const milliseconds = parsePause(duration);
    if (milliseconds > 0) this.#open(id, this.#buckets.limitsFor(id)).block(milliseconds);
  }

  /**
   * Gives tokens back to the key's bucket, up to a full one, for example for a request that should not have counted, and
   * serves waiters as far as they go. For a reservation, use `commit` or `cancel` instead.
   *
   * @param tokens a number above 0.
   * @throws TypeError or RangeError when it is anything else.
   */
  giveBack(key: string, tokens: number = 1): void {
    const id = idOf(key, this.maxKeyLength);
    checkTokens(tokens);
    this.#buckets.refill(id, tokens);
  }

  /**
   * Changes the limits of all keys but those that have their own. Options not given stay, and a burst that was never
   * given follows the rate. A full bucket stays full; the others keep their tokens, up to the new burst. Waiters
   * keep their order; one whose cost is above the new burst, or whose turn can no longer come in time, is refused at once.
   *
   * It visits all keys and blocks the thread meanwhile.
   *
   * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
   */
  update(changes: RateLimitChanges): void {
    const { settings, limits } = updated(this.#buckets.settings, changes);
    this.#buckets.change(limits, settings);
  }

  /** Fills the bucket of one key, or all buckets, and serves waiters as far as the tokens go. Totals are kept. */
  reset(key?: string): void {
    if (key === undefined) this.#buckets.resetAll();
    else this.#buckets.reset(idOf(key, this.maxKeyLength));
  }

  /**
   * Refuses all waiters, and from now on all requests that would have to wait, with a `RateLimitError`
   * (`ERR_RATE_LIMIT_DISPOSED`). No timer is left.
   */
  [Symbol.dispose](): void {
    this.#buckets.dispose();
  }

  /** The limiter of a key; throws when there is no room for it. */
  #open(id: string, limits: Limits, cost?: number): QueuedLimiter<string> {
    const limiter = this.#buckets.open(id, limits);
    if (limiter !== undefined) return limiter;
    const wait = this.#buckets.wait(id, cost ?? limits.burst);
    if (cost !== undefined) this.#metrics.refused(cost, wait, id);
    throw new RateLimitExceededError(this.name, wait, `all ${this.maxKeys} keys are in use`);
  }

  /** @param signal an abort before the function runs gives the tokens back. */
  async #waitIn(limiter: QueuedLimiter<string>, request: Request, signal?: Abortable): Promise<void> {
    try {
      const waiter = await limiter.admit(request, signal !== undefined);
      if (!waiter || !signal?.aborted) return;
      limiter.settle(waiter, 0);
      throw signal.reason;
    } finally {
      this.#buckets.close(limiter);
    }
  }
}
