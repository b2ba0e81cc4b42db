import type { Work } from "../kernel/base-policy.js";
import { tellMade } from "../kernel/configured.js";
import {
  type Context,
  contextFor,
  type ExecuteOptions,
  type ExecutionContext,
  readContext,
} from "../kernel/context.js";
import { resolveLocalOptions } from "../kernel/local-options.js";
import { AS_IS, type Continuation, follow, type Inside, tellStart } from "../kernel/stage.js";
import { checkAnyFunction, checkFunction, runAbortable, type SyncPolicy } from "../kernel/policy.js";
import type { NotAPromise, Synchronous } from "../kernel/synchronous.js";
import { type AnyFunction, type AsyncOf, disguise, type SyncOf, type SyncRest } from "../kernel/wrap.js";
import { Circuit } from "./circuit.js";
import { guard, guarded, guardedSync, guardInside, guardSync } from "./guard.js";
import { type Iterated, iterateUnder, RECIPE } from "./iterate.js";
import {
  type CircuitBreakerChanges,
  type CircuitBreakerOptions,
  circuitBreakerRules,
  type CircuitMode,
} from "./options.js";
import { admitted, type Permit, permitOf } from "./permit.js";
import { CircuitView } from "./circuit-view.js";
import type { CircuitExport } from "./report.js";

/** Properties added to a wrapped function. */
export interface Guarded {
  /** The circuit breaker of all calls; with `perInstance`, of the calls without an instance. */
  readonly breaker: CircuitBreaker;
  /** The circuit breaker of the calls on this instance: `breaker` unless `perInstance` was asked for. */
  readonly breakerOf: (instance: unknown) => CircuitBreaker;
}

/**
 * Stops calling what keeps failing: after `maxFailures` consecutive failures (or by the `trip` rule) every
 * call is refused at once with a `CircuitOpenError`; after `resetTimeout` a few probes find out whether
 * it has recovered. It has no timer and never keeps the process alive: an open circuit becomes half-open at
 * the next call or look at its state.
 *
 * A call counts only in the era that admitted it: one that ends after a state change or `reset()` counts in the
 * lifetime totals only. But a probe that succeeds after its time still helps to close the circuit, unless
 * a probe has failed since, or the circuit was reset or isolated.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { CircuitBreaker, CircuitOpenError } from "@kstlib/resilience";
 *
 * const breaker = new CircuitBreaker({ name: "exchange", maxFailures: 3, resetTimeout: "30s" });
 * const fetchTicker = async (pair: string): Promise<string> => {
 *   throw new Error(`no answer for ${pair}`);
 * };
 * for (let attempt = 1; attempt <= 4; attempt++) {
 *   try {
 *     await breaker.call(fetchTicker, "BTC/USDT");
 *   } catch (error) {
 *     if (error instanceof CircuitOpenError) console.log(`refused, ${error.remainingSeconds} s left`);
 *   }
 * }
 * console.assert(breaker.state === "open" && breaker.stats.rejectedCalls === 1);
 * ```
 */
export class CircuitBreaker extends CircuitView implements SyncPolicy {
  readonly #circuit: Circuit;

