/**
 * What somebody whose tokens were taken may still give back, in tokens.
 *
 * Giving tokens back means: the bucket as it would be had they never been taken. Where the bucket was nearly
 * full when somebody took from it later, it could not have held them anyway: what was missing at that moment
 * is all that can come back, or the window's bound would be broken.
 */
export interface Lease {
  /** The least that was missing when something was taken, from this lease until the next one began. */
  room: number;
  next: Lease | undefined;
}

/**
 * The leases of one bucket, linked from the older to the newer: taking costs O(1) however many are open, and
 * a lease that nobody holds any more is garbage.
 */
export class Leases {
  #newest: Lease | undefined;

  /** Whether anything can be given back. */
  get open(): boolean {
    return this.#newest !== undefined;
  }

  /** Begins a lease; to be called right after its tokens were taken. */
  begin(): Lease {
    const lease = { room: Infinity, next: undefined };
    if (this.#newest !== undefined) this.#newest.next = lease;
    this.#newest = lease;
    return lease;
  }

  /** Told before every taking how many tokens are missing in the bucket. */
  taking(missing: number): void {
    if (this.#newest === undefined) return;
    this.#newest.room = Math.min(this.#newest.room, missing);
    // From a full bucket nothing older can come back.
    if (missing <= 0) this.#newest = undefined;
  }

  /** Returns how many of `cost` tokens come back. */
  giveBack(from: Lease, cost: number): number {
    let given = cost;
    let lease: Lease | undefined;
    for (lease = from; lease !== undefined; lease = lease.next) given = Math.min(given, lease.room);
    // All that was missing later is now missing less.
    for (lease = from; lease !== undefined; lease = lease.next) lease.room -= given;
    return given;
  }
}
