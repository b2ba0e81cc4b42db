import { type Abortable, onAbort } from "./abort.js";
import { Context, contextFor, type ExecuteOptions, type ExecutionContext } from "./context.js";
import { show } from "./show.js";
import type { NotAPromise, Synchronous } from "./synchronous.js";

declare const INSTEAD: unique symbol;

/** What a call under a policy may resolve with in place of the function's result. */
export type InsteadOf<Of> = Of extends { readonly [INSTEAD]?: () => infer Instead } ? Instead : never;

/**
 * Anything that can run a function under its protection; policies compose by nesting `execute`. `Instead` is what a call
 * may resolve with in place of the function's result, as with a fallback.
 */
export interface Policy<Instead = never> {
  /**
   * Only a type: what a call may resolve with in place of the function's result. Of a function, because the `undefined` of an
   * optional property would become a part of it.
   */
  readonly [INSTEAD]?: () => Instead;
  /**
   * Runs `fn` under the policy and resolves with its result.
   *
   * @throws never synchronously; rejects with what `fn` throws, the policy's own refusal, or `signal.reason`.
   */
  execute<Result>(
    fn: (context: ExecutionContext) => Result | PromiseLike<Result>,
    options?: ExecuteOptions,
  ): Promise<Result | Instead>;
}

/** A {@link Policy} that can run synchronous functions, too. */
export interface SyncPolicy<Instead = never> extends Policy<Instead> {
  /**
   * Runs the synchronous `fn` under the policy and returns its result, which must not be a promise. A signal that is
   * aborted already keeps it from running; one that aborts meanwhile cannot end it.
   *
   * @throws what `fn` throws, the policy's own refusal, or `signal.reason`.
   */
  executeSync<Result>(
    fn: ((context: ExecutionContext) => Result) & Synchronous<Result>,
    options?: ExecuteOptions,
  ): NotAPromise<Result> | Instead;
}

type Callable = (this: never, ...args: never) => unknown;
type Tagged = Callable & { readonly [Symbol.toStringTag]?: unknown };

/** Throws a TypeError unless `value` is a function. */
export function checkAnyFunction(value: unknown, method: string): asserts value is Callable {
  if (typeof value !== "function") throw new TypeError(`${method} needs a function; got ${show(value)}.`);
}

/**
 * Throws a TypeError unless `value` is a function that does its work when it is called, which one of a generator
 * does not: its call would be over, and a success, before anything has happened.
 *
 * @param recipe says what to do with a generator function instead.
 */
export function checkFunction(
  value: unknown,
  method: string,
  recipe: string = "Iterate in a function of your own, and pass that.",
): asserts value is Callable {
  checkAnyFunction(value, method);
  // By its tag, which is the same in every realm.
  const tag = (value as Tagged)[Symbol.toStringTag];
  if (tag !== "GeneratorFunction" && tag !== "AsyncGeneratorFunction") return;
  throw new TypeError(
    `${method} needs a function that does its work when it is called; a generator function does it while it is iterated. ${recipe}`,
  );
}

/** Resources of an execution, released when its promise settles; only the first call has an effect. */
export interface Settling {
  returned(value: unknown): void;
  failure(error: unknown): void;
  release(): void;
}

/**
 * Calls `fn` and settles as it does, or rejects with `signal.reason` as soon as the source's signal aborts; the
 * listener on the signal is gone either way. A signal that is aborted already does not keep `fn` from running.
 *
 * @param source the context that `fn` is given, or the signal of one to make.
 * @param held is settled together with the promise: released by the time `abort()` returns.
 */
export function runAbortable<Result>(
  fn: (context: ExecutionContext) => Result | PromiseLike<Result>,
  source: Abortable | Context | undefined,
  held?: Settling,
): Promise<Result> {
  const context = Context.is(source) ? source : new Context(source);
  const signal = context.source;
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      held?.release();
      reject(signal?.reason);
    };
    // Before the function runs: if it aborts the signal and then fails, the abort comes first.
    const leave = signal?.aborted === false ? onAbort(signal, abort) : undefined;
    const settleAbortable = async (): Promise<void> => {
      try {
        const value = await fn(contextFor(fn, context));
        held?.returned(value);
        resolve(value);
      } catch (error) {
        held?.failure(error);
        reject(error);
      }
      leave?.();
    };
    void settleAbortable();
    if (signal?.aborted) abort();
  });
}
