import type { Work } from "../../kernel/base-policy.js";
import type { Context } from "../../kernel/context.js";
import type { Continuation, Inside } from "../../kernel/stage.js";
import type { RetryBudget } from "./retry-budget.js";

/** What a retry does when the first attempt of a call has settled. */
export interface FirstAttempt {
  fulfilled(course: Course, value: unknown): unknown;
  rejected(course: Course, reason: unknown): unknown;
}

/** One call, from its first attempt to its last. */
export class Course implements Continuation {
  readonly #first: FirstAttempt;
  readonly inside: Inside;
  readonly fn: Work<unknown>;
  readonly next: Continuation;
  /** Of the first attempt. */
  readonly context: Context;
  /** When it began, by the clock; only where it has a longest duration. */
  readonly started: number;
  /** The budget that counts it, unless it was counted outside. */
  readonly countedBy: RetryBudget | undefined;
  attempt = 1;
  /** Milliseconds of the last delay. */
  previous: number | undefined = undefined;
  /** The budget has allowed the attempt that is coming or under way. */
  isExtra = false;
  isOver = false;

  constructor(
    first: FirstAttempt,
    inside: Inside,
    fn: Work<unknown>,
    next: Continuation,
    context: Context,
    started: number,
    countedBy: RetryBudget | undefined,
  ) {
    this.#first = first;
    this.inside = inside;
    this.fn = fn;
    this.next = next;
    this.context = context;
    this.started = started;
    this.countedBy = countedBy;
  }

  fulfilled(value: unknown): unknown {
    return this.#first.fulfilled(this, value);
  }

  rejected(reason: unknown): unknown {
    return this.#first.rejected(this, reason);
  }
}
