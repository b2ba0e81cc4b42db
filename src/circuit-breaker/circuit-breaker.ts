import type { Component } from "../kernel/component.js";
import { configuredLayers } from "../kernel/configured.js";
import { disposable } from "../kernel/disposable.js";
import { Events, type Listener } from "../kernel/events.js";
import { resolveOptions } from "../kernel/options.js";
import {
  checkFunction,
  checkSignal,
  type ExecuteOptions,
  type ExecutionContext,
  type Policy,
  runAbortable,
} from "../kernel/policy.js";
import { isThenable } from "../kernel/thenable.js";
import { disguise, type Promised } from "../kernel/wrap.js";
import { CircuitBreakerError, CircuitOpenError } from "./errors.js";
import { judge } from "./judge.js";
import * as machine from "./machine.js";
import type { State, Verdict } from "./machine.js";
import { type CircuitBreakerOptions, type CircuitBreakerSettings, circuitBreakerRules } from "./options.js";
import { OncePermit, type Permit } from "./permit.js";
import type {
  CircuitBreakerEvents,
  CircuitSnapshot,
  CircuitState,
  CircuitStateReason,
  CircuitStats,
} from "./report.js";

/** What a wrapped function has besides: the circuit breaker that guards it. */
export interface Guarded {
  readonly breaker: CircuitBreaker;
}

/** What a synchronous call returns: what the function returns, which must not be a promise. */
export type NotAPromise<Result> = Exclude<Result, PromiseLike<unknown>>;

function isDirect<Result>(_result: Result, thenable: boolean): _result is NotAPromise<Result> {
  return !thenable;
}

function refusePromise(result: unknown): never {
  // Nobody will see this promise: what it rejects with must not become an unhandled rejection.
  Promise.resolve(result).catch(() => {});
  throw new TypeError(
    "a synchronous call needs a function that returns its result; got a promise. Use call or wrap for it.",
  );
}

/** What settles a promise of one admitted call. */
interface Handlers {
  readonly era: number;
  readonly fulfilled: <Value>(value: Value) => Value;
  readonly rejected: (error: unknown) => never;
}

