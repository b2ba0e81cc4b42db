import type { Outcome } from "./outcome.js";
import { isRefusal } from "./refusal.js";
import { disown, isThenable } from "./thenable.js";
import { warn } from "./warning.js";

/** What a settled call shows about the health of the service. */
export type Verdict = "success" | "failure" | "ignored";

/** The predicates of an application that judge how a call ended. */
export interface Predicates {
  readonly excludedErrors: readonly ((error: unknown) => unknown)[];
  readonly isFailure?: ((outcome: Outcome) => unknown) | undefined;
}

/** The answer of an application's predicate. Throws a TypeError for a promise, which would answer too late. */
export function answer(given: unknown): boolean {
  if (!isThenable(given)) return Boolean(given);
  disown(given);
  throw new TypeError("a predicate must answer at once; got a promise.");
}

/** Whether it is the error of a timeout that has ended a call. */
export function isTimeout(error: unknown): error is object {
  return typeof error === "object" && error !== null && Reflect.get(error, "code") === "ERR_TIMEOUT_EXCEEDED";
}

/**
 * Whether it is a timeout that says nothing about the service: its timer was late by more than half of it, because this
 * thread was blocked; or there was no time at all, so that nothing was called.
 */
export function isNeutralTimeout(error: unknown): boolean {
  if (!isTimeout(error)) return false;
  const [late, seconds] = [Reflect.get(error, "late"), Reflect.get(error, "seconds")] as unknown[];
  return typeof late === "number" && typeof seconds === "number" && (late > seconds / 2 || seconds === 0);
}

/**
 * Judges a settled call. An inner policy's refusal does not count, as nothing was called; nor does a timeout that says
 * nothing about the service. A predicate that throws makes it a failure and is reported by a warning.
 *
 * @param owner the policy that the predicates belong to, for the warning.
 */
export function judge(owner: string, predicates: Predicates, fulfilled: boolean, value: unknown): Verdict {
  const { excludedErrors, isFailure } = predicates;
  try {
    if (
      !fulfilled &&
      (isRefusal(value) ||
        isNeutralTimeout(value) ||
        excludedErrors.some((matches) => answer(matches(value))))
    ) {
      return "ignored";
    }
    const failed =
      isFailure === undefined
        ? !fulfilled
        : answer(
            isFailure(fulfilled ? { status: "fulfilled", value } : { status: "rejected", reason: value }),
          );
    return failed ? "failure" : "success";
  } catch (error) {
    warn("KSTLIB_PREDICATE_FAILED", `a predicate of ${owner} failed; the call counts as failed`, error);
    return "failure";
  }
}

/**
 * The answer of an application's predicate to an outcome. If it throws, the answer is `false`, and a warning reports it.
 *
 * @param failed the warning's text: whose predicate it is, and what applies instead.
 */
export function holds(predicate: (outcome: Outcome) => unknown, outcome: Outcome, failed: string): boolean {
  try {
    return answer(predicate(outcome));
  } catch (error) {
    warn("KSTLIB_PREDICATE_FAILED", failed, error);
    return false;
  }
}
