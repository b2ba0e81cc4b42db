/** Whether a value is a promise or anything else with a `then` method. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === "function";
}

/**
 * Keeps the rejection of a promise that is refused from becoming an unhandled one. The value's own `then` is not called,
 * because a lazy one, such as that of a query builder, would start its work.
 */
export function disown(refused: unknown): void {
  try {
    // The built-in `then` accepts promises of every realm, and nothing else.
    void Promise.prototype.then.call(refused, undefined, () => {});
  } catch {
    // Not a native promise, so it cannot cause an unhandled rejection.
  }
}

/** `then` as `await` does it: a `then` of the promise's own may throw, or return nothing. */
export function chain<Result, Ended>(
  result: Result | PromiseLike<Result>,
  fulfilled: (value: Result) => Ended | PromiseLike<Ended>,
  rejected: (reason: unknown) => Ended | PromiseLike<Ended>,
): Promise<Ended> {
  const promise: Promise<unknown> = Promise.resolve(result);
  // The handler receives the promise's value.
  return Promise.prototype.then.call(promise, fulfilled as typeof rejected, rejected) as Promise<Ended>;
}
