import { disown, isThenable } from "../kernel/thenable.js";
import { warn } from "../kernel/warning.js";
import type { Verdict } from "./machine.js";
import type { CircuitBreakerSettings } from "./options.js";

type Predicates = Pick<CircuitBreakerSettings, "name" | "excludedErrors" | "isFailure">;

function answer(given: unknown): boolean {
  if (!isThenable(given)) return Boolean(given);
  // Its answer comes too late.
  disown(given);
  throw new TypeError("a predicate must answer at once; got a promise.");
}

/** Says what a settled call means. A predicate that throws makes it a failure and is reported by a warning. */
export function judge(predicates: Predicates, fulfilled: boolean, value: unknown): Verdict {
  const { name, excludedErrors, isFailure } = predicates;
  try {
    if (!fulfilled && excludedErrors.some((matches) => answer(matches(value)))) return "ignored";
    const failed =
      isFailure === undefined
        ? !fulfilled
        : answer(
            isFailure(fulfilled ? { status: "fulfilled", value } : { status: "rejected", reason: value }),
          );
    return failed ? "failure" : "success";
  } catch (error) {
    warn(
      "KSTLIB_PREDICATE_FAILED",
      `a predicate of circuit "${name}" failed; the call counts as failed`,
      error,
    );
    return "failure";
  }
}
