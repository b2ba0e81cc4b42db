import type { Actor } from "../../kernel/actor.js";
import { onAbort } from "../../kernel/abort.js";
import { BasePolicy, type Work } from "../../kernel/base-policy.js";
import type { Snapshot } from "../../kernel/component.js";
import type { Context } from "../../kernel/context.js";
import { tellMade } from "../../kernel/configured.js";
import { changeSettings, resolveOptions } from "../../kernel/options.js";
import { AS_IS, type Continuation, DIRECT, type Inside, tellStart } from "../../kernel/stage.js";
import { Deadlines, TimedCall } from "./deadlines.js";
import { TimeoutExceededError } from "./errors.js";
import {
  type TimeoutOptions,
  timeoutRules,
  type TimeoutSettings,
  liveRules,
  type TimeoutChanges,
} from "./options.js";

/**
 * Milliseconds added when an outer timeout ends the call anyway: the outer one always fires first, so the caller gets its
 * error, and policies between the two see an abort and not a failure.
 */
const GRACE = 1;

/** Totals over the lifetime of a timeout. */
export interface TimeoutStats {
  /** Calls that were made: the sum of the three below and those under way. */
  readonly totalCalls: number;
  /** Calls that settled in time, with a result or an error. */
  readonly settledCalls: number;
  /** Calls that were ended because their time was over. */
  readonly timedOutCalls: number;
  /** Calls that their caller gave up. */
  readonly abortedCalls: number;
}

/** The state of a timeout at one moment. */
export interface TimeoutSnapshot extends Snapshot {
  readonly kind: "timeout";
  /** Seconds that a call may take. */
  readonly timeout: number;
  /** Calls under way. */
  readonly running: number;
  readonly stats: TimeoutStats;
}

/** The events of a timeout and what their listeners get. */
export interface TimeoutEvents {
  /** A call was ended. */
  timeout: { readonly error: TimeoutExceededError };
}

/**
 * Ends a call that takes too long: it rejects with a {@link TimeoutExceededError}, which also is the reason with which
 * the signal of its context aborts. What the work does afterwards has no effect. A call ends no later than the nearest
 * outer deadline.
 *
 * A blocked event loop is not the service's fault: if the timer fires late, answers that have arrived by then count, and
 * the error says how late it was. All calls share one timer, which keeps the process alive only while one is under way.
 * A synchronous function cannot be ended, so there is no `executeSync`.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { Timeout, TimeoutExceededError } from "@kstlib/resilience";
 *
 * const timeout = new Timeout({ timeout: "20ms" });
 * const hung = ({ signal }: { signal: AbortSignal }) =>
 *   new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
 * const error: unknown = await timeout.execute(hung).catch((reason: unknown) => reason);
 * console.assert(error instanceof TimeoutExceededError && error.seconds === 0.02);
 * ```
 */
export class Timeout extends BasePolicy<TimeoutEvents> {
  readonly #deadlines: Deadlines;
  #settings: TimeoutSettings;
  #total = 0;
  #timedOut = 0;
  #aborted = 0;

  constructor(options?: TimeoutOptions) {
    const settings = resolveOptions("Timeout", timeoutRules, options, "timeout");
    super("timeout", settings.name, ["timeout"]);
    this.#settings = settings;
    this.#deadlines = new Deadlines(settings.clock, (call, late) => this.#expire(call, late));
    tellStart(this, (inside, fn, context, next) => this.#start(inside, fn, context, next));
    tellMade(this, "timeout", options);
  }

  /** Seconds that a call may take. */
  get timeout(): number {
    return this.#settings.timeout / 1000;
  }

  /** @internal */
  get actsAs(): readonly Actor[] {
    return [{ kind: "timeout", name: this.name, seconds: this.timeout }];
  }

  /** Calls under way. */
  get running(): number {
    return this.#deadlines.size;
  }

  get stats(): TimeoutStats {
    return Object.freeze({
      totalCalls: this.#total,
      settledCalls: this.#total - this.#timedOut - this.#aborted - this.running,
      timedOutCalls: this.#timedOut,
      abortedCalls: this.#aborted,
    });
  }

  /** The state at this moment: frozen, JSON-serialisable. */
  snapshot(): TimeoutSnapshot {
    const { name, timeout, running, stats } = this;
    return Object.freeze({ kind: "timeout", name, timeout, running, stats });
  }

  /** Changes how long calls may take that begin from now on. */
  update(changes: TimeoutChanges): void {
    this.#settings = changeSettings(liveRules, this.#settings, changes);
  }

  protected override run<Result>(fn: Work<Result>, context: Context): Promise<Result> {
    return Promise.resolve(this.#start(DIRECT, fn, context, AS_IS)) as Promise<Result>;
  }

  #start(inside: Inside, fn: Work<unknown>, context: Context, next: Continuation): unknown {
    if (context.source !== undefined || context.deadline !== Infinity)
      return this.#startWithin(inside, fn, context, next);
    this.#total++;
    const call = new TimedCall(this.#deadlines, this.#settings.timeout, 0, next);
    return call.begin(inside, fn, context.within(call, call));
  }

  /** {@link #start} where something outside may end the call. Apart, so that V8 can inline what most calls need. */
  #startWithin(inside: Inside, fn: Work<unknown>, context: Context, next: Continuation): unknown {
    const { timeout } = this.#settings;
    const { source, deadline } = context;
    if (source?.aborted) return next.rejected(source.reason);
    const left = context.remaining * 1000;
    const length = Math.min(timeout, left);
    // An outer timeout ends it.
    const isKept = left < timeout && typeof deadline === "object" && deadline.isKept;
    this.#total++;
    if (length === 0) return next.rejected(this.#exceeded(0, 0));
    const call = new TimedCall(this.#deadlines, length, isKept ? GRACE : 0, next);
    if (source !== undefined) call.leave = onAbort(source, () => this.#abort(call, source.reason));
    return call.begin(inside, fn, context.within(call, isKept ? deadline : call));
  }

  /** What is outside gives the call up. */
  #abort(call: TimedCall, reason: unknown): void {
    if (call.isOpen) {
      this.#deadlines.remove(call);
      this.#aborted++;
    }
    call.abort(reason);
    call.end(reason);
  }

  /** Its time is over. */
  #expire(call: TimedCall, late: number): void {
    const error = this.#exceeded(call.length, late);
    call.abort(error);
    if (this.#settings.cooperative) return;
    call.leave?.();
    call.end(error);
  }

  #exceeded(length: number, late: number): TimeoutExceededError {
    const error = new TimeoutExceededError(`timeout "${this.name}"`, length / 1000, late / 1000);
    this.#timedOut++;
    this.events.emit("timeout", { error });
    return error;
  }
}