  constructor(options?: CircuitBreakerOptions) {
    const settings = resolveLocalOptions("CircuitBreaker", circuitBreakerRules, options, "circuitBreaker");
    const circuit = new Circuit(settings);
    super(circuit);
    this.#circuit = circuit;
    tellStart(this, (inside, fn, context, next) => this.#start(inside, fn, context, next));
    tellMade(this, "circuit-breaker", options);
  }

  /**
   * Changes the mode for the calls that begin from now on. The state stays as it is.
   *
   * @throws TypeError or RangeError for an unknown mode.
   */
  setMode(mode: CircuitMode): void {
    this.#circuit.mode = circuitBreakerRules.mode.parse(mode, "mode");
  }

  /**
   * Calls `fn(...args)` and settles as it does. Generators and streams are for {@link iterate}.
   *
   * @throws never synchronously; rejects with what `fn` throws, or with a `CircuitOpenError`.
   */
  call<Args extends unknown[], Result>(
    fn: (...args: Args) => Result,
    ...args: Args
  ): Promise<Awaited<Result>> {
    try {
      checkFunction(fn, "call", RECIPE);
      return guard(this.#circuit, undefined, fn, ...args);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Calls `fn(...args)` and returns its result, which must not be a promise: such a function does not compile.
   *
   * @throws CircuitOpenError when the call is refused.
   * @throws TypeError when the result is a promise or another thenable; the call counts as ignored.
   */
  callSync<Args extends unknown[], Result>(
    fn: ((...args: Args) => Result) & Synchronous<Result>,
    ...args: Args
  ): NotAPromise<Result> {
    checkFunction(fn, "callSync", RECIPE);
    return guardSync(this.#circuit, undefined, fn, ...args);
  }

  /** Makes a function that calls `fn` through this circuit: the same `this` and parameters, always a promise. */
  wrap<Fn extends AnyFunction>(fn: Fn): AsyncOf<Fn> & Guarded;
  wrap<This, Args extends unknown[], Result>(fn: (this: This, ...args: Args) => Result): unknown {
    checkFunction(fn, "wrap", RECIPE);
    return disguise(guarded(this.#circuit, fn), fn, { breaker: this, breakerOf: () => this });
  }

  /** Makes a function that calls the synchronous `fn` through this circuit: same `this`, parameters and result. */
  wrapSync<Fn extends AnyFunction>(
    fn: Fn,
    ...refused: SyncRest<Fn>
  ): SyncOf<Fn, PromiseLike<unknown>> & Guarded;
  wrapSync<This, Args extends unknown[], Result>(fn: (this: This, ...args: Args) => Result): unknown {
    checkFunction(fn, "wrapSync", RECIPE);
    return disguise(guardedSync(this.#circuit, fn), fn, { breaker: this, breakerOf: () => this });
  }

  /**
   * Calls `fn` with a signal and settles as it does. When `options.signal` aborts, the promise rejects with its
   * reason at once and the call counts as ignored; a signal that is aborted already keeps `fn` from running.
   *
   * @throws never synchronously; rejects with what `fn` throws, `signal.reason`, or a `CircuitOpenError`.
   */
  execute<Result>(
    fn: (context: ExecutionContext) => Result | PromiseLike<Result>,
    options?: ExecuteOptions,
  ): Promise<Result> {
    try {
      checkFunction(fn, "execute", RECIPE);
      const context = this.#begin(options);
      if (context.source !== undefined) return runAbortable(fn, context, admitted(this.#circuit));
      // Nothing can abort it, so it is the same as a call.
      return guard(this.#circuit, undefined, fn, contextFor(fn, context));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #start(inside: Inside, fn: Work<unknown>, context: Context, next: Continuation): unknown {
    if (context.source === undefined) return guardInside(this.#circuit, inside, fn, context, next);
    // Without a parameter of its own: what is inside gets the context as it is.
    const run = (inner: Context = context): unknown => inside.start(fn, inner, AS_IS);
    return follow(this.execute(run as Work<unknown>, context), next);
  }

  /**
   * {@link execute} for a synchronous `fn`, whose result must not be a promise. A signal that is aborted already keeps
   * it from running; nothing can end it once it runs.
   *
   * @throws what `fn` throws, `signal.reason`, or a `CircuitOpenError`.
   */
  executeSync<Result>(
    fn: ((context: ExecutionContext) => Result) & Synchronous<Result>,
    options?: ExecuteOptions,
  ): NotAPromise<Result> {
    checkFunction(fn, "executeSync", RECIPE);
    return guardSync(this.#circuit, undefined, fn, contextFor(fn, this.#begin(options, "executeSync")));
  }

  /**
   * Iterates over the generator or stream that `fn(...args)` returns, as one call that lasts from the first `next()`
   * to the end: a source that fails in the middle has failed. A consumer that stops early after an item counts as a
   * success. Its duration includes the consumer's time, which matters to `slowCallRate` and `probeTimeout`.
   *
   * @returns throws a `CircuitOpenError` at its first `next()` when refused; an iterator that is never started holds no permit.
   * @example
   * ```ts
   * import { Readable } from "node:stream";
   * import { CircuitBreaker } from "@kstlib/resilience";
   *
   * const breaker = new CircuitBreaker({ name: "prices" });
   * const prices: number[] = [];
   * for await (const price of breaker.iterate(() => Readable.from([99, 101]))) prices.push(price);
   * console.assert(prices.length === 2 && breaker.stats.successfulCalls === 1);
   * ```
   */
  iterate<Args extends unknown[], Item>(
    fn: (...args: Args) => Iterated<Item>,
    ...args: Args
  ): AsyncGenerator<Item, void, undefined> {
    checkAnyFunction(fn, "iterate");
    return iterateUnder(
      () => admitted(this.#circuit),
      () => fn(...args),
    );
  }

  /**
   * Asks for the right to make one call, for code that cannot hand over a function. Settle it with `success()`,
   * `failure(error)` or `release()`; a forgotten one holds a half-open circuit until `probeTimeout`.
   *
   * @returns `undefined` when the call is refused.
   * @example
   * ```ts
   * import { CircuitBreaker } from "@kstlib/resilience";
   *
   * const breaker = new CircuitBreaker({ name: "queue" });
   * const permit = breaker.tryPermit();
   * if (permit !== undefined) {
   *   try {
   *     JSON.parse("{}");
   *     permit.success();
   *   } catch (error) {
   *     permit.failure(error);
   *   }
   * }
   * console.assert(breaker.stats.successfulCalls === 1);
   * ```
   */
  tryPermit(): Permit | undefined {
    const permit = permitOf(this.#circuit);
    if (permit === undefined) this.#circuit.announceRefusal();
    return permit;
  }

  /**
   * Refuses every call until the result is disposed of. Isolations add up: the last release ends them. Meanwhile
   * the circuit's own time stands still and the results of calls under way do not count; afterwards it is in its
   * former state, an open circuit with the same time left.
   */
  isolate(): Disposable {
    return this.#circuit.isolate();
  }

  /** Changes limits and keeps the state: an open circuit stays open for as long as it was. Those not given stay. */
  update(changes: CircuitBreakerChanges): void {
    this.#circuit.update(changes);
  }

  /**
   * The state as plain JSON, for {@link restore} in another process or after a restart. A half-open circuit is exported as
   * an open one whose time is over; windows of a trip rule and isolation are left out.
   */
  export(): CircuitExport {
    return this.#circuit.export();
  }

  /**
   * Takes over a state from {@link export}. The wall-clock time since then counts. Calls under way no longer count.
   *
   * @throws TypeError when it is not such a state; nothing changes then.
   * @example
   * ```ts
   * import { CircuitBreaker } from "@kstlib/resilience";
   *
   * const before = new CircuitBreaker({ maxFailures: 1, resetTimeout: "1m" });
   * await before.call(() => Promise.reject(new Error("down"))).catch(() => {});
   * const text = JSON.stringify(before.export());
   *
   * const after = new CircuitBreaker({ maxFailures: 1, resetTimeout: "1m" });
   * after.restore(JSON.parse(text) as unknown);
   * console.assert(after.state === "open");
   * ```
   */
  restore(state: unknown): void {
    this.#circuit.restore(state);
  }

  /** Closes the circuit with nothing counted against it. Lifetime totals stay; calls under way no longer count. */
  reset(): void {
    this.#circuit.reset();
  }

  /** The context of an execution, unless its caller has already aborted it. */
  #begin(options: ExecuteOptions | undefined, method: string = "execute"): Context {
    const context = readContext(method, options);
    if (context.source?.aborted) {
      this.#circuit.ignore(context.source.reason);
      throw context.source.reason;
    }
    return context.lasting(this.#circuit.settings.clock);
  }
}
