import { isThenable } from "../kernel/thenable.js";
import { warn } from "../kernel/warning.js";
import type { CircuitBreakerSettings } from "./options.js";

/** What a settled call means to the circuit: the total it is counted in. */
export type Verdict = "successfulCalls" | "failedCalls" | "ignoredCalls";

type Predicates = Pick<CircuitBreakerSettings, "name" | "excludedErrors" | "isFailure">;

function answer(given: unknown): boolean {
  if (!isThenable(given)) return Boolean(given);
  // Its answer comes too late; what it rejects with must not become an unhandled rejection.
  given.then(undefined, () => {});
  throw new TypeError("a predicate must answer at once; got a promise.");
}

/** Says what a settled call means. A predicate that throws makes it a failure and is reported by a warning. */
export function judge(predicates: Predicates, fulfilled: boolean, value: unknown): Verdict {
  const { name, excludedErrors, isFailure } = predicates;
  let failed = !fulfilled;
  try {
    if (failed && excludedErrors.some((matches) => answer(matches(value)))) return "ignoredCalls";
    if (isFailure !== undefined) {
      const outcome = failed
        ? ({ status: "rejected", reason: value } as const)
        : ({ status: "fulfilled", value } as const);
      failed = answer(isFailure(outcome));
    }
  } catch (error) {
    failed = true;
    warn(
      "KSTLIB_PREDICATE_FAILED",
      `a predicate of circuit "${name}" failed; the call counts as failed`,
      error,
    );
  }
  return failed ? "failedCalls" : "successfulCalls";
}
