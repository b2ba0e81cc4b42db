import type { Actor } from "../../kernel/actor.js";
import { SyncBasePolicy, type Work } from "../../kernel/base-policy.js";
import type { Context } from "../../kernel/context.js";
import { throwIfAborted } from "../../kernel/abort.js";
import { delay } from "../../kernel/delay.js";
import { holds } from "../../kernel/judge.js";
import { tellMade } from "../../kernel/configured.js";
import { changeSettings, resolveOptions } from "../../kernel/options.js";
import { type Outcome, outcomeOf, rejected, unwrap } from "../../kernel/outcome.js";
import { runAbortable } from "../../kernel/policy.js";
import {
  AS_IS,
  type Continuation,
  DIRECT,
  follow,
  type Inside,
  proceed,
  runThen,
  tellStart,
} from "../../kernel/stage.js";
import { budgetOf } from "./budget-option.js";
import { type FirstAttempt, RetryCall } from "./retry-call.js";
import { requestedDelay, discard, isRefused, isRetryable } from "./hint.js";
import {
  type RetryOptions,
  retryRules,
  type RetrySettings,
  liveRules,
  type RetryChanges,
} from "./options.js";
import { leastDelay, ownDelay } from "./own-delay.js";
import type { RetryBudget } from "./retry-budget.js";
import type { RetryEvents, RetrySnapshot, RetryStats } from "./report.js";

/**
 * Calls a function again when it fails, up to `attempts` times in all, after a random delay that grows. What the server
 * asks for (`retryAfter` of an error, `Retry-After` of a `Response`) is a lower bound of the delay and never shortened: if
 * it does not fit into the time that is left, the call ends at once. A call settles with its last outcome: the original
 * error, or the value. Only a delay keeps the process alive.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { Retry } from "@kstlib/resilience";
 * const retry = new Retry({ attempts: 3, delay: "10ms" });
 * const result = await retry.execute(({ attempt }) => {
 *   if (attempt < 3) throw new Error("not yet");
 *   return `attempt ${attempt}`;
 * });
 * console.assert(result === "attempt 3" && retry.stats.retries === 2);
 * ```
 */
