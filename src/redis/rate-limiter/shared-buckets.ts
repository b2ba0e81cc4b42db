import type { Clock } from "../../kernel/clock.js";
import { throwIfAborted } from "../../kernel/abort.js";
import { changeSettings } from "../../kernel/options.js";
import { secondsUntil } from "../../kernel/seconds.js";
import { costError, disposedError, RateLimitExceededError } from "../../rate-limiter/errors.js";
import type { AdmissionObserver } from "../../rate-limiter/metrics.js";
import type { Request as Wanted } from "../../rate-limiter/request.js";
import { HeldReservation, type Reservation } from "../../rate-limiter/reservation.js";
import { Store } from "../store/store.js";
import { BucketControl, type ControlledBuckets } from "./bucket-control.js";
import { GiveBacks } from "./give-backs.js";
import { Holds } from "./holds.js";
import { LocalBuckets } from "./local-buckets.js";
import { Refusals } from "./refusals.js";
import { type BucketParts, type Grant, debtOf, type Request } from "./bucket-parts.js";
import { SharedBucket } from "./shared-bucket.js";
import {
  type SharedRateLimitChanges,
  sharedLiveRules,
  type SharedRateLimiterSettings,
  tiersOf,
} from "./shared-options.js";
import { TAKE } from "./take-script.js";
import { TakeBatch } from "./take-batch.js";
import { TieredLimits } from "./tiered-limits.js";

const REFUSED = Promise.resolve(false);

/** The requests of this process for the buckets of one limiter in the store. */
export class SharedBuckets implements BucketParts, ControlledBuckets {
  #settings: SharedRateLimiterSettings;
  #limits: TieredLimits;
  readonly clock: Clock;
  readonly store: Store;
  readonly batch: TakeBatch;
  readonly refusals: Refusals = new Refusals();
  readonly holds: Holds = new Holds();
  /** What is done by hand. */
  readonly control: BucketControl = new BucketControl(this);
  readonly #observer: AdmissionObserver<string>;
  readonly #keysOf: (id: string) => readonly string[];
  readonly #buckets = new Map<string, SharedBucket>();
  readonly #returning: GiveBacks;
  #local: LocalBuckets | undefined;
  #storeErrors = 0;
  #isClosed = false;

