import { checkKeys } from "../kernel/options.js";
import { checkFunction } from "../kernel/policy.js";
import type { AnyFunction } from "../kernel/wrap.js";
import { type Policies, wrapCalls } from "../kernel/wrapper.js";
import {
  type AcquireOptions,
  type AcquireSyncOptions,
  ASYNC_KEYS,
  readRequest,
  SYNC_KEYS,
  type WrapOptions,
} from "./request.js";

/** Where a limited function waits for its turn. */
export interface Turnstile {
  acquire(options?: AcquireSyncOptions): Promise<void>;
  execute(fn: () => void, options?: AcquireOptions): Promise<void>;
}

/** Where it blocks the thread. */
interface SyncTurnstile {
  acquireSync(options?: AcquireSyncOptions): void;
}

/** What to do with a generator function, in the words of an error message. */
export const RECIPE =
  "Await limiter.acquire() in it, before the iteration or before each item, and call it as it is.";

/** What a limited function has besides. */
export interface Limited<Limiter> {
  /** The limiter of all calls; with `perInstance`, of the calls without an instance. */
  readonly limiter: Limiter;
  /** The limiter of the calls on this instance: `limiter` unless `perInstance` was asked for. */
  readonly limiterOf: (instance: unknown) => Limiter;
}

/** Read once and checked when the function is made, so that a mistake does not wait for the first call; each call knows its burst. */
function readOnce(
  method: string,
  fn: unknown,
  options: WrapOptions | undefined,
  keys: "async" | "sync",
): WrapOptions {
  checkFunction(fn, method, RECIPE);
  if (options === undefined) return {};
  const given: object = options;
  checkKeys(method, keys === "sync" ? SYNC_KEYS : ASYNC_KEYS, given);
  const { signal, ...own } = options;
  readRequest(
    method,
    { ...own, signal: typeof signal === "function" ? undefined : signal },
    Number.MAX_VALUE,
  );
  return { ...own, signal };
}

/**
 * A function that waits for its turn at the limiter of its instance.
 *
 * @param turnstileOf where in the limiter a call waits.
 */
export function limitAsync<Limiter>(
  limiters: Policies<Limiter>,
  options: WrapOptions | undefined,
  fn: AnyFunction,
  turnstileOf: (limiter: Limiter, self: unknown, args: readonly unknown[]) => Turnstile,
): AnyFunction {
  const { signal: given, ...own } = readOnce("wrap", fn, options, "async");
  return wrapCalls("limiter", limiters, fn, async (limiter, run, self, args) => {
    const turnstile = turnstileOf(limiter, self, args);
    if (given === undefined) {
      await turnstile.acquire(own);
      return await run();
    }
    const signal = typeof given === "function" ? (Reflect.apply(given, self, args) as AbortSignal) : given;
    let call: { readonly result: unknown } | undefined;
    try {
      await turnstile.execute(
        () => {
          call = { result: run() };
        },
        { ...own, signal },
      );
    } catch (error) {
      // A function that aborted its own signal as it began has run all the same.
      if (call === undefined) throw error;
    }
    return await call?.result;
  });
}

/** A function that blocks the thread until its turn at the limiter of its instance. */
export function limitSync<Limiter extends SyncTurnstile>(
  limiters: Policies<Limiter>,
  options: AcquireSyncOptions | undefined,
  fn: AnyFunction,
): AnyFunction {
  const { cost, timeout } = readOnce("wrapSync", fn, options, "sync");
  return wrapCalls("limiter", limiters, fn, (limiter, run) => {
    limiter.acquireSync({ cost, timeout });
    return run();
  });
}
