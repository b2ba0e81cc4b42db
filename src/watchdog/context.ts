import { onAbort } from "../kernel/abort.js";
import { realClock } from "../kernel/clock.js";
import type { OptionRules } from "../kernel/options.js";
import { Context, type ExecuteOptions, type ExecutionContext, readContext } from "../kernel/context.js";
import { checkFunction, runAbortable, type SyncPolicy } from "../kernel/policy.js";
import { synchronous, type NotAPromise, type Synchronous } from "../kernel/synchronous.js";
import { flag } from "../kernel/rules.js";
import { WatchdogTimeoutError } from "./errors.js";
import { passOn, runInterruptible, runLimited, takesNothing, warnNoInterruption } from "./interrupt.js";
import { resolveWatchdog, type WatchdogOptions, watchdogRules, type WatchdogSettings } from "./options.js";
import { threadList } from "./main-global.js";
import { Watchdog } from "./watchdog.js";

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
  readonly #controller = new AbortController();
  readonly signal: AbortSignal = this.#controller.signal;
  #timeout: WatchdogTimeoutError | undefined;
  /** Whether time is the machine's, so that a run can be found frozen. */
  readonly #byThread: boolean;
  /** Whether synchronous code runs that, where it cannot be interrupted, must learn of a timeout from `ping()`. */
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

  /** Throws the timeout, if there was one; also one that the event loop has had no chance to tell of. */
  raise(cause?: unknown): void {
    this.supervision?.catchUp();
    const timeout = this.#timeout;
    if (timeout === undefined || timeout === cause) return;
    // Where it was found says nothing; what it was thrown out of does.
    Error.captureStackTrace(timeout);
    if (cause !== undefined) timeout.cause = cause;
    throw timeout;
  }

  /**
   * Runs synchronous code so that a timeout can be thrown into it, where that is possible.
   *
   * @param limit after how many milliseconds to end it where the monitor cannot; `undefined` when it may ping.
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

/** The share of the timeout after which the engine ends a body; by then the monitor has looked, too. */
const LIMIT = 1.5;

/** The watchdogs of the runs of synchronous code that the thread is in, outermost first. */
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
    const { source: signal, attempt, remaining } = readContext("watchdogContext().run", options);
    signal?.throwIfAborted();
    const watchdog = new WatchdogOfRun(this.#settings);
    const leave = signal && onAbort(signal, () => watchdog.abort(signal.reason));
    watchdog.start();
    const { clock, raiseOnTimeout } = this.#settings;
    const keptAlive = raiseOnTimeout ? clock.setTimer(() => {}, Number.MAX_SAFE_INTEGER) : undefined;
    try {
      const result = await runAbortable(
        (context) => body(watchdog, context),
        new Context(watchdog.signal, attempt, remaining),
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
   * thrown into `body` as a {@link WatchdogTimeoutError} while it is frozen: it ends where it is, without
   * running its own `catch` and `finally` blocks. What cannot be interrupted (a system call) throws when it
   * returns. A Ctrl-C meanwhile ends `body`, too, with a {@link WatchdogError} of code
   * `ERR_WATCHDOG_INTERRUPTED`; the listeners of SIGINT then run as always, and without any the process ends.
   * An error that nobody catches ends the process before they run; a shutdown with `handleUncaught` still runs.
   *
   * On Windows, on Deno, in worker threads and where no thread may be started the engine ends a `body` that takes
   * no parameter, half a timeout late. One that takes the watchdog may ping it, for which the engine cannot
   * wait: the error then comes with the next `ping()` or when `body` returns, as with a clock of one's own,
   * and a `KSTLIB_NO_INTERRUPTION` warning says so. A Ctrl-C waits there until `body` has ended.
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
    const { source: signal, attempt, remaining } = readContext(method, options);
    signal?.throwIfAborted();
    const watchdog = new WatchdogOfRun(this.#settings);
    const depth = runs().push(watchdog) - 1;
    watchdog.start();
    try {
      const context = new Context(watchdog.signal, attempt, remaining);
      const call = (): Result => body(watchdog, context);
      const { clock, raiseOnTimeout, timeout } = this.#settings;
      // The engine cannot wait for pings: it ends only what cannot ping.
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
      // Runs within this one that were cut with it have not come to this line.
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
