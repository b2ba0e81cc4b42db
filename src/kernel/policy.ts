import { isAbortSignal, onAbort } from "./abort.js";
import { ownOptions } from "./options.js";
import { show, unlike } from "./show.js";

/** What a function run by {@link Policy.execute} is given. */
export interface ExecutionContext {
  /** Aborted when the caller's signal is; always there, so that it can be passed on. */
  readonly signal: AbortSignal;
}

/** How the caller can influence one execution. */
export interface ExecuteOptions {
  /** Gives the execution up: the promise rejects at once with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** Anything that can run a function under its protection; policies compose by nesting `execute`. */
export interface Policy {
  /**
   * Runs `fn` under the policy and resolves with its result.
   *
   * @throws never synchronously; rejects with what `fn` throws, the policy's own refusal, or `signal.reason`.
   */
  execute<Result>(
    fn: (context: ExecutionContext) => Result | PromiseLike<Result>,
    options?: ExecuteOptions,
  ): Promise<Result>;
}

class LazyContext implements ExecutionContext {
  #signal: AbortSignal | undefined;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  // An AbortSignal costs a microsecond: made for those who ask. A shared one would collect their listeners.
  get signal(): AbortSignal {
    return (this.#signal ??= new AbortController().signal);
  }
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

/** Throws a TypeError unless `signal` is an AbortSignal or `undefined`. */
export function checkSignal(signal: unknown): void {
  if (signal === undefined || isAbortSignal(signal)) return;
  throw new TypeError(unlike("signal", "an AbortSignal", signal));
}

const executeKeys = { signal: true };

/** The signal of {@link ExecuteOptions}, checked with what else they have. */
export function readSignal(options: ExecuteOptions | undefined): AbortSignal | undefined {
  if (options === undefined) return undefined;
  const { signal }: ExecuteOptions = ownOptions("execute", executeKeys, options);
  checkSignal(signal);
  return signal;
}

/** What an execution holds, given back as its promise settles; only the first of the calls counts. */
export interface Settling {
  returned(value: unknown): void;
  failure(error: unknown): void;
  release(): void;
}

/**
 * Calls `fn` and settles as it does, or rejects with `signal.reason` as soon as the signal aborts; the
 * listener on the signal is gone either way. A signal that is aborted already does not keep `fn` from running.
 *
 * @param held is settled together with the promise: released by the time `abort()` returns.
 */
export function runAbortable<Result>(
  fn: (context: ExecutionContext) => Result | PromiseLike<Result>,
  signal: AbortSignal | undefined,
  held?: Settling,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      held?.release();
      reject(signal?.reason);
    };
    // Before the function runs: one that aborts the signal and then fails was aborted.
    const leave = signal?.aborted === false ? onAbort(signal, abort) : undefined;
    const settleAbortable = async (): Promise<void> => {
      try {
        const value = await fn(new LazyContext(signal));
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
