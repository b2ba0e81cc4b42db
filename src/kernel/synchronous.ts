import { disown, isThenable } from "./thenable.js";

/** Whether a result is a promise whatever happens. */
export type IsPromise<Result> = [Result] extends [never]
  ? false
  : unknown extends Result
    ? false
    : [Result] extends [PromiseLike<unknown>]
      ? true
      : false;

/** What a function that is called at once and synchronously has to be as well: nothing more, unless it returns a promise. */
export type Synchronous<Result> =
  IsPromise<Result> extends true
    ? "a function that returns a promise needs the method without Sync"
    : unknown;

/** What a synchronous call returns: what the function returns, which must not be a promise. */
export type NotAPromise<Result> = Exclude<Result, PromiseLike<unknown>>;

function isDirect<Result>(result: Result): result is NotAPromise<Result> {
  return !isThenable(result);
}

/**
 * The result of a synchronous call.
 *
 * @param advice says what to use instead for a promise.
 * @throws TypeError when it is a promise, which is left to itself.
 */
export function synchronous<Result>(result: Result, advice: string): NotAPromise<Result> {
  if (isDirect(result)) return result;
  disown(result);
  throw new TypeError(
    `a synchronous call needs a function that returns its result; got a promise. ${advice}`,
  );
}