export class Retry extends SyncBasePolicy<RetryEvents> {
  #settings: RetrySettings;
  readonly #budget: RetryBudget | undefined;
  #total = 0;
  #running = 0;
  #settled = 0;
  #exhausted = 0;
  #suppressed = 0;
  #retries = 0;
  readonly #succeeded = (value: unknown): unknown => {
    this.#settled++;
    this.#running--;
    return value;
  };
  readonly #first: FirstAttempt = {
    fulfilled: (call, value) => this.#returned(call, value),
    rejected: (call, reason) => this.#attempted(call, rejected(reason)),
  };

  constructor(options?: RetryOptions) {
    const settings = resolveOptions("Retry", retryRules, options, "retry");
    super("retry", settings.name, ["retry", "exhausted", "suppressed"]);
    this.#settings = settings;
    this.#budget = budgetOf(settings.budget);
    tellStart(this, (inside, fn, context, next) => this.#start(inside, fn, context, next));
    tellMade(this, "retry", options);
  }

  /** How often the function is called at most. */
  get attempts(): number {
    return this.#settings.attempts;
  }

  /** @internal */
  get actsAs(): readonly Actor[] {
    return [{ kind: "retry", name: this.name, seconds: leastDelay(this.#settings.delay) / 1000 }];
  }

  /** Calls under way. */
  get running(): number {
    return this.#running;
  }

  get stats(): RetryStats {
    return Object.freeze({
      totalCalls: this.#total,
      settledCalls: this.#settled,
      exhaustedCalls: this.#exhausted,
      suppressed: this.#suppressed,
      abortedCalls: this.#total - this.#settled - this.#exhausted - this.#suppressed - this.#running,
      retries: this.#retries,
    });
  }

  /** Changes options, for calls under way from their next attempt on; a `maxDuration` where there was none, for later calls. */
  update(changes: RetryChanges): void {
    this.#settings = changeSettings(liveRules, this.#settings, changes);
  }

  /** The state at this moment: frozen, JSON-serialisable. */
  snapshot(): RetrySnapshot {
    const { name, attempts, running, stats } = this;
    return Object.freeze({ kind: "retry", name, attempts, running, stats });
  }

  protected override run<Result>(fn: Work<Result>, context: Context): Promise<Result> {
    return Promise.resolve(this.#start(DIRECT, fn, context, AS_IS)) as Promise<Result>;
  }

  #start(inside: Inside, fn: Work<unknown>, outer: Context, next: Continuation): unknown {
    if (!this.#isPlain(outer)) return this.#startWhole(inside, fn, outer, next);
    this.#total++;
    this.#running++;
    return inside === DIRECT && next === AS_IS
      ? this.#runAlone(fn, outer)
      : inside.start(fn, outer, new RetryCall(this.#first, inside, fn, next, outer));
  }

  /** Without anything inside or around it: what keeps the call's state is made when it fails. */
  #runAlone(fn: Work<unknown>, context: Context): unknown {
    return runThen(fn, context, this.#succeeded, (reason) =>
      new RetryCall(this.#first, DIRECT, fn, AS_IS, context).rejected(reason),
    );
  }

  #startWhole(inside: Inside, fn: Work<unknown>, outer: Context, next: Continuation): unknown {
    let call: RetryCall;
    try {
      throwIfAborted(outer.source);
      call = this.#begin(outer, inside, fn, outer.source === undefined ? next : AS_IS);
    } catch (error) {
      return next.rejected(error);
    }
    const { context } = call;
    const run = (): unknown => inside.start(fn, context, call);
    if (outer.source === undefined) return run();
    const release = (): void => this.#leave(call);
    return follow(runAbortable(run, outer, { returned: release, failure: release, release }), next);
  }

  #isPlain({ source, deadline, attempt }: Context): boolean {
    const { maxDuration, retryIf } = this.#settings;
    const isOwn = this.#budget === undefined && maxDuration === undefined && retryIf === undefined;
    return isOwn && source === undefined && deadline === Infinity && attempt === 1;
  }

  #returned(call: RetryCall, value: unknown): unknown {
    if (this.#settings.retryIf !== undefined) return this.#attempted(call, { status: "fulfilled", value });
    if (!call.isOver) this.#settled++;
    this.#leave(call);
    return call.next.fulfilled(value);
  }

  #attempted(call: RetryCall, outcome: Outcome): unknown {
    const wait = this.#next(call, outcome);
    return wait === undefined ? proceed(call.next, outcome) : this.#again(call, outcome, wait);
  }

  /** Makes further attempts until an outcome is final. */
  async #again(call: RetryCall, first: Outcome, firstWait: number): Promise<unknown> {
    const { source } = call.context;
    let outcome = first;
    for (let wait: number | undefined = firstWait; wait !== undefined; wait = this.#next(call, outcome)) {
      discard(outcome);
      if (wait > 0) await delay(this.#settings.clock, wait, source);
      if (source?.aborted) throw source.reason;
      const context = this.#attempt(call, outcome);
      if (context === undefined) break;
      try {
        const value = await call.inside.start(call.fn, context, AS_IS);
        outcome = { status: "fulfilled", value };
      } catch (error) {
        outcome = rejected(error);
      }
    }
    return proceed(call.next, outcome);
  }

  protected override runSync<Result>(fn: (context: Context) => Result, outer: Context): Result {
    const call = this.#begin(outer, DIRECT, fn as Work<unknown>, AS_IS);
    for (let { context } = call; ;) {
      const outcome = outcomeOf(fn, context);
      const wait = this.#next(call, outcome);
      if (wait === undefined) return unwrap(outcome);
      discard(outcome);
      if (wait > 0) this.#settings.clock.sleepSync(wait);
      const next = this.#attempt(call, outcome);
      if (next === undefined) return unwrap(outcome);
      context = next;
    }
  }

  #begin(outer: Context, inside: Inside, fn: Work<unknown>, next: Continuation): RetryCall {
    const budget = this.#budget;
    const { clock, maxDuration } = this.#settings;
    const { deadline } = outer.lasting(clock);
    // Inside a retry or hedge with the same budget, the call is already counted.
    const countedBy = outer.budget === budget ? undefined : budget;
    const isFirst = outer.attempt === 1 && countedBy === undefined && deadline === outer.deadline;
    const context = isFirst ? outer : outer.ofAttempt(1, deadline, budget ?? outer.budget);
    const call = new RetryCall(this.#first, inside, fn, next, context);
    if (maxDuration !== undefined) call.started = clock.now();
    call.countedBy = countedBy;
    this.#total++;
    this.#running++;
    countedBy?.enter();
    return call;
  }

  /** Begins another attempt, unless the delay took too long and no time is left. */
  #attempt(call: RetryCall, outcome: Outcome): Context | undefined {
    if (!this.#fits(call, 0)) {
      this.#exhaust(call, outcome);
      this.#leave(call);
      return undefined;
    }
    call.attempt++;
    this.#retries++;
    return call.context.ofAttempt(call.attempt, call.context.deadline, call.context.budget);
  }

  /** Ends a call, once: it is over, or its caller has given it up. */
  #leave(call: RetryCall): void {
    if (call.isOver) return;
    call.isOver = true;
    this.#running--;
    call.countedBy?.leave();
    this.#leaveExtra(call);
  }

  #leaveExtra(call: RetryCall): void {
    if (!call.isExtra) return;
    call.isExtra = false;
    this.#budget?.leaveExtra();
  }

  /** Milliseconds until another attempt; `undefined` when there is none and the call is over. */
  #next(call: RetryCall, outcome: Outcome): number | undefined {
    this.#leaveExtra(call);
    const wait = call.isOver || call.context.source?.aborted ? undefined : this.#decide(call, outcome);
    if (wait === undefined) this.#leave(call);
    return wait;
  }

  #decide(call: RetryCall, outcome: Outcome): number | undefined {
    const budget = this.#budget;
    const { attempts, onOpen, retryIf = isRetryable } = this.#settings;
    const { attempt, previous } = call;
    const failed = `retryIf of retry "${this.name}" failed; there is no other attempt`;
    const isWorthIt = holds(retryIf, outcome, failed);
    const isLast =
      !isWorthIt || attempt >= attempts || (onOpen === "stop" && isRefused(outcome, "ERR_CIRCUIT_OPEN"));
    const wait = isLast
      ? Infinity
      : Math.max(requestedDelay(outcome), ownDelay(this.#settings, attempt, previous, outcome));
    // A callback may have aborted the call.
    if (call.context.source?.aborted) return undefined;
    if (!isWorthIt) {
      this.#settled++;
      return undefined;
    }
    if (wait === Infinity || !this.#fits(call, wait)) {
      this.#exhaust(call, outcome);
      return undefined;
    }
    if (budget?.tryExtra() === false) {
      this.#suppressed++;
      this.events.emit("suppressed", { attempts: attempt, outcome });
      return undefined;
    }
    call.isExtra = budget !== undefined;
    call.previous = wait;
    this.events.emit("retry", { attempt, delay: wait / 1000, outcome });
    return wait;
  }

  #exhaust({ attempt }: RetryCall, outcome: Outcome): void {
    this.#exhausted++;
    this.events.emit("exhausted", { attempts: attempt, outcome });
  }

  /** Whether another attempt may begin after so many milliseconds. At the deadline itself it would have no time. */
  #fits({ context, started }: RetryCall, wait: number): boolean {
    const { maxDuration, clock } = this.#settings;
    const isWithin = maxDuration === undefined || wait <= started + maxDuration - clock.now();
    return isWithin && wait < context.remaining * 1000;
  }
}
