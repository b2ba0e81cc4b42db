import { randomUUID } from "node:crypto";
import { CircuitView } from "../../circuit-breaker/circuit-view.js";
import { guard, guardSync } from "../../circuit-breaker/guard.js";
import { type Iterated, iterateUnder, RECIPE } from "../../circuit-breaker/iterate.js";
import {
  type CircuitBreakerChanges,
  circuitBreakerRules,
  type CircuitMode,
} from "../../circuit-breaker/options.js";
import { admitted, type CallPermit, type Permit } from "../../circuit-breaker/permit.js";
import type { CircuitExport } from "../../circuit-breaker/report.js";
import {
  type Context,
  contextFor,
  type ExecuteOptions,
  type ExecutionContext,
  readContext,
} from "../../kernel/context.js";
import { disposable } from "../../kernel/disposable.js";
import { join } from "../../kernel/living.js";
import { checkAnyFunction, checkFunction, runAbortable, type SyncPolicy } from "../../kernel/policy.js";
import type { NotAPromise, Synchronous } from "../../kernel/synchronous.js";
import { type AnyFunction, type AsyncOf, disguise, type SyncOf, type SyncRest } from "../../kernel/wrap.js";
import { checkProbes, type SharedCircuitBreakerOptions, sharedSettings } from "./options.js";
import { SharedCircuit } from "./shared-circuit.js";
import { Turn } from "./turn.js";

/** Properties added to a function that a shared circuit protects. */
export interface SharedGuarded {
  readonly breaker: SharedCircuitBreaker;
}

/**
 * A circuit breaker of many processes and machines: what one instance finds open is open for all, and the probes of a
 * half-open circuit are counted over all of them. The state is held in Redis and known here by a subscription, so that a
 * call of a healthy circuit asks nothing. While Redis does not answer, each instance goes on alone, as a `CircuitBreaker`
 * with what it knows, and joins the others when it is back.
 *
 * Its methods are those of `CircuitBreaker`. Synchronous calls never are probes, as they cannot ask for a permit: a half-open
 * circuit refuses them. `mode` and `isolate()` are of this instance alone; `reset()` and `restore()` are for all. The
 * subscription has a connection of its own, which keeps the process alive until `close()`.
 *
 * @throws TypeError or RangeError that names the option when one is missing, unknown, of the wrong type or out of range;
 * TypeError for a `trip` rule over a number of calls.
 * @example
 * ```ts no-check: needs a Redis server
 * import { SharedCircuitBreaker } from "@kstlib/resilience/redis";
 * import { createClient } from "redis";
 *
 * const client = createClient();
 * await client.connect();
 * const breaker = new SharedCircuitBreaker({ client, name: "exchange", maxFailures: 5, resetTimeout: "30s" });
 * const ticker = await breaker.call(() => fetch("https://exchange.example/ticker"));
 * await breaker.close();
 * ```
 */
export class SharedCircuitBreaker extends CircuitView implements SyncPolicy, AsyncDisposable {
  readonly #shared: SharedCircuit;

  constructor(options: SharedCircuitBreakerOptions) {
    const shared = new SharedCircuit(sharedSettings(options), randomUUID());
    super(shared.circuit);
    this.#shared = shared;
    join(this);
  }

  /** Whether the state is that of all instances at this moment; `false` while the store does not answer, and after `close()`. */
  get isShared(): boolean {
    return this.#shared.isShared;
  }

  /**
   * Changes the mode of this instance for the calls that begin from now on.
   *
   * @throws TypeError or RangeError for an unknown mode.
   */
  setMode(mode: CircuitMode): void {
    this.#shared.circuit.mode = circuitBreakerRules.mode.parse(mode, "mode");
  }

