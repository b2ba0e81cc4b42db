import { onAbort } from "../../kernel/abort.js";
import type { Work } from "../../kernel/base-policy.js";
import type { Clock, Timer } from "../../kernel/clock.js";
import { Context, contextFor } from "../../kernel/context.js";
import { setFairTimer } from "../../kernel/fair-timer.js";
import { type Outcome, rejected } from "../../kernel/outcome.js";
import { addCause } from "../../kernel/add-cause.js";
import { Scope } from "../../kernel/scope.js";
import { discard, isRefused, requestedDelay } from "../retry/hint.js";
import { HedgeLostError } from "./errors.js";

/** What a {@link Race} asks about the attempts of its call. */
export interface RaceRules {
  readonly clock: Pick<Clock, "now" | "setTimer">;
  /** Milliseconds that an attempt may take before the next one starts beside it. */
  readonly delay: number;
  /** The most attempts. */
  readonly attempts: number;
  /** The context of the first attempt. */
  readonly context: Context;
  /** Whether another attempt may start; counts it. `outcome` is the failure that led to it. */
  mayStart(attempt: number, outcome: Outcome | undefined): boolean;
  /** Whether another attempt may succeed after this outcome. */
  isNonFatal(outcome: Outcome): boolean;
  /** An attempt has settled, or lost. */
  left(attempt: number): void;
  /** The call is over; `winner` is the attempt that succeeded, if any. */
  over(winner: number | undefined): void;
}

/**
 * The attempts of one call. The first success wins and aborts the others; a failure starts the next attempt at once. The
 * rules are those of gRPC's hedging policy (gRFC A6).
 */
export class Race<Result> {
  readonly #fn: Work<Result>;
  readonly #rules: RaceRules;
  readonly #settle: (outcome: Outcome<Result>) => void;
  readonly #running = new Map<number, Scope>();
  /** By attempt number. */
  readonly #failures = new Map<number, Outcome<Result>>();
  #started = 0;
  #timer: Timer | undefined;
  #isOver = false;
  /** What the caller gets. */
  #result: Result | undefined;
  #leave: (() => void) | undefined;

  /** @param settle called once, with how the call ends. */
  constructor(fn: Work<Result>, rules: RaceRules, settle: (outcome: Outcome<Result>) => void) {
    this.#fn = fn;
    this.#rules = rules;
    this.#settle = settle;
  }

  begin(): void {
    const { source } = this.#rules.context;
    if (source !== undefined) {
      const abort = (): void => this.#end(undefined, rejected(source.reason));
      this.#leave = onAbort(source, abort);
    }
    this.#start();
  }

  #start(): void {
    const attempt = ++this.#started;
    const scope = new Scope();
    this.#running.set(attempt, scope);
    this.#wait(this.#rules.delay);
    void this.#run(attempt, scope);
  }

  /** Starts the next attempt after a delay, if one is allowed and would have time. */
  #wait(milliseconds: number): void {
    this.#timer?.cancel();
    const { attempts, clock, context } = this.#rules;
    const isVain = this.#started >= attempts || milliseconds >= context.remaining * 1000;
    this.#timer = isVain ? undefined : setFairTimer(clock, () => this.#startAnother(), milliseconds);
  }

  #startAnother(failure?: Outcome): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const next = this.#started + 1;
    const isStarted = next <= this.#rules.attempts && this.#rules.mayStart(next, failure);
    if (this.#isOver) {
      // A listener may have aborted the call.
      if (isStarted) this.#rules.left(next);
    } else if (isStarted) this.#start();
    else if (this.#running.size === 0) this.#allFailed();
  }

  async #run(attempt: number, scope: Scope): Promise<void> {
    const { context } = this.#rules;
    const own = new Context(scope, attempt, context.deadline, context.budget, context.args);
    let outcome: Outcome<Result>;
    try {
      outcome = { status: "fulfilled", value: await this.#fn(contextFor(this.#fn, own)) };
    } catch (reason) {
      outcome = rejected(reason);
    }
    const isNonFatal = !this.#isOver && this.#rules.isNonFatal(outcome);
    // It comes too late, or the predicate has aborted the call.
    if (this.#isOver) {
      this.#drop(outcome);
      return;
    }
    if (!isNonFatal) {
      this.#end(attempt, outcome);
      return;
    }
    this.#running.delete(attempt);
    this.#rules.left(attempt);
    this.#failures.set(attempt, outcome);
    // The service was not called: another attempt would be refused as well.
    if (isRefused(outcome)) {
      if (this.#running.size === 0) this.#allFailed();
      return;
    }
    const requested = requestedDelay(outcome);
    if (requested === 0) this.#startAnother(outcome);
    else {
      this.#wait(requested);
      if (this.#timer === undefined && this.#running.size === 0) this.#allFailed();
    }
  }

  #allFailed(): void {
    const [first, ...others] = [...this.#failures].toSorted(([one], [other]) => one - other);
    if (first === undefined) return;
    const [, outcome] = first;
    const reasons = others.flatMap(([, other]) => (other.status === "rejected" ? [other.reason] : []));
    if (outcome.status === "rejected" && reasons.length > 0)
      addCause(outcome.reason, new AggregateError(reasons, "the other attempts failed as well"));
    this.#end(undefined, outcome);
  }

  /** The caller does not get it, unless two attempts share one result. */
  #drop(outcome: Outcome): void {
    if (outcome.value !== this.#result) discard(outcome);
  }

  #end(winner: number | undefined, outcome: Outcome<Result>): void {
    this.#isOver = true;
    this.#result = outcome.value;
    for (const failure of this.#failures.values()) this.#drop(failure);
    this.#timer?.cancel();
    this.#leave?.();
    const lost = [...this.#running];
    this.#running.clear();
    for (const [attempt] of lost) this.#rules.left(attempt);
    this.#rules.over(outcome.status === "fulfilled" ? winner : undefined);
    this.#settle(outcome);
    for (const [attempt, scope] of lost) {
      if (attempt !== winner)
        scope.abort(outcome.status === "rejected" ? outcome.reason : new HedgeLostError());
    }
  }
}
