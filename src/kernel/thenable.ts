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