  /**
   * Calls `fn(...args)` and settles as it does.
   *
   * @throws never synchronously; rejects with what `fn` throws, or with a `CircuitOpenError`.
   */
  call<Args extends unknown[], Result>(
    fn: (...args: Args) => Result,
    ...args: Args
  ): Promise<Awaited<Result>> {
    try {
      checkFunction(fn, "call", RECIPE);
      return this.#guard(undefined, fn, args);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Calls `fn(...args)` and returns its result, which must not be a promise. Never a probe.
   *
   * @throws CircuitOpenError when the call is refused.
   */
  callSync<Args extends unknown[], Result>(
    fn: ((...args: Args) => Result) & Synchronous<Result>,
    ...args: Args
  ): NotAPromise<Result> {
    checkFunction(fn, "callSync", RECIPE);
    return guardSync(this.#shared.circuit, undefined, fn, ...args);
  }

  /** Makes a function that calls `fn` through this circuit: the same `this` and parameters, always a promise. */
  wrap<Fn extends AnyFunction>(fn: Fn): AsyncOf<Fn> & SharedGuarded;
  wrap<This, Args extends unknown[], Result>(fn: (this: This, ...args: Args) => Result): unknown {
    checkFunction(fn, "wrap", RECIPE);
    const guardThis = (self: This, args: Args): Promise<Awaited<Result>> => this.#guard(self, fn, args);
    const wrapper = function (this: This, ...args: Args): Promise<Awaited<Result>> {
      return guardThis(this, args);
    };
    return disguise(wrapper, fn, { breaker: this });
  }

  /** Makes a function that calls the synchronous `fn` through this circuit. Its calls never are probes. */
  wrapSync<Fn extends AnyFunction>(
    fn: Fn,
    ...refused: SyncRest<Fn>
  ): SyncOf<Fn, PromiseLike<unknown>> & SharedGuarded;
  wrapSync<This, Args extends unknown[], Result>(fn: (this: This, ...args: Args) => Result): unknown {
    checkFunction(fn, "wrapSync", RECIPE);
    const { circuit } = this.#shared;
    const wrapper = function (this: This, ...args: Args): NotAPromise<Result> {
      return guardSync(circuit, this, fn, ...args);
    };
    return disguise(wrapper, fn, { breaker: this });
  }

  /**
   * Calls `fn` with a signal and settles as it does. When `options.signal` aborts, the promise rejects with its reason at
   * once, also while the call waits for a permit.
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
      const shared = this.#shared;
      if (!shared.isFree) {
        const turn = new Turn(shared);
        return runAbortable(() => turn.run(() => fn(contextFor(fn, context))), context, turn);
      }
      if (context.source !== undefined) return runAbortable(fn, context, admitted(shared.circuit));
      return guard(shared.circuit, undefined, fn, contextFor(fn, context));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * {@link execute} for a synchronous `fn`, whose result must not be a promise. Never a probe.
   *
   * @throws what `fn` throws, `signal.reason`, or a `CircuitOpenError`.
   */
  executeSync<Result>(
    fn: ((context: ExecutionContext) => Result) & Synchronous<Result>,
    options?: ExecuteOptions,
  ): NotAPromise<Result> {
    checkFunction(fn, "executeSync", RECIPE);
    const context = this.#begin(options, "executeSync");
    return guardSync(this.#shared.circuit, undefined, fn, contextFor(fn, context));
  }

  /**
   * Iterates over the generator or stream that `fn(...args)` returns, as one call from the first `next()` to the end.
   *
   * @returns throws a `CircuitOpenError` at its first `next()` when refused.
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
   * Asks for the right to make one call. Settle it with `success()`, `failure(error)` or `release()`; the permit of a
   * half-open circuit is renewed until then, up to `probeTimeout`.
   *
   * @returns `undefined` when the call is refused.
   */
  async tryPermit(): Promise<Permit | undefined> {
    const permit = await this.#shared.permit();
    if (permit === undefined) this.#shared.circuit.announceRefusal();
    return permit;
  }

  /** Refuses every call of this instance until the result is disposed of; the others go on. Isolations add up. */
  isolate(): Disposable {
    const isolation = this.#shared.circuit.isolate();
    return disposable(() => {
      isolation[Symbol.dispose]();
      // The circuit's own time stood still, that of the others did not.
      void this.#shared.refresh();
    });
  }

  /** Changes limits of this instance and keeps the state. Those not given stay. */
  update(changes: CircuitBreakerChanges): void {
    checkProbes(changes);
    this.#shared.circuit.update(changes);
  }

  /** The state as plain JSON; see `CircuitBreaker.export`. */
  export(): CircuitExport {
    return this.#shared.circuit.export();
  }

  /**
   * Takes over a state from {@link export}, for all instances. Settles when the store has it, or does not answer: it gets
   * it then when it is back.
   *
   * @throws rejects with a TypeError when it is not such a state; nothing changes then.
   */
  restore(state: unknown): Promise<void> {
    return this.#shared.change(() => this.#shared.circuit.restore(state), "restored");
  }

  /** Closes the circuit with nothing counted against it, for all instances. Settles as {@link restore} does. */
  reset(): Promise<void> {
    return this.#shared.change(() => this.#shared.circuit.reset(), "reset");
  }

  /**
   * Ends the subscription and everything else in the background, and gives back the permits of probes under way. The client stays
   * open. Calls go on as with a `CircuitBreaker` of this process alone.
   */
  close(): Promise<void> {
    return this.#shared.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #guard<This, Args extends unknown[], Result>(
    self: This,
    fn: (this: This, ...args: Args) => Result,
    args: Args,
  ): Promise<Awaited<Result>> {
    const shared = this.#shared;
    if (shared.isFree) return guard(shared.circuit, self, fn, ...args);
    const turn = new Turn(shared);
    return runAbortable(() => turn.run(() => fn.apply(self, args)), undefined, turn);
  }

  async #admitted(): Promise<CallPermit> {
    const permit = await this.#shared.permit();
    if (permit === undefined) throw this.#shared.circuit.refusal();
    return permit;
  }

  /** The context of an execution, unless its caller has already aborted it. */
  #begin(options: ExecuteOptions | undefined, method: string = "execute"): Context {
    const context = readContext(method, options);
    if (context.source?.aborted) {
      this.#shared.circuit.ignore(context.source.reason);
      throw context.source.reason;
    }
    return context.lasting(this.#shared.circuit.settings.clock);
  }
}
