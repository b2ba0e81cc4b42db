import { checkKeys } from "../kernel/options.js";
import { checkFunction } from "../kernel/policy.js";
import { disguise, type Promised } from "../kernel/wrap.js";
import { type AcquireSyncOptions, readRequest, SYNC_KEYS } from "./request.js";

/** Where a limited function waits for its turn. */
interface Turnstile {
  acquire(options?: AcquireSyncOptions): Promise<void>;
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
function readOnce(method: string, fn: unknown, options: AcquireSyncOptions | undefined): AcquireSyncOptions {
  checkFunction(fn, method, RECIPE);
  if (options === undefined) return {};
  checkKeys(method, SYNC_KEYS, options);
  const own = { ...options };
  readRequest(method, own, Number.MAX_VALUE, "sync");
  return own;
}

/** A function that waits for its turn at the limiter of its instance. */
export function limitAsync<Limiter extends Turnstile, This, Args extends unknown[], Result>(
  limiter: Limiter,
  limiterOf: (instance: unknown) => Limiter,
  options: AcquireSyncOptions | undefined,
  fn: (this: This, ...args: Args) => Result,
): Promised<This, Args, Result> & Limited<Limiter> {
  const own = readOnce("wrap", fn, options);
  return disguise(
    async function (this: This, ...args: Args): Promise<Awaited<Result>> {
      await limiterOf(this).acquire(own);
      return await fn.apply(this, args);
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
  const own = readOnce("wrapSync", fn, options);
  return disguise(
    function (this: This, ...args: Args): Result {
      limiterOf(this).acquireSync(own);
      return fn.apply(this, args);
    },
    fn,
    { limiter, limiterOf },
  );
}
