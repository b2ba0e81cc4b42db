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

/** Throws a TypeError unless `value` is a function. */
export function checkFunction(
  value: unknown,
  method: string,
): asserts value is (this: never, ...args: never) => unknown {
  if (typeof value !== "function") throw new TypeError(`${method} needs a function; got ${show(value)}.`);
}

/** Throws a TypeError unless `signal` is an AbortSignal or `undefined`. */
export function checkSignal(signal: unknown): void {
  const { aborted, addEventListener } = (signal ?? {}) as Partial<AbortSignal>;
  if (signal !== undefined && (typeof aborted !== "boolean" || typeof addEventListener !== "function")) {
    throw new TypeError(unlike("signal", "an AbortSignal", signal));
  }
}

/**
 * Calls `fn` and settles as it does, or rejects with `signal.reason` as soon as the signal aborts; the
 * listener on the signal is gone either way. Does not look at a signal that is aborted already.
 *
 * @param onAbort runs in the listener: what it does is done when `abort()` returns.
 */
export function runAbortable<Result>(
  fn: (context: ExecutionContext) => Result | PromiseLike<Result>,
  signal: AbortSignal | undefined,
  onAbort?: () => void,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const running = fn(new LazyContext(signal));
    if (signal === undefined) {
      resolve(running);
      return;
    }
    const abort = (): void => {
      onAbort?.();
      reject(signal.reason);
    };
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    Promise.resolve(running)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", abort));
  });
}
