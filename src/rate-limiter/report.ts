import type { Snapshot } from "../kernel/component.js";
import type { Listener } from "../kernel/events.js";
import { Printed } from "../kernel/printed.js";
import type { Metrics, RateLimiterStats } from "./metrics.js";
import type { QueuedLimiter } from "./queued-limiter.js";
import { checkCost } from "./request.js";
import type { TokenBucket } from "./token-bucket.js";

/** The state of a `RateLimiter`. */
export interface RateLimiterSnapshot extends Snapshot, RateLimiterStats {
  readonly kind: "rate-limiter";
  readonly rate: number;
  /** Seconds. */
  readonly per: number;
  readonly burst: number;
  readonly tokens: number;
}

/** The events of a `RateLimiter`. */
export interface RateLimiterEvents {
  /** A request was admitted after `waited` seconds. */
  readonly acquired: { readonly cost: number; readonly waited: number };
  /** A request was refused; it would be admitted after `retryAfter` seconds (Infinity: never, at a rate of 0). */
  readonly rejected: { readonly cost: number; readonly retryAfter: number };
}

/** What a `RateLimiter` says about itself. */
export class RateLimiterReport extends Printed {
  readonly name: string;
  readonly #bucket: TokenBucket;
  readonly #limiter: QueuedLimiter<void>;
  readonly #metrics: Metrics<void, object>;

  constructor(
    name: string,
    bucket: TokenBucket,
    limiter: QueuedLimiter<void>,
    metrics: Metrics<void, object>,
  ) {
    super();
    this.name = name;
    this.#bucket = bucket;
    this.#limiter = limiter;
    this.#metrics = metrics;
  }

  /** How many tokens flow in during each {@link per}. */
  get rate(): number {
    return this.#bucket.limits.given.rate;
  }

  /** The period of {@link rate}, in seconds. */
  get per(): number {
    return this.#bucket.limits.given.per / 1000;
  }

  /** How many tokens the bucket holds. */
  get burst(): number {
    return this.#bucket.limits.burst;
  }

  /** How many requests may wait; `undefined` for no limit. */
  get maxQueue(): number | undefined {
    return this.#limiter.maxQueue;
  }

  /** How many tokens are in the bucket now, with fractions, even while requests wait or during a pause. */
  get tokens(): number {
    return this.#limiter.tokens();
  }

  /** Totals, as a frozen copy. */
  get stats(): RateLimiterStats {
    this.#limiter.now();
    return Object.freeze(this.#metrics.stats(this.#limiter.queued));
  }

  /** The state at this moment: frozen, JSON-serialisable. */
  snapshot(): RateLimiterSnapshot {
    const { name, rate, per, burst, tokens, stats } = this;
    return Object.freeze({ kind: "rate-limiter", name, rate, per, burst, tokens, ...stats });
  }

  /** Seconds until a request made now would be admitted, behind those that wait; 0: at once, Infinity: never. */
  timeUntilToken(cost: number = 1): number {
    checkCost(cost, this.burst);
    return this.#limiter.wait(cost);
  }

  /** Listens to an event; disposing of the result stops it. */
  on<Name extends keyof RateLimiterEvents>(
    name: Name,
    listener: Listener<RateLimiterEvents[Name]>,
  ): Disposable {
    return this.#metrics.on(name, listener);
  }
}
