import { onAbort } from "../../kernel/abort.js";
import type { Work } from "../../kernel/base-policy.js";
import type { Clock, Timer } from "../../kernel/clock.js";
import { type Context, contextFor } from "../../kernel/context.js";
import { type Outcome, rejected } from "../../kernel/outcome.js";
import { addCause } from "../../kernel/add-cause.js";
import { Scope } from "../../kernel/scope.js";
import { isRefused } from "../retry/hint.js";
import { HedgeLostError } from "./errors.js";

/** How the attempts of one call are made; a {@link Race} asks. */
export interface RaceRules {
  readonly clock: Pick<Clock, "setTimer">;
  /** Milliseconds that an attempt may take before the next one starts beside it. */
  readonly delay: number;
  /** How many attempts there may be. */
  readonly attempts: number;
  /** Of the first attempt. */
  readonly context: Context;
  /** Whether another attempt may start; counts it. `outcome` is the failure that asks for it. */
  mayStart(attempt: number, outcome: Outcome | undefined): boolean;
  /** Whether another attempt may mend the outcome. */
  isMendable(outcome: Outcome): boolean;
  /** Milliseconds that who has failed asks to wait. */
  asked(outcome: Outcome): number;
  /** An attempt has settled, or lost. */
  left(attempt: number): void;
  /** The call is over; won by an attempt or none. */
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
  /** By attempt. */
  readonly #failures = new Map<number, Outcome<Result>>();
  #started = 0;
  #timer: Timer | undefined;
  #isOver = false;
  #leave: (() => void) | undefined;

  /** @param settle is told how the call ends, once. */
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

  /** Starts the next attempt after a while, if there may be one and it would have time. */
  #wait(milliseconds: number): void {
    this.#timer?.cancel();
    const { attempts, clock, context } = this.#rules;
    const isVain = this.#started >= attempts || milliseconds >= context.remaining * 1000;
    const wake = (): void => {
      this.#timer = undefined;
      this.#startAnother(undefined);
    };
    this.#timer = isVain ? undefined : clock.setTimer(wake, milliseconds);
  }

  #startAnother(failure: Outcome | undefined): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const next = this.#started + 1;
    const isStarted = next <= this.#rules.attempts && this.#rules.mayStart(next, failure);
    if (this.#isOver) {
      // A listener has aborted the call.
      if (isStarted) this.#rules.left(next);
    } else if (isStarted) this.#start();
    else if (this.#running.size === 0) this.#allFailed();
  }

  async #run(attempt: number, scope: Scope): Promise<void> {
    const { context } = this.#rules;
    const own = context.ofAttempt(attempt, context.deadline, context.budget).within(scope, context.deadline);
    let outcome: Outcome<Result>;
    try {
      outcome = { status: "fulfilled", value: await this.#fn(contextFor(this.#fn, own)) };
    } catch (reason) {
      outcome = rejected(reason);
    }
    if (this.#isOver) return;
    const isMendable = this.#rules.isMendable(outcome);
    // The predicate has aborted the call.
    if (this.#isOver) return;
    if (!isMendable) {
      this.#end(attempt, outcome);
      return;
    }
    this.#running.delete(attempt);
    this.#rules.left(attempt);
    this.#failures.set(attempt, outcome);
    // Nobody was called: another attempt would be refused as well.
    if (isRefused(outcome)) {
      if (this.#running.size === 0) this.#allFailed();
      return;
    }
    const asked = this.#rules.asked(outcome);
    if (asked === 0) this.#startAnother(outcome);
    else {
      this.#wait(asked);
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

  #end(winner: number | undefined, outcome: Outcome<Result>): void {
    this.#isOver = true;
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
