import type { Component } from "../kernel/component.js";
import { tellMade } from "../kernel/configured.js";
import { type Context, type ExecuteOptions, type ExecutionContext, readContext } from "../kernel/context.js";
import type { Listener } from "../kernel/events.js";
import { resolveOptions } from "../kernel/options.js";
import { checkAnyFunction, checkFunction, runAbortable, type SyncPolicy } from "../kernel/policy.js";
import { Printed } from "../kernel/printed.js";
import type { NotAPromise, Synchronous } from "../kernel/synchronous.js";
import { type AnyFunction, type AsyncOf, disguise, type SyncOf, type SyncRest } from "../kernel/wrap.js";
import { Circuit } from "./circuit.js";
import { guard, guarded, guardedSync, guardSync } from "./guard.js";
import { type Iterated, iterateUnder, RECIPE } from "./iterate.js";
import { type CircuitBreakerChanges, type CircuitBreakerOptions, circuitBreakerRules } from "./options.js";
import { CallPermit, type Permit } from "./permit.js";
import type { CircuitBreakerEvents, CircuitSnapshot, CircuitState, CircuitStats } from "./report.js";

/** What a wrapped function has besides. */
export interface Guarded {
  /** The circuit breaker of all calls; with `perInstance`, of the calls without an instance. */
  readonly breaker: CircuitBreaker;
  /** The circuit breaker of the calls on this instance: `breaker` unless `perInstance` was asked for. */
  readonly breakerOf: (instance: unknown) => CircuitBreaker;
}

/**
 * Stops calling what keeps failing: after `maxFailures` consecutive failures (or by the `trip` rule) every
 * call is refused at once with a `CircuitOpenError`; after `resetTimeout` a few probes find out whether
 * it has recovered. It has no timer and never keeps the process alive: an open circuit becomes half-open when
 * someone asks.
 *
 * A call counts only in the era that admitted it: what ends after a state change or `reset()` goes into the
 * lifetime totals and nothing else. But a probe that succeeds after its time still helps to close the circuit, unless
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
export class CircuitBreaker extends Printed implements Component, SyncPolicy {
  readonly #circuit: Circuit;

  constructor(options?: CircuitBreakerOptions) {
    super();
    const settings = resolveOptions("CircuitBreaker", circuitBreakerRules, options, "circuitBreaker");
    this.#circuit = new Circuit(settings);
    tellMade(this, "circuit-breaker", options);
  }

  get name(): string {
    return this.#circuit.name;
  }

  /** Consecutive failures that open the circuit; not used with a `trip` rule. */
  get maxFailures(): number {
    return this.#circuit.limits.maxFailures;
  }

  /** Seconds the circuit stays open before it lets probes through; of one that grows, the `initial` ones. */
  get resetTimeout(): number {
    return this.#circuit.limits.resetTimeout.initial / 1000;
  }

  /** Calls admitted while half-open, and successes needed to close. */
  get halfOpenMaxCalls(): number {
    return this.#circuit.limits.halfOpenMaxCalls;
  }

  /** Seconds after which a probe that has not settled counts as failed. */
  get probeTimeout(): number {
    return this.#circuit.limits.probeTimeout / 1000;
  }

  /** What the circuit does with calls now. An open one whose time has come becomes half-open by being asked. */
  get state(): CircuitState {
    return this.#circuit.now().kind;
  }

  /**
   * Failures that count against the circuit: in a row since the last success, those that opened it while it is
   * not closed, or with a rate rule what the rule counts in its window.
   */
  get failureCount(): number {
    return this.#circuit.failureCount;
  }

  /** A frozen copy of the lifetime totals. */
  get stats(): CircuitStats {
    return this.#circuit.stats();
  }

  /** Everything that can be told of this moment: frozen, JSON-serialisable. */
  snapshot(): CircuitSnapshot {
    const { name, state, failureCount, stats } = this;
    const remainingSeconds = state === "open" ? this.#circuit.remainingSeconds : null;
    return Object.freeze({ kind: "circuit-breaker", name, state, failureCount, remainingSeconds, stats });
  }

  /**
   * Adds a listener of `stateChange`, `success`, `failure` or `rejected`; disposing of the result removes it.
   * It runs after the state is committed; what it throws becomes a warning and changes nothing.
   *
   * @throws TypeError for an unknown event or a listener that is not a function.
   */
  on<Name extends keyof CircuitBreakerEvents>(
    event: Name,
    listener: Listener<CircuitBreakerEvents[Name]>,
  ): Disposable {
    return this.#circuit.on(event, listener);
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
  async execute<Result>(
    fn: (context: ExecutionContext) => Result | PromiseLike<Result>,
    options?: ExecuteOptions,
  ): Promise<Result> {
    checkFunction(fn, "execute", RECIPE);
    const context = this.#begin(options);
    return await runAbortable(fn, context, this.#admitted());
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
    return guardSync(this.#circuit, undefined, fn, this.#begin(options, "executeSync"));
  }

  /**
   * Iterates over what `fn(...args)` gives, a generator or a stream, as one call that lasts from the first `next()`
   * to the end: a source that fails in the middle has failed. A consumer that stops early after an item counts as a
   * success. Its duration has the consumer's time in it, which matters to `slowCallRate` and `probeTimeout`.
   *
   * @returns throws a `CircuitOpenError` at its first `next()` when refused; one that is not taken up holds nothing.
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
      () => this.#admitted(),
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
    const permit = this.#permit();
    if (permit === undefined) this.#circuit.announceRefusal();
    return permit;
  }

  /**
   * Refuses every call until the result is disposed of. Counted: the last of several releases. Meanwhile
   * the circuit's own time stands still and the results of calls under way do not count; afterwards it is what
   * it was, an open one with as long to wait as before.
   */
  isolate(): Disposable {
    return this.#circuit.isolate();
  }

  /** Changes limits and keeps the state: an open circuit stays open for as long as it was. Those not given stay. */
  update(changes: CircuitBreakerChanges): void {
    this.#circuit.update(changes);
  }

  /** Closes the circuit with nothing counted against it. Lifetime totals stay; calls under way no longer count. */
  reset(): void {
    this.#circuit.reset();
  }

  /** The context of an execution, unless its caller has given it up already. */
  #begin(options: ExecuteOptions | undefined, method: string = "execute"): Context {
    const context = readContext(method, options);
    if (context.source?.aborted) {
      this.#circuit.ignore();
      throw context.source.reason;
    }
    return context;
  }

  #admitted(): CallPermit {
    const permit = this.#permit();
    if (permit === undefined) throw this.#circuit.refusal();
    return permit;
  }

  #permit(): CallPermit | undefined {
    const circuit = this.#circuit;
    const started = circuit.start();
    const ticket = circuit.admit();
    return ticket && new CallPermit(circuit, ticket, started);
  }
}
