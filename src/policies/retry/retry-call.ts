import type { Work } from "../../kernel/base-policy.js";
import type { Context } from "../../kernel/context.js";
import type { Continuation, Inside } from "../../kernel/stage.js";
import type { RetryBudget } from "./retry-budget.js";

/** What a retry does when the first attempt of a call has settled. */
export interface FirstAttempt {
  fulfilled(call: RetryCall, value: unknown): unknown;
  rejected(call: RetryCall, reason: unknown): unknown;
}

/** One call, from its first attempt to its last. */
export class RetryCall implements Continuation {
  readonly #first: FirstAttempt;
  readonly inside: Inside;
  readonly fn: Work<unknown>;
  readonly next: Continuation;
  /** The context of the first attempt. */
  readonly context: Context;
  /** When it began, by the clock; `Infinity` without `maxDuration`: one that is set later does not apply. */
  started: number = Infinity;
  /** The budget that counts it; `undefined` if an outer policy has counted it. */
  countedBy: RetryBudget | undefined = undefined;
  attempt = 1;
  /** The last delay, in milliseconds. */
  previous: number | undefined = undefined;
  /** Whether the budget has allowed the current or next attempt as an extra one. */
  isExtra = false;
  isOver = false;

  constructor(first: FirstAttempt, inside: Inside, fn: Work<unknown>, next: Continuation, context: Context) {
    this.#first = first;
    this.inside = inside;
    this.fn = fn;
    this.next = next;
    this.context = context;
  }

  fulfilled(value: unknown): unknown {
    return this.#first.fulfilled(this, value);
  }

  rejected(reason: unknown): unknown {
    return this.#first.rejected(this, reason);
  }
}
