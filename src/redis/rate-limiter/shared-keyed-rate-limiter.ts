import type { Component } from "../../kernel/component.js";
import type { ExecutionContext } from "../../kernel/context.js";
import type { Duration } from "../../kernel/duration.js";
import { join } from "../../kernel/living.js";
import { checkFunction, runAbortable } from "../../kernel/policy.js";
import type { AnyFunction, AsyncOf } from "../../kernel/wrap.js";
import { onePolicy } from "../../kernel/wrapper.js";
import { type LimitedExecuteOptions, readExecution } from "../../rate-limiter/execution.js";
import { type Limited, limitAsync, RECIPE } from "../../rate-limiter/limited.js";
import { Metrics } from "../../rate-limiter/metrics.js";
import {
  type AcquireOptions,
  checkCost,
  checkTokens,
  type WrapOptions,
  parsePause,
  readKeyed,
  readRequest,
} from "../../rate-limiter/request.js";
import type { Reservation } from "../../rate-limiter/reservation.js";
import { keyForm, type KeyForm, type SharedKey } from "./key-form.js";
import { SharedBuckets } from "./shared-buckets.js";
import {
  resolveShared,
  type SharedKeyedRateLimiterOptions,
  sharedKeyedRateLimiterRules,
  type SharedRateLimitChanges,
} from "./shared-options.js";
import { type SharedKeyedRateLimiterSnapshot, SharedReport } from "./shared-report.js";

/** Options of a function that a {@link SharedKeyedRateLimiter} wraps. */
export interface SharedKeyedWrapOptions<
  Args extends readonly unknown[] = never[],
  By extends string = never,
> extends WrapOptions<Args> {
  /** Returns the key of one call; called with its `this` and arguments. A call whose key is not one of the limiter rejects. */
  readonly key: (...args: Args) => SharedKey<By>;
}

/** A key, or where tiers have `by`, some of its names. */
type SomeOfKey<By extends string> = [By] extends [never] ? string : Partial<SharedKey<By>>;

/**
 * A {@link SharedRateLimiter} for each key, such as a client, a user or an address: the key comes first. The store keeps a
 * key until its bucket would be full had nothing been given back. Up to 32 keys of one tick are one round trip, but in a cluster, where each has its own.
 *
 * @throws TypeError or RangeError that names the option when one is missing, unknown, of the wrong type or out of range.
 * @example
 * ```ts no-check: needs a server
 * import { SharedKeyedRateLimiter } from "@kstlib/resilience/redis";
 *
 * const perClient = new SharedKeyedRateLimiter({ client, name: "clients", rate: 5, per: "1m" });
 * if (!(await perClient.tryAcquire("198.51.100.7"))) response.status(429);
 *
 * // A token of the user and of the tenant, or of neither:
 * const tiers = [{ by: "user", rate: 10 }, { by: "tenant", rate: 100 }] as const;
 * const perTenant = new SharedKeyedRateLimiter({ client, name: "tenants", tiers });
 * if (!(await perTenant.tryAcquire({ user: "u7", tenant: "t1" }))) response.status(429);
 * ```
 */
