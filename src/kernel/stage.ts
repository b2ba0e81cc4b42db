import type { Work } from "./base-policy.js";
import { type Context, contextFor } from "./context.js";
import type { Outcome } from "./outcome.js";
import { chain, isThenable } from "./thenable.js";

/**
 * What follows when a run has settled: the policies outside, from the innermost on. As in a promise's handlers, what a
 * method returns or throws is the outcome for the caller. One of the two is called, once.
 */
export interface Continuation {
  fulfilled(value: unknown): unknown;
  rejected(reason: unknown): unknown;
}

/** What a policy runs: the policies further in, or the function itself. */
export interface Inside {
  /** Runs `fn` and goes on with `next`, whose result it returns, or a promise of it. */
  start(fn: Work<unknown>, context: Context, next: Continuation): unknown;
}

/** How a policy runs what is inside without a promise of its own. */
export type Start = (inside: Inside, fn: Work<unknown>, context: Context, next: Continuation) => unknown;

const starts = new WeakMap<object, Start>();

/**
 * Tells pipelines how a policy starts what is inside it. Those that say so share one promise, which costs less than all
 * they do themselves; the others are run by their `execute`.
 */
export function tellStart(policy: object, start: Start): void {
  starts.set(policy, start);
}

/** How the policy starts what is inside, if it has said so. */
export function startOf(policy: object): Start | undefined {
  return starts.get(policy);
}

/** Nothing follows: the outcome is the caller's. */
export const AS_IS: Continuation = {
  fulfilled: (value) => value,
  rejected(reason) {
    throw reason;
  },
};

/** Goes on after an outcome. */
export function proceed(next: Continuation, outcome: Outcome): unknown {
  return outcome.status === "fulfilled" ? next.fulfilled(outcome.value) : next.rejected(outcome.reason);
}

/** Goes on when the promise settles. */
export function follow(promise: Promise<unknown>, next: Continuation): Promise<unknown> {
  if (next === AS_IS) return promise;
  return chain(promise, next.fulfilled.bind(next), next.rejected.bind(next));
}

/** The function itself. */
export const DIRECT: Inside = {
  start(fn, context, next) {
    if (next === AS_IS) return fn(contextFor(fn, context));
    // Bound methods are smaller than functions that call them.
    return runThen(fn, context, next.fulfilled.bind(next), next.rejected.bind(next));
  },
};

/** Runs the function and goes on with one of the two handlers. */
export function runThen(
  fn: Work<unknown>,
  context: Context,
  fulfilled: Continuation["fulfilled"],
  rejected: Continuation["rejected"],
): unknown {
  let result: unknown;
  let isLater: boolean;
  try {
    result = fn(contextFor(fn, context));
    // Looked at here: a `then` that throws is a failure like any other.
    isLater = isThenable(result);
  } catch (error) {
    return rejected(error);
  }
  return isLater ? chain(result, fulfilled, rejected) : fulfilled(result);
}
