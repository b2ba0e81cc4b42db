/** Whether a value is a promise or anything else with a `then` method. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === "function";
}

/**
 * For a promise that is refused, so that nobody will see it: what it rejects with must not become an unhandled
 * rejection. Its own `then` is left alone, because a lazy one, as of a query builder, would begin its work.
 */
export function disown(refused: unknown): void {
  try {
    // The engine's, which takes the promises of every realm and nothing else.
    void Promise.prototype.then.call(refused, undefined, () => {});
  } catch {
    // No promise of the engine's: nothing that it would report as unhandled.
  }
}
