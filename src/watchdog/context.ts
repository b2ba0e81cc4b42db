import { configuredLayers } from "../kernel/configured.js";
import { type OptionRules, resolveOptions } from "../kernel/options.js";
import { checkFunction, checkSignal, type ExecuteOptions, type ExecutionContext } from "../kernel/policy.js";
import { flag } from "../kernel/rules.js";
import { isThenable } from "../kernel/thenable.js";
import { WatchdogTimeoutError } from "./errors.js";
import { runInterruptible } from "./interrupt.js";
import { type WatchdogOptions, watchdogRules, type WatchdogSettings } from "./options.js";
import { markChecked, Watchdog } from "./watchdog.js";

/** How a {@link WatchdogContext} is made: what a watchdog takes, and whether a timeout is an error. */
export interface WatchdogContextOptions extends WatchdogOptions {
  /** Whether a timeout ends the run with a {@link WatchdogTimeoutError}. Default `false`: it is only reported. */
  readonly raiseOnTimeout?: boolean | undefined;
}

/** The watchdog of one run. */
export interface RunWatchdog extends Watchdog {
  /** Aborted when the run has timed out under `raiseOnTimeout`, or was given up by its caller. */
  readonly signal: AbortSignal;
}

type ContextSettings = WatchdogSettings & { readonly raiseOnTimeout: boolean };

const contextRules: OptionRules<ContextSettings> = { ...watchdogRules, raiseOnTimeout: flag(false) };

class WatchdogOfRun extends Watchdog implements RunWatchdog {
  readonly signal: AbortSignal;
  timeout: WatchdogTimeoutError | undefined;
  /** Whether synchronous code runs that could not be interrupted and must learn of a timeout from `ping()`. */
  throwing = false;

  constructor(settings: ContextSettings, controller: AbortController) {
    super(settings);
    this.signal = controller.signal;
    if (!settings.raiseOnTimeout) return;
    this.on("timeout", ({ secondsInactive, stack }) => {
      if (this.timeout !== undefined) return;
      this.timeout = new WatchdogTimeoutError(this.name, secondsInactive, stack);
      controller.abort(this.timeout);
    });
  }

  override ping(): void {
    if (this.throwing && this.isTriggered) this.throwIfTimedOut();
    super.ping();
  }

  /** Throws the timeout, if there was one; also one that the event loop has had no chance to tell of. */
  throwIfTimedOut(cause?: unknown): void {
    this.catchUp();
    if (this.timeout === undefined || this.timeout === cause) return;
    // Where it was found says nothing; what it was thrown out of does.
    Error.captureStackTrace(this.timeout);
    if (cause !== undefined) this.timeout.cause = cause;
    throw this.timeout;
  }

  /** Runs synchronous code so that a timeout can be thrown into it, where that is possible. */
  runRaising<Result>(body: () => Result): Result {
    const counters = this.interruptible;
    this.throwing = true;
    if (counters === undefined) return body();
    const outcome = runInterruptible(counters, body);
    if (outcome.end === "returned") return outcome.result;
    if (outcome.end === "threw") throw outcome.error;
    this.throwIfTimedOut();
    throw new WatchdogTimeoutError(this.name, this.secondsSincePing);
  }

  override hold(): Disposable | undefined {
    return super.hold();
  }
}

/** Runs functions under a watchdog of their own; made by {@link watchdogContext}. */
export class WatchdogContext {
  readonly #settings: ContextSettings;

  /** @internal */
  constructor(options?: WatchdogContextOptions) {
    const layers = configuredLayers("watchdog", options);
    this.#settings = resolveOptions<ContextSettings>("watchdogContext", contextRules, options, layers);
    markChecked(this.#settings);
  }

  /**
   * Runs `body` with a started watchdog and resolves with its result. With `raiseOnTimeout` the first timeout
   * rejects at once with a {@link WatchdogTimeoutError} and aborts the signal; the run then keeps the process
   * alive while it waits. Without it, timeouts are only reported.
   */
  async run<Result>(
    body: (watchdog: RunWatchdog, context: ExecutionContext) => Result | PromiseLike<Result>,
    { signal }: ExecuteOptions = {},
  ): Promise<Result> {
    checkFunction(body, "run");
    checkSignal(signal);
    signal?.throwIfAborted();
    const controller = new AbortController();
    const abort = (): void => controller.abort(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    const watchdog = new WatchdogOfRun(this.#settings, controller);
    watchdog.start();
    const held = this.#settings.raiseOnTimeout ? watchdog.hold() : undefined;
    try {
      const result = await untilAborted(body(watchdog, { signal: controller.signal }), controller.signal);
      watchdog.throwIfTimedOut();
      return result;
    } catch (error) {
      watchdog.throwIfTimedOut(error);
      throw error;
    } finally {
      held?.[Symbol.dispose]();
      watchdog.stop();
      signal?.removeEventListener("abort", abort);
    }
  }

  /**
   * Runs synchronous `body` with a started watchdog and returns its result. With `raiseOnTimeout` a timeout is
   * thrown into `body` as a {@link WatchdogTimeoutError} while it is frozen: it ends where it is, without
   * running its own `catch` and `finally` blocks. What cannot be interrupted (a system call) throws when it
   * returns. On Windows, in worker threads and with a clock of one's own the error comes with the next
   * `ping()` or when `body` returns.
   */
  runSync<Result>(body: (watchdog: RunWatchdog, context: ExecutionContext) => Result): Result {
    checkFunction(body, "runSync");
    const controller = new AbortController();
    const { signal } = controller;
    const watchdog = new WatchdogOfRun(this.#settings, controller);
    watchdog.start();
    try {
      const call = (): Result => body(watchdog, { signal });
      const result = this.#settings.raiseOnTimeout ? watchdog.runRaising(call) : call();
      if (isThenable(result)) {
        throw new TypeError("runSync needs a synchronous function; it returned a promise. Use run().");
      }
      watchdog.throwIfTimedOut();
      return result;
    } catch (error) {
      watchdog.throwIfTimedOut(error);
      throw error;
    } finally {
      watchdog.stop();
    }
  }
}

function untilAborted<Result>(running: Result | PromiseLike<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    Promise.resolve(running).then(resolve, reject);
    if (signal.aborted) abort();
  });
}

/**
 * Makes a context that runs functions under a watchdog of their own.
 *
 * @throws TypeError or RangeError for an option that is not right; the message names it.
 * @example
 * ```ts
 * import { watchdogContext } from "@kstlib/resilience";
 *
 * const total = await watchdogContext({ timeout: 10, raiseOnTimeout: true }).run(async (watchdog) => {
 *   let sum = 0;
 *   for (const price of [1, 2, 3]) {
 *     watchdog.ping();
 *     sum += price;
 *   }
 *   return sum;
 * });
 * console.assert(total === 6);
 * ```
 */
export function watchdogContext(options?: WatchdogContextOptions): WatchdogContext {
  return new WatchdogContext(options);
}
