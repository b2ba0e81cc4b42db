import { RateLimitExceededError } from "../../rate-limiter/errors.js";
import { KeyedBuckets } from "../../rate-limiter/keyed-buckets.js";
import { limitsOf } from "../../rate-limiter/options.js";
import { StoreError } from "../store/store-error.js";
import type { Request } from "./bucket-parts.js";
import { type SharedRateLimiterSettings, tiersOf } from "./shared-options.js";

/** How many keys are known while the store is away. */
const MOST_KEYS = 100_000;

const NOTHING_IS_TOLD = { admitted() {}, refused() {}, evicted() {} };

/** This instance's share of the limits, which in several tiers are those of the slowest. */
function shareOf(settings: SharedRateLimiterSettings): { rate: number; per: number; burst: number } {
  const { localShare } = settings;
  const [slowest = { rate: 1, per: 1, burst: 1 }] = tiersOf(settings).toSorted(
    (one, other) => one.rate / one.per - other.rate / other.per,
  );
  return {
    rate: slowest.rate / localShare,
    per: slowest.per,
    burst: Math.max(1, slowest.burst / localShare),
  };
}

/** Buckets in memory, which decide while the store does not. */
export class LocalBuckets {
  readonly #buckets: KeyedBuckets;

  constructor(settings: SharedRateLimiterSettings) {
    const share = shareOf(settings);
    const { name, clock, maxQueue } = settings;
    const own = {
      name,
      clock,
      maxQueue,
      maxKeys: MOST_KEYS,
      maxKeyLength: MOST_KEYS,
      onFull: "evict",
      limits: undefined,
    } as const;
    this.#buckets = new KeyedBuckets({ ...share, ...own }, limitsOf(share), NOTHING_IS_TOLD);
  }

  get queued(): number {
    return this.#buckets.queued;
  }

  /** Returns whether it was admitted at once. */
  decide(id: string, request: Request, error: unknown): boolean {
    const buckets = this.#buckets;
    const { limits, clock } = buckets;
    const { cost, waits, deadline, signal } = request;
    if (cost > limits.burst) {
      const message = `a request of ${cost} tokens is more than this instance's share holds, and the store does not answer.`;
      request.failed(new StoreError(message, { cause: error }));
      return false;
    }
    if (buckets.tryTake(id, cost, limits)) {
      request.granted(undefined);
      return true;
    }
    if (!waits) {
      request.refused(buckets.wait(id, cost));
      return false;
    }
    const limiter = buckets.open(id, limits);
    if (limiter === undefined) {
      request.failed(error);
      return false;
    }
    const wait = async (): Promise<void> => {
      try {
        await limiter.admit({ cost, timeout: Math.max(0, deadline - clock.now()), signal });
        request.granted(undefined);
      } catch (reason) {
        if (reason instanceof RateLimitExceededError) request.refused(reason.retryAfter);
        else request.failed(reason);
      } finally {
        buckets.close(limiter);
      }
    };
    void wait();
    return false;
  }

  pause(id: string, milliseconds: number): void {
    this.#buckets.open(id, this.#buckets.limits)?.pause(milliseconds);
  }

  block(id: string, milliseconds: number): void {
    this.#buckets.open(id, this.#buckets.limits)?.block(milliseconds);
  }

  refill(id: string, tokens: number): void {
    this.#buckets.refill(id, tokens);
  }

  reset(id: string): void {
    this.#buckets.reset(id);
  }

  change(settings: SharedRateLimiterSettings): void {
    const share = shareOf(settings);
    this.#buckets.change(limitsOf(share), {
      ...this.#buckets.settings,
      ...share,
      maxQueue: settings.maxQueue,
    });
  }

  dispose(): void {
    this.#buckets.dispose();
  }
}
