import { checkKeys } from "../kernel/options.js";
import { checkFunction } from "../kernel/policy.js";
import { disguise, type Promised } from "../kernel/wrap.js";
import { type AcquireSyncOptions, parseTimeout } from "./request.js";

/** Where a limited function waits for its turn. */
interface Turnstile {
  acquire(options?: AcquireSyncOptions): Promise<void>;
  acquireSync(options?: AcquireSyncOptions): void;
}

/** What a limited function has besides. */
export interface Limited<Limiter> {
  /** The limiter of all calls; with `perInstance`, of the calls without an instance. */
  readonly limiter: Limiter;
  /** The limiter of the calls on this instance: `limiter` unless `perInstance` was asked for. */
  readonly limiterOf: (instance: unknown) => Limiter;
}

const KEYS = { cost: true, timeout: true };

/** Checked when the function is made, so that a mistake does not wait for the first call; the cost with the burst of each call. */
function checkWait(method: string, options: AcquireSyncOptions | undefined): void {
  const given: unknown = options;
  if (given !== undefined) checkKeys(method, KEYS, given);
  parseTimeout(options?.timeout);
}

/** A function that waits for its turn at the limiter of its instance. */
export function limitAsync<Limiter extends Turnstile, This, Args extends unknown[], Result>(
  limiter: Limiter,
  limiterOf: (instance: unknown) => Limiter,
  options: AcquireSyncOptions | undefined,
  fn: (this: This, ...args: Args) => Result,
): Promised<This, Args, Result> & Limited<Limiter> {
  checkFunction(fn, "wrap");
  checkWait("wrap", options);
  return disguise(
    async function (this: This, ...args: Args): Promise<Awaited<Result>> {
      await limiterOf(this).acquire(options);
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
  checkFunction(fn, "wrapSync");
  checkWait("wrapSync", options);
  return disguise(
    function (this: This, ...args: Args): Result {
      limiterOf(this).acquireSync(options);
      return fn.apply(this, args);
    },
    fn,
    { limiter, limiterOf },
  );
}
