import { throwIfAborted } from "../kernel/abort.js";
import { realClock } from "../kernel/clock.js";
import { delay } from "../kernel/delay.js";
import { RateLimitExceededError } from "./errors.js";
import { type AcquireOptions, type AcquireSyncOptions, checkCost, readRequest } from "./request.js";
import {
  isHandle,
  newHandle,
  readHandle,
  type SharedBucketHandle,
  type SharedBucketOptions,
} from "./shared-bucket-options.js";
import { CAPACITY, giveTurnBack, NEVER, takeTurn, timeOf, TOKEN } from "./shared-turns.js";

/** In a millisecond. */
const NANOSECONDS = 1e6;

/**
 * One limit for all threads of a process: a token bucket in shared memory. In any window of length t all threads
 * together are admitted at most `burst + rate * t / per`.
 *
 * Waiting is first in, first out over all threads: who waits has taken the next turn. A thread that ends while it waits
 * loses its own turn and nobody else's. A token's time is rounded up to a whole nanosecond. Who waits for a promise keeps
 * the process alive.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { SharedBucket } from "@kstlib/resilience";
 *
 * const bucket = new SharedBucket({ rate: 100, burst: 10 });
 * // A worker gets `bucket.handle`, as by `new Worker(file, { workerData: bucket.handle })`, and makes the same bucket of it:
 * const inWorker = SharedBucket.from(bucket.handle);
 * console.assert(inWorker.tryAcquire(10) && !bucket.tryAcquire(9));
 * ```
 */
export class SharedBucket {
  readonly name: string;
  /** How many tokens the bucket holds. */
  readonly burst: number;
  readonly #cells: BigInt64Array;
  readonly #token: bigint;
  readonly #capacity: bigint;
  /** The clock that all threads of the process share. Looked up at each call, it would cost a fifth of a decision. */
  readonly #now: () => bigint = process.hrtime.bigint.bind(process.hrtime);
  /** What other threads make the same bucket of, by {@link SharedBucket.from}. */
  readonly handle: SharedBucketHandle;

  constructor(options?: SharedBucketOptions | SharedBucketHandle) {
    this.handle = isHandle(options) ? readHandle(options) : newHandle(options);
    this.name = this.handle.name;
    this.burst = this.handle.burst;
    const cells = new BigInt64Array(this.handle.memory);
    this.#cells = cells;
    this.#token = cells[TOKEN] ?? 1n;
    this.#capacity = cells[CAPACITY] ?? 1n;
  }

  /**
   * The bucket of another thread.
   *
   * @throws TypeError when it is not the `handle` of a bucket.
   */
  static from(handle: SharedBucketHandle): SharedBucket {
    return new SharedBucket(readHandle(handle));
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
    const asked = this.#now();
    return takeTurn(this.#cells, this.#timeOf(cost), this.#capacity, asked, asked) <= asked;
  }

  /**
   * Resolves when its turn has come. When `signal` aborts, the promise rejects at once with its reason, and the turn is
   * given back if nobody stands behind it; otherwise its tokens stay unused.
   *
   * @throws never synchronously; rejects with a {@link RateLimitExceededError} at once when the turn cannot come
   * before the timeout, with a {@link RateLimitError} when the cost is above the burst.
   */
  async acquire(options?: AcquireOptions): Promise<void> {
    const { cost, timeout, signal } = readRequest("acquire", options, this.burst);
    throwIfAborted(signal);
    const { turn, wait } = this.#turn(cost, timeout);
    if (wait <= 0) return;
    await delay(realClock, wait, signal);
    if (!signal?.aborted) return;
    giveTurnBack(this.#cells, this.#timeOf(cost), this.#capacity, turn);
    throw signal.reason;
  }

  /**
   * Blocks the thread until its turn has come, without burning CPU.
   *
   * @throws RateLimitExceededError at once when the turn cannot come before the timeout.
   * @throws RateLimitError with `ERR_RATE_LIMIT_COST` when the cost is above the burst.
   */
  acquireSync(options?: AcquireSyncOptions): void {
    const { cost, timeout } = readRequest("acquireSync", options, this.burst, "sync");
    const { wait } = this.#turn(cost, timeout);
    if (wait > 0) realClock.sleepSync(wait);
  }

  #timeOf(cost: number): bigint {
    return cost === 1 ? this.#token : timeOf(cost, this.#token, this.#capacity);
  }

  /** Takes the next turn if it comes in time; the wait in milliseconds. */
  #turn(cost: number, timeout: number): { readonly turn: bigint; readonly wait: number } {
    const asked = this.#now();
    const nanoseconds = timeout * NANOSECONDS;
    const latest = nanoseconds < Number(NEVER - asked) ? asked + BigInt(Math.floor(nanoseconds)) : NEVER;
    const turn = takeTurn(this.#cells, this.#timeOf(cost), this.#capacity, asked, latest);
    const wait = Number(turn - asked) / NANOSECONDS;
    if (turn > latest) throw new RateLimitExceededError(this.name, wait / 1000, "its turn comes too late");
    return { turn, wait };
  }
}
