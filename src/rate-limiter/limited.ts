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

/** What a limited function needs of its limiter. */
export interface AsyncTurns {
  acquire(options?: AcquireSyncOptions): Promise<void>;
  execute(fn: () => void, options?: AcquireOptions): Promise<void>;
}

/** What a synchronous one needs. */
interface SyncTurns {
  acquireSync(options?: AcquireSyncOptions): void;
}

/** What to do with a generator function, for an error message. */
export const RECIPE =
  "Await limiter.acquire() in it, before the iteration or before each item, and call it as it is.";

/** The additional properties of a limited function. */
export interface Limited<Limiter> {
  /** The limiter of all calls; with `perInstance`, of the calls without an instance. */
  readonly limiter: Limiter;
  /** The limiter of the calls on this instance: `limiter` unless `perInstance` is set. */
  readonly limiterOf: (instance: unknown) => Limiter;
}

/** Checks the options when the function is made, so that a mistake shows before the first call. Each call knows its burst. */
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
 * @param turnsOf where in the limiter a call waits.
 */
export function limitAsync<Limiter>(
  limiters: Policies<Limiter>,
  options: WrapOptions | undefined,
  fn: AnyFunction,
  turnsOf: (limiter: Limiter, self: unknown, args: readonly unknown[]) => AsyncTurns,
): AnyFunction {
  const { signal: given, ...own } = readOnce("wrap", fn, options, "async");
  return wrapCalls("limiter", limiters, fn, async (limiter, run, self, args) => {
    const turns = turnsOf(limiter, self, args);
    if (given === undefined) {
      await turns.acquire(own);
      return await run();
    }
    const signal = typeof given === "function" ? (Reflect.apply(given, self, args) as AbortSignal) : given;
    let call: { readonly result: unknown } | undefined;
    try {
      await turns.execute(
        () => {
          call = { result: run() };
        },
        { ...own, signal },
      );
    } catch (error) {
      // A function that aborts its own signal when it begins has run nevertheless.
      if (call === undefined) throw error;
    }
    return await call?.result;
  });
}

/** A function that blocks the thread until its turn at the limiter of its instance. */
export function limitSync<Limiter extends SyncTurns>(
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
