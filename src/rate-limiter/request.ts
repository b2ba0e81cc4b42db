import { type Abortable, checkSignal } from "../kernel/abort.js";
import { type Duration, DURATION_PATTERN, durationRule, parseDuration } from "../kernel/duration.js";
import { checkKeys, ownOptions } from "../kernel/options.js";
import { unlike } from "../kernel/show.js";
import { costError } from "./errors.js";

/** Options of a request that blocks the thread. */
export interface AcquireSyncOptions {
  /** How many tokens it takes: a number above 0, up to the burst; fractions are allowed. Default 1. */
  readonly cost?: number | undefined;
  /**
   * How long it may wait. If its turn cannot come in that time it is refused at once, without waiting;
   * with 0 it does not wait at all. Default: as long as it takes.
   */
  readonly timeout?: Duration | undefined;
}

/** Options of a reservation. */
export interface ReserveOptions {
  /**
   * The longest wait: a reservation whose tokens come later is refused, and takes none. With 0, only what is
   * available now is reserved. Default: as long as it takes.
   */
  readonly timeout?: Duration | undefined;
}

/** Options of a request that waits. */
export interface AcquireOptions extends AcquireSyncOptions {
  /** Ends the wait: the promise rejects at once with `signal.reason`, and no token is taken. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of a wrapped function: how each call waits. */
export interface WrapOptions<Args extends readonly unknown[] = never[]> extends AcquireSyncOptions {
  /**
   * Ends a wait: the call rejects at once with `signal.reason`, no token is taken, and the function does not
   * run. One signal for all calls, or a function that finds it in the arguments of each:
   * `(url, { signal }) => signal`. Once the function runs, it has to observe the signal itself.
   */
  readonly signal?: AbortSignal | SignalOf<Args> | undefined;
}

/** Options of a function that a keyed limiter wraps. */
export interface KeyedWrapOptions<Args extends readonly unknown[] = never[]> extends WrapOptions<Args> {
  /** Returns the key of one call; called with its `this` and arguments. A call whose key is not a string rejects. */
  readonly key: (...args: Args) => string;
}

/** Returns the signal of one call; called with its `this` and arguments. */
export type SignalOf<Args extends readonly unknown[] = never[]> = (...args: Args) => AbortSignal | undefined;

/** A checked request; the timeout in milliseconds. */
export interface Request {
  readonly cost: number;
  readonly timeout: number;
  readonly signal: Abortable | undefined;
}

/** The keys of {@link AcquireSyncOptions}. */
export const SYNC_KEYS: Readonly<Record<keyof AcquireSyncOptions, true>> = { cost: true, timeout: true };
/** The keys of {@link AcquireOptions} and {@link WrapOptions}. */
export const ASYNC_KEYS: Readonly<Record<keyof AcquireOptions, true>> = { ...SYNC_KEYS, signal: true };

/**
 * Throws unless the bucket can hold `cost` tokens.
 *
 * @throws TypeError when it is not a number.
 * @throws RangeError when it is not above 0, or not finite.
 * @throws RateLimitError with `ERR_RATE_LIMIT_COST` when it is above the burst.
 */
export function checkCost(cost: unknown, burst: number): asserts cost is number {
  if (!(typeof cost === "number" && cost > 0 && cost <= burst && cost < Infinity))
    throw costError(cost, burst);
}

/** Throws unless it is a number of tokens that can be given back. */
export function checkTokens(tokens: unknown): asserts tokens is number {
  if (typeof tokens === "number" && tokens > 0 && tokens < Infinity) return;
  const message = unlike("tokens", "a number above 0", tokens);
  throw new (typeof tokens === "number" ? RangeError : TypeError)(message);
}

/** The options of a wrapped function with a key, read once; the {@link WrapOptions} among them are checked later. */
export function readKeyed(options: unknown): KeyedWrapOptions {
  const own = ownOptions("wrap", { ...ASYNC_KEYS, key: true }, options);
  const { key } = own;
  if (typeof key !== "function") throw new TypeError(unlike("key", "a function that returns a string", key));
  return { ...own, key: key as KeyedWrapOptions["key"] };
}

/** Checks how long a request may wait and returns milliseconds. */
export function parseTimeout(timeout: unknown): number {
  return timeout === undefined ? Infinity : parseDuration(timeout, "timeout", { zero: true });
}

/** How long a pause lasts, in milliseconds; 0 for none. */
export function parsePause(duration: unknown): number {
  if (duration === undefined || duration === null) return 0;
  if (typeof duration === "number") {
    return duration > 0 ? Math.min(duration * 1000, Number.MAX_SAFE_INTEGER) : 0;
  }
  if (typeof duration === "string" && DURATION_PATTERN.test(duration)) {
    return Math.min(parseDuration(duration, "duration", { zero: true }), Number.MAX_SAFE_INTEGER);
  }
  const wrong = unlike("duration", durationRule({ zero: true }), duration);
  throw new TypeError(`${wrong} Read a header with retryAfterSeconds(response).`);
}

const RESERVE_KEYS: Readonly<Record<keyof ReserveOptions, true>> = { timeout: true };

/** Reads how long a reservation may wait, in milliseconds. */
export function reserveTimeout(options: ReserveOptions | undefined): number {
  if (options === undefined) return Infinity;
  const given: unknown = options;
  checkKeys("reserve", RESERVE_KEYS, given);
  return parseTimeout(options.timeout);
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
  if (signal !== undefined) checkSignal(signal, "signal");
  return { cost, timeout: parseTimeout(timeout), signal };
}
