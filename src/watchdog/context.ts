import { onAbort, throwIfAborted } from "../kernel/abort.js";
import { realClock } from "../kernel/clock.js";
import type { OptionRules } from "../kernel/options.js";
import { exposed, type ExecuteOptions, type ExecutionContext, readContext } from "../kernel/context.js";
import { checkFunction, runAbortable, type SyncPolicy } from "../kernel/policy.js";
import { synchronous, type NotAPromise, type Synchronous } from "../kernel/synchronous.js";
import { flag } from "../kernel/rules.js";
import { WatchdogTimeoutError } from "./errors.js";
import { passOn, runInterruptible, runLimited, takesNothing, warnNoInterruption } from "./interrupt.js";
import { resolveWatchdog, type WatchdogOptions, watchdogRules, type WatchdogSettings } from "./options.js";
import { threadList } from "./main-global.js";
import { Watchdog } from "./watchdog.js";

/** Options of {@link watchdogContext}: those of a watchdog, and whether a timeout is an error. */
export interface WatchdogContextOptions extends WatchdogOptions {
  /** Whether a timeout ends the run with a {@link WatchdogTimeoutError}. Default `false`: it is only reported. */
  readonly raiseOnTimeout?: boolean | undefined;
}

/** The watchdog of one run. */
export interface RunWatchdog extends Watchdog {
  /** Aborted when the run times out under `raiseOnTimeout`, or when the caller's signal aborts. */
  readonly signal: AbortSignal;
}

type ContextSettings = WatchdogSettings & { readonly raiseOnTimeout: boolean };

const contextRules: OptionRules<ContextSettings> = { ...watchdogRules, raiseOnTimeout: flag(false) };

class WatchdogOfRun extends Watchdog implements RunWatchdog {
  readonly #controller = new AbortController();
  readonly signal: AbortSignal = this.#controller.signal;
  #timeout: WatchdogTimeoutError | undefined;
  /** Whether a thread can find the run frozen: not with a custom clock. */
  readonly #byThread: boolean;
  /** Whether `ping()` throws a timeout: the only way for synchronous code that cannot be interrupted. */
  #throwing = false;

