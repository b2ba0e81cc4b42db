import { SyncBasePolicy, type Work } from "../../kernel/base-policy.js";
import { type Context, contextFor } from "../../kernel/context.js";
import { delay } from "../../kernel/delay.js";
import { parseDuration } from "../../kernel/duration.js";
import { holds } from "../../kernel/judge.js";
import { tellMade } from "../../kernel/configured.js";
import { changeSettings, resolveOptions } from "../../kernel/options.js";
import { type Outcome, rejected, unwrap } from "../../kernel/outcome.js";
import { runAbortable } from "../../kernel/policy.js";
import { fraction } from "../../kernel/rules.js";
import { chain, isThenable } from "../../kernel/thenable.js";
import { warn } from "../../kernel/warning.js";
import { backoff } from "./backoff.js";
import type { RetryCall } from "./retry-call.js";
import { requestedDelay, discard, isRefused, isRetryable } from "./hint.js";
import {
  defaultBackoff,
  type RetryOptions,
  retryRules,
  type RetrySettings,
  liveRules,
  type RetryChanges,
} from "./options.js";
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
  #total = 0;
  #running = 0;
  #settled = 0;
  #exhausted = 0;
  #suppressed = 0;
  #retries = 0;

  constructor(options?: RetryOptions) {
    const settings = resolveOptions("Retry", retryRules, options, "retry");
    super("retry", settings.name, ["retry", "exhausted", "suppressed"]);
    this.#settings = settings;
    tellMade(this, "retry", options);
  }

  /** Names the policy in messages. */
  get #label(): string {
    return `retry "${this.name}"`;
  }

  /** How often the function is called at most. */
  get attempts(): number {
    return this.#settings.attempts;
  }

  /** Calls under way. */
  get running(): number {
    return this.#running;
  }

  get stats(): RetryStats {
    const ended = this.#settled + this.#exhausted + this.#suppressed;
    return Object.freeze({
      totalCalls: this.#total,
      settledCalls: this.#settled,
      exhaustedCalls: this.#exhausted,
      suppressed: this.#suppressed,
      abortedCalls: this.#total - ended - this.#running,
      retries: this.#retries,
    });
  }

  /** Changes options, for calls under way from their next attempt on. */
  update(changes: RetryChanges): void {
    this.#settings = changeSettings(liveRules, this.#settings, changes);
  }

  /** The state at this moment: frozen, JSON-serialisable. */
  snapshot(): RetrySnapshot {
    const { name, attempts, running, stats } = this;
    return Object.freeze({ kind: "retry", name, attempts, running, stats });
  }

  protected override run<Result>(fn: Work<Result>, outer: Context): Promise<Result> {
    const call = this.#begin(outer);
    if (outer.source === undefined) return this.#first(fn, call);
    const release = (): void => this.#leave(call);
    const held = { returned: release, failure: release, release };
    return runAbortable(() => this.#first(fn, call), outer, held);
  }

  /** Separate, and without `async`, because most calls need no second attempt: they cost only one promise. */
  #first<Result>(fn: Work<Result>, call: RetryCall): Promise<Result> {
    let result: Result | PromiseLike<Result>;
    let isLater: boolean;
    try {
      result = fn(contextFor(fn, call.context));
      // Inside the `try`: a `then` that throws is a failure like any other.
      isLater = isThenable(result);
    } catch (error) {
      return this.#again(fn, call, rejected(error));
    }
    const failed = (reason: unknown): Promise<Result> => this.#again(fn, call, rejected(reason));
    if (this.#settings.retryIf !== undefined) {
      const returned = (value: Result): Promise<Result> =>
        this.#again(fn, call, { status: "fulfilled", value });
      return chain(result, returned, failed);
    }
    const settled = (value: Result): Result => {
      if (!call.isOver) this.#settled++;
      this.#leave(call);
      return value;
    };
    if (isLater) return chain(result, settled, failed);
    return Promise.resolve(settled(result as Result));
  }

  /** Makes further attempts until an outcome is final. */
  async #again<Result>(fn: Work<Result>, call: RetryCall, first: Outcome<Result>): Promise<Result> {
    const { source } = call.context;
    let outcome = first;
    for (let wait = this.#next(call, outcome); wait !== undefined; wait = this.#next(call, outcome)) {
      discard(outcome);
      if (wait > 0) await delay(this.#settings.clock, wait, source);
      if (source?.aborted) throw source.reason;
      const context = this.#attempt(call, outcome);
      if (context === undefined) break;
      try {
        const value = await fn(contextFor(fn, context));
        outcome = { status: "fulfilled", value };
      } catch (error) {
        outcome = rejected(error);
      }
    }
    return unwrap(outcome);
  }

  protected override runSync<Result>(fn: (context: Context) => Result, outer: Context): Result {
    const call = this.#begin(outer);
    for (let { context } = call; ;) {
      let outcome: Outcome<Result>;
      try {
        outcome = { status: "fulfilled", value: fn(context) };
      } catch (error) {
        outcome = rejected(error);
      }
      const wait = this.#next(call, outcome);
      if (wait === undefined) return unwrap(outcome);
      discard(outcome);
      if (wait > 0) this.#settings.clock.sleepSync(wait);
      const next = this.#attempt(call, outcome);
      if (next === undefined) return unwrap(outcome);
      context = next;
    }
  }

  #begin(outer: Context): RetryCall {
    const { budget, clock, maxDuration } = this.#settings;
    this.#total++;
    this.#running++;
    // Inside a retry or hedge with the same budget, the call is already counted.
    const countedBy = outer.budget === budget ? undefined : budget;
    countedBy?.enter();
    const { deadline } = outer.lasting(clock);
    const isFirst = outer.attempt === 1 && countedBy === undefined && deadline === outer.deadline;
    return {
      context: isFirst ? outer : outer.ofAttempt(1, deadline, budget ?? outer.budget),
      started: maxDuration === undefined ? 0 : clock.now(),
      countedBy,
      attempt: 1,
      previous: undefined,
      isExtra: false,
      isOver: false,
    };
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
    this.#settings.budget?.leaveExtra();
  }

  /** Milliseconds until another attempt; `undefined` when there is none and the call is over. */
  #next(call: RetryCall, outcome: Outcome): number | undefined {
    this.#leaveExtra(call);
    const wait = call.isOver || call.context.source?.aborted ? undefined : this.#decide(call, outcome);
    if (wait === undefined) this.#leave(call);
    return wait;
  }

  #decide(call: RetryCall, outcome: Outcome): number | undefined {
    const { attempts, budget, onOpen } = this.#settings;
    const { attempt } = call;
    const isWorthIt = this.#isWorthIt(outcome);
    const isLast =
      !isWorthIt || attempt >= attempts || (onOpen === "stop" && isRefused(outcome, "ERR_CIRCUIT_OPEN"));
    const wait = isLast ? Infinity : Math.max(requestedDelay(outcome), this.#delay(call, outcome));
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

  #isWorthIt(outcome: Outcome): boolean {
    const { retryIf = isRetryable } = this.#settings;
    return holds(retryIf, outcome, `retryIf of ${this.#label} failed; there is no other attempt`);
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

  #delay({ attempt, previous }: RetryCall, outcome: Outcome): number {
    const { delay: setting, random = Math.random } = this.#settings;
    try {
      if (typeof setting !== "function") return backoff(setting, attempt, previous, fraction(random()));
      const previousDelay = previous === undefined ? undefined : previous / 1000;
      return parseDuration(setting({ attempt, outcome, previousDelay }), "delay", { zero: true, long: true });
    } catch (error) {
      warn("KSTLIB_DELAY_FAILED", `delay or random of ${this.#label} failed; the default is used`, error);
      return backoff(defaultBackoff, attempt, previous, Math.random());
    }
  }
}
