import { type Duration, DURATION_PATTERN, durationRule, parseDuration } from "../kernel/duration.js";
import { checkKeys } from "../kernel/options.js";
import { checkSignal } from "../kernel/context.js";
import { unlike } from "../kernel/show.js";
import { costError } from "./errors.js";

/** What a request that blocks the thread can say. */
export interface AcquireSyncOptions {
  /** How many tokens it takes: a number above 0, up to the burst; fractions are allowed. Default 1. */
  readonly cost?: number | undefined;
  /**
   * How long it may wait. When its turn cannot come in that time it is refused at once, not after it;
   * 0 admits only what needs no wait. Default: as long as it takes.
   */
  readonly timeout?: Duration | undefined;
}

/** What a request that waits can say. */
export interface AcquireOptions extends AcquireSyncOptions {
  /** Gives the wait up: the promise rejects at once with `signal.reason`, and nothing was taken. */
  readonly signal?: AbortSignal | undefined;
}

/** What the waits of a wrapped function can be told. */
export interface WrapOptions<Args extends readonly unknown[] = never[]> extends AcquireSyncOptions {
  /**
   * Gives waits up: the call rejects at once with `signal.reason`, nothing was taken, and the function does not
   * run. One signal for all calls, or a function that picks the call's own out of its arguments:
   * `(url, { signal }) => signal`. Once the function runs, giving up is its own affair.
   */
  readonly signal?: AbortSignal | SignalOf<Args> | undefined;
}

/** Finds the signal of one call; called with its `this` and arguments. */
export type SignalOf<Args extends readonly unknown[] = never[]> = (...args: Args) => AbortSignal | undefined;

/** A checked request; the timeout in milliseconds. */
export interface Request {
  readonly cost: number;
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

/** What can be said to a call that blocks the thread. */
export const SYNC_KEYS: Readonly<Record<keyof AcquireSyncOptions, true>> = { cost: true, timeout: true };
/** What can be said to one that waits, and to a function that does. */
export const ASYNC_KEYS: Readonly<Record<keyof AcquireOptions, true>> = { ...SYNC_KEYS, signal: true };

/**
 * Throws unless the bucket could ever hold `cost` tokens.
 *
 * @throws TypeError when it is no number.
 * @throws RangeError when it is not above 0, or not finite.
 * @throws RateLimitError with `ERR_RATE_LIMIT_COST` when it is above the burst.
 */
export function checkCost(cost: unknown, burst: number): asserts cost is number {
  if (!(typeof cost === "number" && cost > 0 && cost <= burst)) throw costError(cost, burst);
}

/** Checks how long a request may wait and returns milliseconds. */
export function parseTimeout(timeout: unknown): number {
  return timeout === undefined ? Infinity : parseDuration(timeout, "timeout", { zero: true });
}

/** How long a pause lasts, in milliseconds that a clock can count; 0: there is none. */
export function parsePause(duration: unknown): number {
  if (duration === undefined || duration === null) return 0;
  if (typeof duration === "number") {
    return duration > 0 ? Math.min(duration * 1000, Number.MAX_SAFE_INTEGER) : 0;
  }
  if (typeof duration === "string" && DURATION_PATTERN.test(duration)) {
    return Math.min(parseDuration(duration, "duration", { zero: true }), Number.MAX_SAFE_INTEGER);
  }
  const wrong = unlike("duration", durationRule({ zero: true }), duration);
  throw new TypeError(`${wrong} What a header says is read by retryAfterSeconds(response).`);
}

/** Reads and checks the options of one request. */
export function readRequest(
  method: string,
  options: AcquireOptions | undefined,
  burst: number,
  keys: "async" | "sync" = "async",
): Request {
  const given: unknown = options;
  if (given !== undefined) checkKeys(method, keys === "sync" ? SYNC_KEYS : ASYNC_KEYS, given);
  const { cost = 1, timeout, signal } = options ?? {};
  checkCost(cost, burst);
  checkSignal(signal);
  return { cost, timeout: parseTimeout(timeout), signal };
}