export class SharedKeyedRateLimiter<By extends string = never>
  extends SharedReport<{ readonly key: SharedKey<By> }>
  implements Component
{
  /** The longest key that is used as it is, in UTF-16 units; a longer one is known by its hash. */
  readonly maxKeyLength: number;
  readonly #buckets: SharedBuckets;
  readonly #form: KeyForm;
  readonly #hasNames: boolean;

  constructor(options: SharedKeyedRateLimiterOptions<By>) {
    const settings = resolveShared("SharedKeyedRateLimiter", sharedKeyedRateLimiterRules, options);
    const { name, tiers, client } = settings;
    const source = { kind: "shared-keyed-rate-limiter", name } as const;
    const form = keyForm(settings);
    const metrics = new Metrics<string, { readonly key: SharedKey<By> }>(
      source,
      ["acquired", "rejected"],
      // It has the names of the tiers, or none.
      (id) => ({ key: form.keyOf(id) as SharedKey<By> }),
    );
    const isSpread = client.isCluster && tiers?.[0]?.by === undefined;
    const buckets = new SharedBuckets(settings, metrics, (id) => form.bucketsOf(id), isSpread);
    super(buckets, metrics);
    this.maxKeyLength = settings.maxKeyLength;
    this.#buckets = buckets;
    this.#form = form;
    this.#hasNames = tiers?.[0]?.by !== undefined;
    join(this);
  }

  /** As `SharedRateLimiter.tryAcquire`, for one key: any string. */
  async tryAcquire(key: SharedKey<By>, cost: number = 1): Promise<boolean> {
    const id = this.#form.idOf(key);
    checkCost(cost, this.burst);
    return this.#buckets.take(id, cost);
  }

  /** As `SharedRateLimiter.acquire`, for one key. */
  async acquire(key: SharedKey<By>, options?: AcquireOptions): Promise<void> {
    const id = this.#form.idOf(key);
    await this.#buckets.admit(id, readRequest("acquire", options, this.burst));
  }

  /** As `SharedRateLimiter.reserve`, for one key. */
  async reserve(key: SharedKey<By>, cost: number = 1): Promise<Reservation> {
    const id = this.#form.idOf(key);
    checkCost(cost, this.burst);
    return this.#buckets.reserve(id, cost);
  }

  /** As `SharedRateLimiter.execute`, for one key. */
  async execute<Result>(
    key: SharedKey<By>,
    fn: (context: ExecutionContext) => Result | PromiseLike<Result>,
    options?: LimitedExecuteOptions,
  ): Promise<Result> {
    const id = this.#form.idOf(key);
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
    options: SharedKeyedWrapOptions<Parameters<Fn>, By>,
  ): AsyncOf<Fn> & Limited<SharedKeyedRateLimiter<By>>;
  wrap(fn: AnyFunction, options: object): unknown {
    const { key: keyOf, ...own } = readKeyed(options);
    return limitAsync(onePolicy(this), own, fn, (_limiter, self, args) => {
      // What it returned is checked as any key is.
      const key = Reflect.apply(keyOf, self, args) as SharedKey<By>;
      return {
        acquire: (request) => this.acquire(key, request),
        execute: (run, request) => this.execute(key, run, request),
      };
    });
  }

  /**
   * As `SharedRateLimiter.pauseFor`, for one key. Where tiers have `by`, nobody is admitted from the buckets of the names
   * that are given: `pauseFor({ tenant: "t1" }, 30)` pauses all users of the tenant.
   */
  async pauseFor(key: SomeOfKey<By>, duration: Duration | null | undefined): Promise<boolean> {
    return this.#hold(key, duration, "pause");
  }

  /**
   * Refuses all requests for this key for this long in all processes, including those that would wait: for clients that
   * misbehave. Those that wait already are refused at once here, elsewhere within 5 s. A shorter block does not end a longer
   * one early; {@link reset} ends it. Where tiers have `by`, the buckets of the names that are given are blocked. Tokens that
   * another instance has taken ahead, as `lease` allows, it may still use.
   *
   * @param duration as that of {@link pauseFor}.
   * @returns whether the store knows; never rejects for it.
   * @throws TypeError when the duration is neither a number nor a string with a unit.
   * @example
   * ```ts no-check: needs a server
   * import { SharedKeyedRateLimiter } from "@kstlib/resilience/redis";
   *
   * const logins = new SharedKeyedRateLimiter({ client, name: "logins", rate: 5, per: "1m" });
   * const user = "user 7";
   * if (!(await logins.tryAcquire(user))) await logins.block(user, "15m");
   * else if (await isRightPassword(user, password)) await logins.reset(user);
   * ```
   */
  async block(key: SomeOfKey<By>, duration: Duration | null | undefined): Promise<boolean> {
    return this.#hold(key, duration, "block");
  }

  /**
   * Gives tokens to the key's bucket, in all tiers, up to a full one: for a request that should not have counted. Waiters
   * here are served at once as far as they go, those elsewhere within 5 s. For a reservation, use `commit` or `cancel`.
   *
   * @param tokens a number above 0.
   * @returns whether the store has done it; never rejects for it. After `false` it may still have been done.
   * @throws TypeError or RangeError when it is anything else.
   * @example
   * ```ts no-check: needs a server
   * import { SharedKeyedRateLimiter } from "@kstlib/resilience/redis";
   *
   * const uploads = new SharedKeyedRateLimiter({ client, name: "uploads", rate: 100, per: "1h" });
   * if (await uploads.tryAcquire("user 7", 10)) {
   *   const stored = await store(file);
   *   if (stored.wasKnown) await uploads.giveBack("user 7", 9);
   * }
   * ```
   */
  async giveBack(key: SharedKey<By>, tokens: number = 1): Promise<boolean> {
    const id = this.#form.idOf(key);
    checkTokens(tokens);
    return this.#buckets.control.refill(this.#form.bucketsOf(id), tokens, this.#hasNames ? undefined : id);
  }

  /**
   * Fills the bucket of one key and ends its pause and its block, for all processes. Where tiers have `by`, the buckets of
   * the names that are given. See `SharedRateLimiter.reset`. There is no reset of all keys: nobody lists them.
   *
   * @returns whether the store has done it; never rejects for it. After `false` it may still have been done.
   */
  async reset(key: SomeOfKey<By>): Promise<boolean> {
    return this.#buckets.control.reset(this.#form.allOf(key), this.#idOf(key));
  }

  /** As `SharedRateLimiter.tokens`, for one key. */
  async tokens(key: SharedKey<By>): Promise<number> {
    return this.#buckets.tokens(this.#form.idOf(key));
  }

  /** As `SharedRateLimiter.timeUntilToken`, for one key. */
  async timeUntilToken(key: SharedKey<By>, cost: number = 1): Promise<number> {
    const id = this.#form.idOf(key);
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
  /** The id of a key whose buckets are no other's. */
  #idOf(key: SomeOfKey<By>): string | undefined {
    return this.#hasNames ? undefined : this.#form.idOf(key);
  }

  async #hold(
    key: SomeOfKey<By>,
    duration: Duration | null | undefined,
    kind: "pause" | "block",
  ): Promise<boolean> {
    const held = this.#form.pausedOf(key);
    const milliseconds = parsePause(duration);
    if (milliseconds <= 0) return true;
    return this.#buckets.control.hold(held, milliseconds, kind, this.#idOf(key));
  }
}