  /**
   * @param keysOf the bucket of each tier for a key of the application.
   * @param isSpread whether the keys can be at several nodes.
   */
  constructor(
    settings: SharedRateLimiterSettings,
    observer: AdmissionObserver<string>,
    keysOf: (id: string) => readonly string[],
    isSpread: boolean = settings.client.isCluster,
  ) {
    this.#settings = settings;
    this.#observer = observer;
    this.#keysOf = keysOf;
    this.#limits = new TieredLimits(tiersOf(settings));
    this.clock = settings.clock;
    this.store = new Store(settings.client, settings);
    this.batch = new TakeBatch(this.store, settings.clock, isSpread);
    this.#returning = new GiveBacks(settings.client, this.store, settings.clock, ({ id }) => {
      this.refusals.forget(id);
      this.#buckets.get(id)?.askNow();
    });
  }

  get settings(): SharedRateLimiterSettings {
    return this.#settings;
  }

  get limits(): TieredLimits {
    return this.#limits;
  }

  get lease(): SharedRateLimiterSettings["lease"] {
    return this.#settings.lease;
  }

  get maxQueue(): number | undefined {
    return this.#settings.maxQueue;
  }

  get local(): LocalBuckets | undefined {
    return this.#local;
  }

  get keepsHolds(): boolean {
    return !this.#isClosed && this.#settings.onStoreError !== "closed";
  }

  /** How many requests wait, for all keys. */
  get queued(): number {
    let queued = this.#local?.queued ?? 0;
    for (const bucket of this.#buckets.values()) queued += bucket.waiters;
    return queued;
  }

  /** How many requests were decided without the store. */
  get totalStoreErrors(): number {
    return this.#storeErrors;
  }

  /** Takes the tokens if the store has them and nobody here waits for them. */
  take(id: string, cost: number): Promise<boolean> {
    if (!this.#isClosed && !this.#buckets.has(id)) {
      const now = this.clock.now();
      const held = this.holds.isEmpty ? -Infinity : this.holds.believed(this.#keysOf(id), now);
      const due = Math.max(held, this.refusals.due(id, cost, this.#limits.slowest, now));
      if (due > now) {
        this.#observer.refused(cost, secondsUntil(due, now), id);
        return REFUSED;
      }
    }
    return new Promise((resolve, reject) => {
      const granted = (): void => resolve(true);
      const refused = (): void => resolve(false);
      this.#enter(id, { cost, timeout: 0, signal: undefined }, false, granted, refused, reject);
    });
  }

  /** Resolves when the tokens were taken, with what can be given back; rejects when they cannot be waited for. */
  async admit(id: string, wanted: Wanted): Promise<Grant | undefined> {
    throwIfAborted(wanted.signal);
    return new Promise((resolve, reject) => {
      const refused = (retryAfter: number, why?: string): void =>
        reject(new RateLimitExceededError(this.#settings.name, retryAfter, why));
      this.#enter(id, wanted, true, resolve, refused, reject);
    });
  }

  /** Waits for the turn of a function; when the signal is aborted before it runs, what was taken goes back. */
  async admitUnlessAborted(id: string, wanted: Wanted): Promise<void> {
    const grant = await this.admit(id, wanted);
    if (!wanted.signal?.aborted) return;
    this.#settle(id, wanted.cost, grant, 0);
    throw wanted.signal.reason;
  }

  /** Takes what is there. */
  async reserve(id: string, cost: number): Promise<Reservation> {
    const grant = await this.admit(id, { cost, timeout: 0, signal: undefined });
    return new HeldReservation(cost, 0, (used) => this.#settle(id, cost, grant, used));
  }

  /** Seconds until a request that comes now would be admitted, behind those who wait here. */
  async wait(id: string, cost: number): Promise<number> {
    if (this.#isClosed) throw disposedError(this.#settings.name);
    const now = this.clock.now();
    const asked = this.#limits.cost(cost);
    const reply = await this.store.run(TAKE, this.#keysOf(id), [...asked.args, 0]);
    const microseconds = Array.isArray(reply) ? Number(reply[1]) : NaN;
    const behind = this.#buckets.get(id)?.turnOf(cost, now) ?? now;
    const due = Math.max(behind, now + (microseconds > 0 ? microseconds / 1000 : 0));
    return Math.max(0, due - now) / 1000;
  }

  /** How many tokens are there for a key. */
  async tokens(id: string): Promise<number> {
    if (this.#isClosed) throw disposedError(this.#settings.name);
    return this.control.tokens(this.#keysOf(id));
  }

  requestsFor(keys: readonly string[], id: string | undefined): readonly SharedBucket[] {
    const one = id === undefined ? undefined : this.#buckets.get(id);
    if (id !== undefined) return one === undefined ? [] : [one];
    return [...this.#buckets.values()].filter((bucket) => bucket.keys.some((key) => keys.includes(key)));
  }

  /** Changes limits; those who wait keep their order. */
  update(changes: SharedRateLimitChanges): void {
    const settings = changeSettings(sharedLiveRules, this.#settings, changes);
    const limits = new TieredLimits(tiersOf(settings));
    this.#settings = settings;
    this.#limits = limits;
    this.refusals.clear();
    this.#local?.change(settings);
    for (const bucket of this.#buckets.values()) {
      bucket.change(({ cost }) => costError(cost, limits.burst));
    }
  }

  /** Fails who waits, gives back what was taken ahead, and leaves no timer. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const reason = disposedError(this.#settings.name);
    for (const bucket of this.#buckets.values()) bucket.close(reason);
    this.#local?.dispose();
    // An answer that is on its way is given back, too.
    await this.batch.settled();
    await this.#returning.end();
    this.store[Symbol.dispose]();
  }

  giveBack(grant: Grant, count: number): void {
    if (count > 0) this.#returning.add(grant, grant.cost.taken(count));
  }

  resumed(id: string): void {
    // By a reset, of which the bucket in memory has not heard.
    this.#local?.reset(id);
  }

  decideAlone(id: string, request: Request, error: unknown): boolean {
    this.#storeErrors++;
    const { onStoreError } = this.#settings;
    if (this.#isClosed || onStoreError === "closed") request.failed(error);
    else if (onStoreError === "open") request.granted(undefined);
    else {
      this.#local ??= new LocalBuckets(this.#settings);
      return this.#local.decide(id, request, error);
    }
    return onStoreError === "open" && !this.#isClosed;
  }

  idle(id: string, bucket: object): void {
    if (this.#buckets.get(id) === bucket) this.#buckets.delete(id);
  }

  #enter(
    id: string,
    { cost, timeout, signal }: Wanted,
    waits: boolean,
    granted: (grant: Grant | undefined) => void,
    refused: (retryAfter: number, why?: string) => void,
    failed: (reason: unknown) => void,
  ): void {
    if (this.#isClosed) {
      failed(disposedError(this.#settings.name));
      return;
    }
    const since = this.clock.now();
    this.#bucket(id).enter({
      cost,
      since,
      deadline: since + timeout,
      waits,
      signal,
      granted: (grant) => {
        granted(grant);
        this.#observer.admitted(cost, waits ? Math.max(0, this.clock.now() - since) : 0, id);
      },
      refused: (retryAfter, why) => {
        refused(retryAfter, why);
        this.#observer.refused(cost, retryAfter, id);
      },
      failed,
      isAsked: false,
      isOver: false,
    });
  }

  /** Unused tokens go back; those used beyond are waited for by whoever asks next. */
  #settle(id: string, cost: number, grant: Grant | undefined, used: number): void {
    if (used > cost) this.#owe(id, used - cost);
    else if (grant !== undefined) this.#returning.add(grant, grant.cost.unused(used));
  }

  /** Takes what was used beyond a reservation as soon as it is there, before whoever asks here later. */
  #owe(id: string, debt: number): void {
    const cost = Math.min(debt, this.#limits.burst);
    if (!(cost > 0) || this.#isClosed) return;
    const paid = (): void => this.#owe(id, debt - cost);
    this.#bucket(id).enter(debtOf(cost, this.clock.now(), paid));
  }

  #bucket(id: string): SharedBucket {
    let bucket = this.#buckets.get(id);
    if (bucket === undefined) {
      bucket = new SharedBucket(id, this.#keysOf(id), this);
      this.#buckets.set(id, bucket);
    }
    return bucket;
  }
}
