import { checkKeys } from "../kernel/options.js";
import { checkFunction } from "../kernel/policy.js";
import { disguise, type Promised } from "../kernel/wrap.js";
import {
  type AcquireOptions,
  type AcquireSyncOptions,
  ASYNC_KEYS,
  readRequest,
  SYNC_KEYS,
  type WrapOptions,
} from "./request.js";

/** Where a limited function waits for its turn. */
interface Turnstile {
  acquire(options?: AcquireSyncOptions): Promise<void>;
  acquireSync(options?: AcquireSyncOptions): void;
  execute(fn: () => void, options?: AcquireOptions): Promise<void>;
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
function readOnce<Args extends readonly unknown[]>(
  method: string,
  fn: unknown,
  options: WrapOptions<Args> | undefined,
  keys: "async" | "sync",
): WrapOptions<Args> {
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

/** A function that waits for its turn at the limiter of its instance. */
export function limitAsync<Limiter extends Turnstile, This, Args extends unknown[], Result>(
  limiter: Limiter,
  limiterOf: (instance: unknown) => Limiter,
  options: WrapOptions<Args> | undefined,
  fn: (this: This, ...args: Args) => Result,
): Promised<This, Args, Result> & Limited<Limiter> {
  const { signal: given, ...own } = readOnce("wrap", fn, options, "async");
  return disguise(
    async function (this: This, ...args: Args): Promise<Awaited<Result>> {
      const turnstile = limiterOf(this);
      if (given === undefined) {
        await turnstile.acquire(own);
        return await fn.apply(this, args);
      }
      const signal = typeof given === "function" ? given.apply(this, args) : given;
      let call: { readonly result: Result } | undefined;
      try {
        await turnstile.execute(
          () => {
            call = { result: fn.apply(this, args) };
          },
          { ...own, signal },
        );
      } catch (error) {
        // A function that aborted its own signal as it began has run all the same.
        if (call === undefined) throw error;
      }
      return await (call as { readonly result: Result }).result;
    },
    fn,
    { limiter, limiterOf },
  );
}

/** A function that blocks the thread until its turn at the limiter of its instance. */
export function limitSync<Limiter extends Turnstile, This, Args extends unknown[], Result>(
  limiter: Limiter,
  limiterOf: (instance: unknown) => Limiter,
  options: AcquireSyncOptions | undefined,
  fn: (this: This, ...args: Args) => Result,
): ((this: This, ...args: Args) => Result) & Limited<Limiter> {
  const { cost, timeout } = readOnce("wrapSync", fn, options, "sync");
  return disguise(
    function (this: This, ...args: Args): Result {
      limiterOf(this).acquireSync({ cost, timeout });
      return fn.apply(this, args);
    },
    fn,
    { limiter, limiterOf },
  );
}
