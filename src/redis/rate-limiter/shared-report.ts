import type { Snapshot } from "../../kernel/component.js";
import type { Listener } from "../../kernel/events.js";
import type { LogRules } from "../../kernel/log-rule.js";
import { Printed } from "../../kernel/printed.js";
import type { Metrics, RateLimiterStats } from "../../rate-limiter/metrics.js";
import type { RateLimiterEvents } from "../../rate-limiter/report.js";
import type { KeyedRateLimiterEvents } from "../../rate-limiter/keyed-report.js";
import type { StoreEvents } from "../store/store.js";
import { logRules } from "./log-rules.js";
import type { SharedBuckets } from "./shared-buckets.js";

/** Totals of a shared limiter in this process, since it was made: a frozen copy. */
export interface SharedRateLimiterStats extends RateLimiterStats {
  /** How many calls were sent to decide requests. */
  readonly totalCalls: number;
  /** How many requests were decided without the store: it was away, slow, or answered with an error. */
  readonly totalStoreErrors: number;
}

/** The state of a shared limiter as this process knows it. */
export interface SharedSnapshot extends Snapshot, SharedRateLimiterStats {
  readonly rate: number;
  /** Seconds. */
  readonly per: number;
  readonly burst: number;
  /** Whether the store answers, as far as is known. */
  readonly isUp: boolean;
}

/** The state of a `SharedRateLimiter`. */
export interface SharedRateLimiterSnapshot extends SharedSnapshot {
  readonly kind: "shared-rate-limiter";
}

/** The state of a `SharedKeyedRateLimiter`. */
export interface SharedKeyedRateLimiterSnapshot extends SharedSnapshot {
  readonly kind: "shared-keyed-rate-limiter";
}

/** The events of a `SharedRateLimiter`: what happens in this process. */
export interface SharedRateLimiterEvents extends RateLimiterEvents, StoreEvents {}

/** The events of a `SharedKeyedRateLimiter`: what happens in this process. */
export interface SharedKeyedRateLimiterEvents
  extends Pick<KeyedRateLimiterEvents, "acquired" | "rejected">, StoreEvents {}

/** What a shared limiter says about itself. */
export abstract class SharedReport<Label extends object> extends Printed implements AsyncDisposable {
  readonly name: string;
  /** @internal */
  readonly logRules: LogRules = logRules;
  readonly #buckets: SharedBuckets;
  readonly #metrics: Metrics<string, Label>;

  constructor(buckets: SharedBuckets, metrics: Metrics<string, Label>) {
    super();
    this.name = buckets.settings.name;
    this.#buckets = buckets;
    this.#metrics = metrics;
  }

  /** How many tokens flow in each {@link per}; with `tiers`, of the first. */
  get rate(): number {
    return this.#buckets.limits.first.rate;
  }

  /** The period of {@link rate}, in seconds. */
  get per(): number {
    return this.#buckets.limits.first.per / 1000;
  }

  /** The most tokens that one request can take. */
  get burst(): number {
    return this.#buckets.limits.burst;
  }

  /** The limits of each bucket that a request takes from: one without `tiers`. `per` is in seconds. */
  get tiers(): readonly { readonly rate: number; readonly per: number; readonly burst: number }[] {
    return this.#buckets.limits.tiers.map(({ rate, per, burst }) => ({ rate, per: per / 1000, burst }));
  }

  /** How many requests of this process may wait for a key; `undefined` for no limit. */
  get maxQueue(): number | undefined {
    return this.#buckets.maxQueue;
  }

  /** Whether the store answers, as far as is known. */
  get isUp(): boolean {
    return this.#buckets.store.isUp;
  }

  /** Totals of this process, as a frozen copy. */
  get stats(): SharedRateLimiterStats {
    const { queued, batch, totalStoreErrors } = this.#buckets;
    return Object.freeze({ ...this.#metrics.stats(queued), totalCalls: batch.totalCalls, totalStoreErrors });
  }

  /** Listens to an event; disposing of the result stops it. */
  on<Name extends keyof RateLimiterEvents>(
    name: Name,
    listener: Listener<Label & RateLimiterEvents[Name]>,
  ): Disposable;
  on<Name extends keyof StoreEvents>(name: Name, listener: Listener<StoreEvents[Name]>): Disposable;
  on(
    name: keyof SharedRateLimiterEvents,
    listener: Listener<Label & RateLimiterEvents["acquired"] & RateLimiterEvents["rejected"]>,
  ): Disposable {
    if (name === "down" || name === "up") return this.#buckets.store.on(name, listener as Listener<object>);
    return this.#metrics.on(name, listener as Listener<object>);
  }

  /**
   * Ends the limiter in this process: who waits is refused with a `RateLimitError` (`ERR_RATE_LIMIT_DISPOSED`), tokens that
   * were taken ahead go back, and no timer is left. Takes `storeTimeout` at most. The client stays open: close it after.
   */
  close(): Promise<void> {
    return this.#buckets.close();
  }

  /** As {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#buckets.close();
  }

  /** What all kinds show. */
  protected shown(): Omit<SharedSnapshot, "kind"> {
    const { name, rate, per, burst, isUp, stats } = this;
    return { name, rate, per, burst, isUp, ...stats };
  }
}
