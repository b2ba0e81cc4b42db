import { type Audience, Events, type Listener, type Source } from "../kernel/events.js";

/** Totals of a limiter since it was made: a frozen copy. */
export interface RateLimiterStats {
  /** How many requests and reservations were admitted. */
  readonly totalAcquired: number;
  /** How many were refused because of the rate, the timeout or a full queue; an aborted wait counts as neither. */
  readonly totalRejected: number;
  /** Seconds that admitted requests waited in total. */
  readonly totalWaited: number;
  /** How many requests wait now, including reservations whose time has not come. */
  readonly queued: number;
}

/** The events of a limiter; the label says which of its buckets they are about. */
interface LimiterEventMap<Label> {
  readonly acquired: Label & { readonly cost: number; readonly waited: number };
  readonly rejected: Label & { readonly cost: number; readonly retryAfter: number };
  readonly evicted: Label;
}

/** Learns of admissions and refusals at the bucket of `key`. */
export interface AdmissionObserver<Key> {
  /** A request was admitted after `waited` milliseconds. */
  admitted(cost: number, waited: number, key: Key): void;
  /** A request was refused; it would be admitted after `retryAfter` seconds. */
  refused(cost: number, retryAfter: number, key: Key): void;
}

/** Counts what a limiter does, and emits its events. */
export class Metrics<Key, Label extends object> implements AdmissionObserver<Key> {
  readonly #events: Events<LimiterEventMap<Label>>;
  readonly #acquiredAudience: Audience<LimiterEventMap<Label>["acquired"]>;
  readonly #rejectedAudience: Audience<LimiterEventMap<Label>["rejected"]>;
  readonly #label: (key: Key) => Label;
  /** How many keys were forgotten before their buckets were full. */
  totalEvicted = 0;
  #acquired = 0;
  #rejected = 0;
  #waited = 0;

  constructor(source: Source, names: readonly (keyof LimiterEventMap<Label>)[], label: (key: Key) => Label) {
    this.#events = new Events(`${source.kind.replaceAll("-", " ")} ${source.name}`, names, source);
    this.#acquiredAudience = this.#events.of("acquired");
    this.#rejectedAudience = this.#events.of("rejected");
    this.#label = label;
  }

  /** Whether refusals have a listener. */
  get tellsRefusals(): boolean {
    return this.#rejectedAudience.isThere;
  }

  on<Name extends keyof LimiterEventMap<Label>>(
    name: Name,
    listener: Listener<LimiterEventMap<Label>[Name]>,
  ): Disposable {
    return this.#events.on(name, listener);
  }

  admitted(cost: number, waited: number, key: Key): void {
    this.#acquired++;
    // Not for 0, because each addition allocates a double.
    if (waited > 0) this.#waited += waited;
    if (!this.#acquiredAudience.isThere) return;
    this.#events.emit("acquired", { ...this.#label(key), cost, waited: waited / 1000 });
  }

  refused(cost: number, retryAfter: number, key: Key): void {
    this.#rejected++;
    if (!this.#rejectedAudience.isThere) return;
    this.#events.emit("rejected", { ...this.#label(key), cost, retryAfter });
  }

  evicted(key: Key): void {
    this.totalEvicted++;
    this.#events.emit("evicted", this.#label(key));
  }

  stats(queued: number): RateLimiterStats {
    return {
      totalAcquired: this.#acquired,
      totalRejected: this.#rejected,
      totalWaited: this.#waited / 1000,
      queued,
    };
  }
}