/**
 * Stops calling what keeps failing: after `maxFailures` consecutive failures (or by the `trip` rule) every
 * call is refused at once with a {@link CircuitOpenError}; after `resetTimeout` a few probes find out whether
 * it has recovered. It has no timer and never keeps the process alive: an open circuit becomes half-open when
 * someone asks.
 *
 * A call counts only in the era that admitted it: what ends after a state change or `reset()` goes into the
 * lifetime totals and nothing else.
 *
 * @example
 * ```ts
 * import { CircuitBreaker, CircuitOpenError } from "@kstlib/resilience";
 *
 * const breaker = new CircuitBreaker({ name: "exchange", maxFailures: 3, resetTimeout: "30s" });
 * const fetchTicker = async (pair: string): Promise<string> => {
 *   throw new Error(`no answer for ${pair}`);
 * };
 *
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
export class CircuitBreaker implements Component, Policy {
  readonly #settings: CircuitBreakerSettings;
  readonly #limits: machine.Limits;
  /** Whether the duration of each call matters. */
  readonly #timed: boolean;
  #state: State;
  /** Nobody listens, judges or keeps a window: a success of a healthy circuit only has to be counted. */
  #plain: boolean;
  #handlers: Handlers;
  #events: Events<CircuitBreakerEvents> | undefined;
  /** The last failure that counted, as an error's options. */
  #cause: ErrorOptions | undefined;
  /** Milliseconds spent isolated: the circuit's own time stands still meanwhile. */
  #isolated = 0;

  #total = 0;
  #successful = 0;
  #failed = 0;
  #rejected = 0;
  #ignored = 0;
  #stateChanges = 0;

  /**
   * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
   */
  constructor(options?: CircuitBreakerOptions) {
    const settings = resolveOptions(
      "CircuitBreaker",
      circuitBreakerRules,
      options,
      configuredLayers("circuitBreaker", options),
    );
    this.#settings = settings;
    this.#limits = { ...settings, probeTimeout: settings.probeTimeout ?? settings.resetTimeout.initial };
    this.#timed = settings.trip !== undefined;
    this.#plain = settings.trip === undefined && settings.isFailure === undefined;
    this.#state = machine.closed(0, this.#limits);
    this.#handlers = this.#handlersOf(this.#state, 0);
  }

  get name(): string {
    return this.#settings.name;
  }

  /** What the circuit does with calls now. An open one whose time has come becomes half-open by being asked. */
  get state(): CircuitState {
    if (this.#state.kind !== "closed") this.#catchUp();
    return this.#state.kind;
  }

  /**
   * Failures that count against the circuit: in a row since the last success, those that opened it while it is
   * not closed, or with a rate rule what the rule counts in its window.
   */
  get failureCount(): number {
    if (this.#state.kind !== "closed") this.#catchUp();
    return machine.failureCount(this.#state, this.#timed ? this.#now() : 0);
  }

  /** A frozen copy of the lifetime totals. */
  get stats(): CircuitStats {
    if (this.#state.kind !== "closed") this.#catchUp();
    return Object.freeze({
      totalCalls: this.#total,
      successfulCalls: this.#successful,
      failedCalls: this.#failed,
      rejectedCalls: this.#rejected,
      ignoredCalls: this.#ignored,
      stateChanges: this.#stateChanges,
    });
  }

  /** Everything that can be told of this moment: frozen, JSON-serialisable. */
  snapshot(): CircuitSnapshot {
    const { name, state, failureCount, stats } = this;
    const remainingSeconds = state === "open" ? machine.remaining(this.#state, this.#now()) / 1000 : null;
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
    const names = ["stateChange", "success", "failure", "rejected"] as const;
    const events = this.#events ?? new Events<CircuitBreakerEvents>(`circuit "${this.name}"`, names);
    const subscription = events.on(event, listener);
    this.#events = events;
    this.#plain = false;
    return subscription;
  }

  /**
   * Calls `fn(...args)` and settles as it does.
   *
   * @throws never synchronously; rejects with what `fn` throws, or with a {@link CircuitOpenError}.
   */
  call<Args extends unknown[], Result>(
    fn: (...args: Args) => Result,
    ...args: Args
  ): Promise<Awaited<Result>> {
    try {
      checkFunction(fn, "call");
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#call(undefined, fn, ...args);
  }

  /**
   * Calls `fn(...args)` and returns its result, which must not be a promise.
   *
   * @throws CircuitOpenError when the call is refused.
   * @throws TypeError when the result is a promise or another thenable; the call counts as ignored.
   */
  callSync<Args extends unknown[], Result>(
    fn: (...args: Args) => Result,
    ...args: Args
  ): NotAPromise<Result> {
    checkFunction(fn, "callSync");
    return this.#callSync(undefined, fn, ...args);
  }

  /** Makes a function that calls `fn` through this circuit: the same `this` and parameters, always a promise. */
  wrap<This, Args extends unknown[], Result>(
    fn: (this: This, ...args: Args) => Result,
  ): Promised<This, Args, Result> & Guarded {
    checkFunction(fn, "wrap");
    const extra: Guarded = { breaker: this };
    const { breaker } = extra;
    const guarded = function (this: This, ...args: Args): Promise<Awaited<Result>> {
      return breaker.#call(this, fn, ...args);
    };
    return disguise(guarded, fn, extra);
  }

  /** Makes a function that calls the synchronous `fn` through this circuit: same `this`, parameters and result. */
  wrapSync<This, Args extends unknown[], Result>(
    fn: (this: This, ...args: Args) => Result,
  ): ((this: This, ...args: Args) => NotAPromise<Result>) & Guarded {
    checkFunction(fn, "wrapSync");
    const extra: Guarded = { breaker: this };
    const { breaker } = extra;
    const guarded = function (this: This, ...args: Args): NotAPromise<Result> {
      return breaker.#callSync(this, fn, ...args);
    };
    return disguise(guarded, fn, extra);
  }

  /**
   * Calls `fn` with a signal and settles as it does. When `options.signal` aborts, the promise rejects with its
   * reason at once and the call counts as ignored; a signal that is aborted already keeps `fn` from running.
   *
   * @throws never synchronously; rejects with what `fn` throws, `signal.reason`, or a {@link CircuitOpenError}.
   */
  async execute<Result>(
    fn: (context: ExecutionContext) => Result | PromiseLike<Result>,
    options: ExecuteOptions = {},
  ): Promise<Result> {
    const { signal } = options;
    checkFunction(fn, "execute");
    checkSignal(signal);
    if (signal?.aborted) {
      this.#total++;
      this.#ignored++;
      throw signal.reason;
    }
    const permit = this.#permit();
    if (permit === undefined) throw this.#refusal();
    // By a listener of its own, so that the permit is back when `abort()` returns.
    const abort = (): void => permit.release();
    signal?.addEventListener("abort", abort, { once: true });
    try {
      const value = await runAbortable(fn, signal);
      permit.returned(value);
      return value;
    } catch (error) {
      permit.failure(error);
      throw error;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
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
    if (permit === undefined && this.#events?.has("rejected")) this.#refusal();
    return permit;
  }

  /**
   * Refuses every call until the result is disposed of. Counted: the last of several releases. Meanwhile
   * the circuit's own time stands still and the results of calls under way do not count; afterwards it is what
   * it was, an open one with as long to wait as before.
   */
  isolate(): Disposable {
    this.#catchUp();
    this.#commit(machine.isolate(this.#state, this.#now()), "isolated");
    return disposable(() => {
      const state = this.#state;
      if (state.kind !== "isolated") return;
      if (state.holds === 1) this.#isolated += this.#now() - state.since;
      this.#commit(machine.release(state), "released");
    });
  }

  /** Closes the circuit with nothing counted against it. Lifetime totals stay; calls under way no longer count. */
  reset(): void {
    this.#catchUp();
    this.#cause = undefined;
    this.#commit(machine.reset(this.#state, this.#limits), "reset");
  }

  #call<This, Args extends unknown[], Result>(
    self: This,
    fn: (this: This, ...args: Args) => Result,
    ...args: Args
  ): Promise<Awaited<Result>> {
    const ticket = this.#admit();
    if (ticket === undefined) return Promise.reject(this.#refusal());
    const started = this.#timed ? this.#now() : 0;
    let result: Result;
    let later: boolean;
    try {
      result = fn.apply(self, args);
      later = result instanceof Promise || isThenable(result);
    } catch (error) {
      this.#settled(ticket, started, false, error);
      return Promise.reject(error);
    }
    const promise = Promise.resolve(result);
    if (!later) {
      this.#settled(ticket, started, true, result);
      return promise;
    }
    let handlers = this.#handlers;
    if (ticket.kind !== "closed" || this.#timed) handlers = this.#handlersOf(ticket, started);
    else if (handlers.era !== ticket.era) handlers = this.#handlers = this.#handlersOf(ticket, started);
    return promise.then(handlers.fulfilled, handlers.rejected);
  }

  #callSync<This, Args extends unknown[], Result>(
    self: This,
    fn: (this: This, ...args: Args) => Result,
    ...args: Args
  ): NotAPromise<Result> {
    const ticket = this.#admit();
    if (ticket === undefined) throw this.#refusal();
    const started = this.#timed ? this.#now() : 0;
    let result: Result;
    let thenable: boolean;
    try {
      result = fn.apply(self, args);
      thenable = isThenable(result);
    } catch (error) {
      this.#settled(ticket, started, false, error);
      throw error;
    }
    if (!isDirect(result, thenable)) {
      this.#count(ticket, started, "ignored", undefined);
      return refusePromise(result);
    }
    this.#settled(ticket, started, true, result);
    return result;
  }

  /** Shared by all calls of an era of a closed circuit, so that a call makes nothing but its promise. */
  #handlersOf(ticket: State, started: number): Handlers {
    return {
      era: ticket.era,
      fulfilled: (value) => {
        this.#settled(ticket, started, true, value);
        return value;
      },
      rejected: (error) => {
        this.#settled(ticket, started, false, error);
        throw error;
      },
    };
  }

  #permit(): OncePermit | undefined {
    const ticket = this.#admit();
    if (ticket === undefined) return undefined;
    const started = this.#timed ? this.#now() : 0;
    return new OncePermit((verdict, value, fulfilled = true) => {
      if (verdict === undefined) this.#settled(ticket, started, fulfilled, value);
      else this.#count(ticket, started, verdict, value);
    });
  }

  #now(): number {
    return this.#settings.clock.now() - this.#isolated;
  }

  #admit(): State | undefined {
    this.#total++;
    if (this.#state.kind === "closed") return this.#state;
    this.#catchUp();
    const ticket = machine.admit(this.#state, this.#limits, this.#now());
    if (ticket === undefined) this.#rejected++;
    else this.#state = ticket;
    return ticket;
  }

  #refusal(): CircuitOpenError {
    const state = this.#state;
    const seconds = machine.remaining(state, this.#now()) / 1000;
    const condition = state.kind === "half-open" ? "half-open with all its probes under way" : state.kind;
    const error = new CircuitOpenError(this.name, seconds, condition, this.#cause);
    this.#events?.emit("rejected", { error });
    return error;
  }

  #settled(ticket: State, started: number, fulfilled: boolean, value: unknown): void {
    const state = this.#state;
    if (
      fulfilled &&
      this.#plain &&
      state.era === ticket.era &&
      state.kind === "closed" &&
      state.failures === 0
    ) {
      this.#successful++;
      return;
    }
    this.#count(ticket, started, judge(this.#settings, fulfilled, value), value);
  }

  #count(ticket: State, started: number, verdict: Verdict, value: unknown): void {
    if (this.#state.kind !== "closed") this.#catchUp();
    const now = machine.settleNeedsTime(this.#state, this.#limits, verdict) ? this.#now() : 0;
    const state = this.#state;
    const late = state.era !== ticket.era;
    const next = machine.settle(state, this.#limits, ticket, verdict, now, now - started);
    if (verdict === "ignored") this.#ignored++;
    else if (verdict === "success") this.#successful++;
    else {
      this.#failed++;
      if (!late) this.#cause = { cause: value };
    }
    this.#commit(
      next,
      next.kind === "closed" ? "recovered" : state.kind === "closed" ? "tripped" : "probe-failed",
    );
    if (verdict === "success") this.#events?.emit("success", { value, late });
    else if (verdict === "failure") this.#events?.emit("failure", { error: value, late });
  }

  /** Makes the transitions that time has caused since somebody last asked. */
  #catchUp(): void {
    const now = this.#now();
    for (;;) {
      const state = this.#state;
      const next = machine.elapse(state, this.#limits, now);
      if (next === state) return;
      if (next.kind === "open") {
        const message = `a probe of circuit "${this.name}" did not settle within ${this.#limits.probeTimeout / 1000} s`;
        this.#cause = { cause: new CircuitBreakerError("ERR_PROBE_TIMEOUT", message) };
      }
      this.#commit(next, next.kind === "open" ? "probe-timeout" : "reset-timeout");
    }
  }

  #commit(next: State, reason: CircuitStateReason): void {
    const from = this.#state.kind;
    this.#state = next;
    const to = next.kind;
    if (to === from) return;
    if (to === "closed") this.#cause = undefined;
    this.#stateChanges++;
    this.#events?.emit("stateChange", { from, to, reason });
  }
}
