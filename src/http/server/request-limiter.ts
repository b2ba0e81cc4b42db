/** A value, or the promise of one. */
export type Eventually<Value> = Value | PromiseLike<Value>;

/** Tokens that a request has taken, of which it may need more or fewer. */
export interface RequestReservation {
  commit(used: number): void;
  cancel(): void;
}

/** A rate limiter with a bucket for each key, of this process or shared, as far as a middleware needs it. */
export interface RequestLimiter {
  readonly name?: string;
  readonly rate: number;
  /** In seconds. */
  readonly per: number;
  readonly burst: number;
  /** If a request takes from several buckets: how fast each is filled. */
  readonly tiers?: readonly { readonly rate: number; readonly per: number }[];
  /** Refuses a cost above the burst by `false`, or by an error with the code `ERR_RATE_LIMIT_COST`. */
  tryAcquire(key: string, cost: number): Eventually<boolean>;
  /** Seconds until a request would be admitted; Infinity: never. */
  timeUntilToken(key: string, cost: number): Eventually<number>;
  /** How many tokens a key has, if it can tell; not asked of a limiter with `tiers`. */
  tokens?(key: string): Eventually<number>;
  /** Needed for `settle`; refuses by an error with the code `ERR_RATE_LIMIT_EXCEEDED`. */
  reserve?(key: string, cost: number, options: { readonly timeout: 0 }): Eventually<RequestReservation>;
}