  constructor(settings: ContextSettings) {
    super(undefined, settings);
    this.#byThread = settings.clock === realClock;
    if (!settings.raiseOnTimeout) return;
    this.on("timeout", ({ secondsInactive, stack }) => {
      this.#timeout ??= new WatchdogTimeoutError(this.name, secondsInactive, stack);
      this.abort(this.#timeout);
    });
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  override ping(): void {
    if (this.#throwing && this.isTriggered) this.raise();
    super.ping();
  }

  /** Throws the timeout, if there was one, even if the event loop has had no chance yet to report it. */
  raise(cause?: unknown): void {
    this.supervision?.catchUp();
    const timeout = this.#timeout;
    if (timeout === undefined || timeout === cause) return;
    // The stack should show where it is thrown, not where the timeout was found.
    Error.captureStackTrace(timeout);
    if (cause !== undefined) timeout.cause = cause;
    throw timeout;
  }

  /**
   * Runs synchronous code so that a timeout can be thrown into it, where that is possible.
   *
   * @param limit after how many milliseconds the engine ends it where the monitor cannot; `undefined` if it may ping.
   */
  runRaising<Result>(body: () => Result, limit: number | undefined): Result {
    this.#throwing = true;
    const guard = this.supervision?.interruptible;
    const ended = (): never => {
      this.raise();
      throw new WatchdogTimeoutError(this.name, this.secondsSincePing);
    };
    if (guard !== undefined) return runInterruptible(guard, body, ended);
    if (limit !== undefined) return runLimited(limit, body, ended);
    if (this.#byThread) warnNoInterruption();
    return body();
  }
}

/** After this many timeouts the engine ends a body; by then the monitor has looked as well. */
const LIMIT = 1.5;

/** The watchdogs of the synchronous runs that are active on this thread, outermost first. */
const runs = threadList<Pick<Watchdog, "stop">>("runs/1");

/** Runs functions under a watchdog of their own; made by {@link watchdogContext}. */
export class WatchdogContext implements SyncPolicy {
  readonly #settings: ContextSettings;

  /** @internal */
  constructor(options?: WatchdogContextOptions) {
    this.#settings = resolveWatchdog("watchdogContext", contextRules, options);
  }

  /**
   * Runs `body` with a started watchdog and resolves with its result. With `raiseOnTimeout` the first timeout
   * rejects at once with a {@link WatchdogTimeoutError} and aborts the signal; the run then keeps the process
   * alive while it waits. Without it, timeouts are only reported.
   */
  async run<Result>(
    body: (watchdog: RunWatchdog, context: ExecutionContext) => Result | PromiseLike<Result>,
    options?: ExecuteOptions,
  ): Promise<Result> {
    checkFunction(body, "run");
    const outer = readContext("watchdogContext().run", options).lasting(this.#settings.clock);
    const { source: signal } = outer;
    throwIfAborted(signal);
    const watchdog = new WatchdogOfRun(this.#settings);
    const leave = signal && onAbort(signal, () => watchdog.abort(signal.reason));
    watchdog.start();
    const { clock, raiseOnTimeout } = this.#settings;
    const keptAlive = raiseOnTimeout ? clock.setTimer(() => {}, Number.MAX_SAFE_INTEGER) : undefined;
    try {
      const result = await runAbortable(
        (context) => body(watchdog, context),
        outer.within(watchdog.signal, outer.deadline),
      );
      watchdog.raise();
      return result;
    } catch (error) {
      watchdog.raise(error);
      throw error;
    } finally {
      keptAlive?.cancel();
      watchdog.stop();
      leave?.();
    }
  }

  /**
   * Runs synchronous `body` with a started watchdog and returns its result. With `raiseOnTimeout` a timeout is
   * thrown into `body` as a {@link WatchdogTimeoutError} while it is frozen: `body` ends at once, without running
   * its own `catch` and `finally` blocks. A system call cannot be interrupted: the error is thrown when it
   * returns. A Ctrl-C also ends `body`, with a {@link WatchdogError} of code `ERR_WATCHDOG_INTERRUPTED`. Listeners
   * of SIGINT then run as usual; without any, the process ends. If nobody catches the error, the process ends
   * before they run; a shutdown with `handleUncaught` still runs.
   *
   * On Windows, on Deno, in worker threads and where no thread may be started, the engine ends a `body` without
   * parameters after one and a half timeouts. A `body` with a parameter may ping, which the engine does not see: the
   * error is then thrown by the next `ping()` or when `body` returns, as with a custom clock, and a
   * `KSTLIB_NO_INTERRUPTION` warning says so. There a Ctrl-C takes effect when `body` has ended.
   */
  runSync<Result>(
    body: ((watchdog: RunWatchdog, context: ExecutionContext) => Result) & Synchronous<Result>,
    options?: ExecuteOptions,
  ): NotAPromise<Result> {
    checkFunction(body, "runSync");
    return this.#runSync("runSync", body, takesNothing(body), options);
  }

  /** {@link run} for a function that takes nothing but the context. */
  async execute<Result>(
    fn: (context: ExecutionContext) => Result | PromiseLike<Result>,
    options?: ExecuteOptions,
  ): Promise<Result> {
    checkFunction(fn, "execute");
    return this.run((_watchdog, context) => fn(context), options);
  }

  /** {@link runSync} for a function that takes nothing but the context; the engine can always end it. */
  executeSync<Result>(
    fn: ((context: ExecutionContext) => Result) & Synchronous<Result>,
    options?: ExecuteOptions,
  ): NotAPromise<Result> {
    checkFunction(fn, "executeSync");
    return this.#runSync("executeSync", (_watchdog, context) => fn(context), true, options);
  }

  #runSync<Result>(
    method: string,
    body: (watchdog: RunWatchdog, context: ExecutionContext) => Result,
    pingsNever: boolean,
    options: ExecuteOptions | undefined,
  ): NotAPromise<Result> {
    const outer = readContext(method, options).lasting(this.#settings.clock);
    throwIfAborted(outer.source);
    const watchdog = new WatchdogOfRun(this.#settings);
    const depth = runs().push(watchdog) - 1;
    watchdog.start();
    try {
      const context = exposed(outer.within(watchdog.signal, outer.deadline));
      const call = (): Result => body(watchdog, context);
      const { clock, raiseOnTimeout, timeout } = this.#settings;
      // The engine does not see pings: it may end only what cannot ping.
      const limit = pingsNever && clock === realClock ? timeout * LIMIT : undefined;
      const result = synchronous(
        raiseOnTimeout ? watchdog.runRaising(call, limit) : call(),
        "Use run for it.",
      );
      watchdog.raise();
      return result;
    } catch (error) {
      watchdog.raise(error);
      throw error;
    } finally {
      // Runs inside this one that were interrupted with it have not reached this line.
      for (const over of runs().splice(depth).toReversed()) over.stop();
      if (this.#settings.raiseOnTimeout) passOn();
    }
  }
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
